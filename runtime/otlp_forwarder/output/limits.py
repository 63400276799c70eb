"""Keep the limits of a destination when requests are made.

A part that is within them is passed on as it is. Of any other the spans that can be taken are
parted from those that never can, each with the resource and scope that they belong to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter

from otlp_forwarder.input import wire
from otlp_forwarder.input.malformed import MalformedError
from otlp_forwarder.input.records import Part
from otlp_forwarder.output.destination import ANY, HOUR, Destination, Limits, Slot

#: ``Resource resource = 1`` of ResourceSpans, ``InstrumentationScope scope = 1`` of ScopeSpans.
_SHARED = 0x0A
#: Bytes of a tag and the longest length.
_HEAD = 1 + wire.MAX_VARINT_BYTES


@dataclass(slots=True)
class _Scope:
    """A ScopeSpans: where its content is, and where its spans are, with their times."""

    start: int
    end: int
    spans: list[tuple[int, int, int, int]]


def keep_limits(
    parts: Iterable[tuple[Destination, Part]], now: int
) -> Iterator[tuple[Destination, Part]]:
    """Yield parts that their destinations can take, and those that they never can.

    Args:
        parts: Each part with its destination.
        now: The time, in nanoseconds since 1970.
    """
    slotted: dict[tuple[Destination, Slot], Destination] = {}
    for destination, part in parts:
        limits = destination.limits
        if limits is None:
            yield destination, part
            continue
        try:
            fitted = _fit(part, limits, now)
        except MalformedError as error:
            fitted = [(Slot(refusal=str(error)), part)]
        for slot, fitting in fitted:
            key = destination, slot
            if key not in slotted:
                slotted[key] = replace(destination, slot=slot)
            yield slotted[key], fitting


def _fit(part: Part, limits: Limits, now: int) -> list[tuple[Slot, Part]]:
    data = part.data
    _, start, end = wire.field(data, 0, len(data))
    resource = 0
    scopes = []
    for tag, content, stop in wire.walk(data, start, end):
        if tag == wire.SCOPE_SPANS:
            scopes.append(_Scope(content, stop, wire.spans_in(data, content, stop)))
        elif tag == _SHARED:
            resource = stop - content
    count = sum(len(scope.spans) for scope in scopes)
    refused = [_has_too_much_shared(data, scope, resource, limits) for scope in scopes]
    if (
        not any(refused)
        and count <= limits.request_spans
        and len(data) <= limits.request_bytes
        and (slot := _common_slot(scopes, limits, now))
    ):
        return [(slot, Part(part.item, data, count))]
    return [
        (slot, Part(part.item, *made))
        for slot, spans in _sorted(scopes, refused, limits, now)
        for made in _divide(data, _without(data, start, end, wire.SCOPE_SPANS), spans, limits)
    ]


def _common_slot(scopes: list[_Scope], limits: Limits, now: int) -> Slot | None:
    """Return the slot of all spans, or None if one of them may be in another."""
    spans = [span for scope in scopes for span in scope.spans]
    if not spans:
        return ANY
    first = min([began for _, _, began, _ in spans])
    last = max([ended for _, _, _, ended in spans])
    largest = max([stop - content for content, stop, _, _ in spans])
    half = limits.window // 2
    fits = (
        largest <= limits.span_bytes
        and first >= now - limits.past
        and last <= now + limits.future
        and last - first <= half
    )
    # What begins in the same half of a window, and lasts no longer, is within one window.
    return Slot(first // half) if fits else None


def _slot(span: tuple[int, int, int, int], limits: Limits, now: int) -> Slot:
    content, stop, began, ended = span
    if stop - content > limits.span_bytes:
        return Slot(refusal=f"a span has more than {limits.span_bytes} bytes")
    if began < now - limits.past:
        return Slot(refusal=f"a span began more than {limits.past // HOUR} hours ago")
    if ended > now + limits.future:
        return Slot(refusal=f"a span ends more than {limits.future // HOUR} hours from now")
    half = limits.window // 2
    # A longer one goes by itself.
    return Slot(began // half if ended - began <= half else -began)


def _has_too_much_shared(data: bytes, scope: _Scope, resource: int, limits: Limits) -> bool:
    most = limits.shared_bytes - resource
    # All that is no content of a span, so at least as much as the scope.
    if scope.end - scope.start - sum([stop - start for start, stop, _, _ in scope.spans]) <= most:
        return False
    fields = wire.walk(data, scope.start, scope.end)
    return sum(stop - content for tag, content, stop in fields if tag == _SHARED) > most


def _sorted(
    scopes: list[_Scope], refused: list[bool], limits: Limits, now: int
) -> list[tuple[Slot, list[tuple[_Scope, int, int]]]]:
    """Return the spans of each slot, with their scopes."""
    slots: defaultdict[Slot, list[tuple[_Scope, int, int]]] = defaultdict(list)
    shared = Slot(refusal=f"a resource and its scope have more than {limits.shared_bytes} bytes")
    for scope, is_refused in zip(scopes, refused, strict=True):
        for span in scope.spans:
            slot = shared if is_refused else _slot(span, limits, now)
            slots[slot].append((scope, span[0], span[1]))
    return sorted(slots.items(), key=itemgetter(0))


def _divide(
    data: bytes, resource: bytes, spans: list[tuple[_Scope, int, int]], limits: Limits
) -> Iterator[tuple[bytes, int]]:
    """Yield ResourceSpans that hold the spans, and how many each holds."""
    chosen: list[tuple[_Scope, int, int]] = []
    heads: dict[int, int] = {}
    size = 0
    for scope, start, stop in spans:
        if scope.start not in heads:
            fields = _without(data, scope.start, scope.end, wire.SPAN)
            heads[scope.start] = len(fields) + _HEAD
        is_new_scope = not chosen or chosen[-1][0] is not scope
        needed = stop - start + _HEAD + heads[scope.start] * is_new_scope
        full = len(chosen) == limits.request_spans or size + needed > limits.request_bytes
        if chosen and full:
            yield _joined(data, resource, chosen)
            chosen = []
        if not chosen:
            size = len(resource) + _HEAD
            needed = stop - start + _HEAD + heads[scope.start]
        chosen.append((scope, start, stop))
        size += needed
    if chosen:
        yield _joined(data, resource, chosen)


def _joined(
    data: bytes, resource: bytes, spans: list[tuple[_Scope, int, int]]
) -> tuple[bytes, int]:
    made = [resource]
    for _, group in groupby(spans, key=lambda each: each[0].start):
        in_scope = list(group)
        scope = in_scope[0][0]
        fields = _without(data, scope.start, scope.end, wire.SPAN)
        content = b"".join(_tagged(wire.SPAN, data[start:stop]) for _, start, stop in in_scope)
        made.append(_tagged(wire.SCOPE_SPANS, fields + content))
    return _tagged(wire.RESOURCE_SPANS, b"".join(made)), len(spans)


def _without(data: bytes, start: int, end: int, unwanted: int) -> bytes:
    """Return the fields of a message but those with a tag."""
    kept = []
    for tag, _, stop in wire.walk(data, start, end):
        if tag != unwanted:
            kept.append(data[start:stop])
        start = stop
    return b"".join(kept)


def _tagged(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + wire.encode_varint(len(content)) + content
