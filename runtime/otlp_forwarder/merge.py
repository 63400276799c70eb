"""Merge serialized resource spans into few requests, without parsing them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def merge(fields: Iterable[bytes], limit: int) -> Iterator[bytes]:
    """Yield serialized requests that hold all fields in their order.

    ``resource_spans`` is a repeated field, so putting serialized fields one after the other is
    the merged request. Source: Protocol Buffers encoding guide, "Last One Wins".

    Args:
        fields: Serialized resource spans, each with its tag and length.
        limit: Most bytes of a request. A single larger field is a request by itself: it could
            only be divided by parsing it, and most collectors accept more than the limit.
    """
    held: list[bytes] = []
    size = 0
    for field in fields:
        if held and size + len(field) > limit:
            yield b"".join(held)
            held, size = [], 0
        held.append(field)
        size += len(field)
    if held:
        yield b"".join(held)
