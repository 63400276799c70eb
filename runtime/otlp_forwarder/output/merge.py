"""Merge parts into few requests, without parsing them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otlp_forwarder.input.records import Part
    from otlp_forwarder.output.destination import Destination


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent to one destination at once.

    Args:
        destination: Where it goes.
        parts: What it holds, in the order in which it came.
    """

    destination: Destination
    parts: list[Part]

    @property
    def body(self) -> bytes:
        """The serialized ExportTraceServiceRequest.

        ``resource_spans`` is a repeated field: serialized fields one after the other are the merged
        request. Source: https://protobuf.dev/programming-guides/encoding/#last-one-wins
        """
        return b"".join([part.data for part in self.parts])

    @property
    def size(self) -> int:
        """Size of the body in bytes."""
        return sum(len(part.data) for part in self.parts)

    @property
    def spans(self) -> int:
        """Number of spans, for metrics."""
        return sum(part.spans for part in self.parts)

    def halves(self) -> tuple[Request, Request]:
        """Return two requests that together hold the same."""
        middle = len(self.parts) // 2
        return (
            Request(self.destination, self.parts[:middle]),
            Request(self.destination, self.parts[middle:]),
        )


def merge(parts: Iterable[tuple[Destination, Part]], limit: int) -> Iterator[Request]:
    """Yield requests that hold all parts, for each destination in their order.

    Args:
        parts: Each part with its destination.
        limit: Most bytes of a request, and of all requests that wait to be filled. A single
            larger part is a request by itself: it could only be divided by parsing it, and most
            collectors accept more than the limit.
    """
    open_: dict[Destination, list[Part]] = {}
    sizes: dict[Destination, int] = {}
    spans: dict[Destination, int] = {}
    held = 0
    for destination, part in parts:
        size = len(part.data)
        limits = destination.limits
        if limits and destination in open_:
            spans[destination] += part.spans
            if spans[destination] > limits.request_spans:
                held -= sizes.pop(destination)
                yield Request(destination, open_.pop(destination))
        while open_ and held + size > limit:
            fullest = max(sizes, key=sizes.__getitem__)
            held -= sizes.pop(fullest)
            yield Request(fullest, open_.pop(fullest))
        if destination not in open_:
            open_[destination], sizes[destination], spans[destination] = [], 0, part.spans
        open_[destination].append(part)
        sizes[destination] += size
        held += size
    for destination, waiting in open_.items():
        yield Request(destination, waiting)
