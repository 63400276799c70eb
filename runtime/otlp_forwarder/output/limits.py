"""Keep the limits of a destination when requests are made.

A part that is within them is passed on as it is. Of any other the spans that can be taken are
parted from those that never can, each with the resource and scope that they belong to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import replace
from operator import itemgetter

from otlp_forwarder.input import wire
from otlp_forwarder.input.malformed import MalformedError
from otlp_forwarder.input.records import Part
from otlp_forwarder.output.destination import ANY, HOUR, Destination, Limits, Slot
from otlp_forwarder.output.spans import SHARED, Opened, ScopeSpans, Span, opened

#: Bytes of a tag and the longest length.
_HEAD = 1 + wire.MAX_VARINT_BYTES


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
    found = opened(part)
    scopes = found.scopes
    count = sum(len(scope.spans) for scope in scopes)
    refused = [_has_too_much_shared(found, scope, limits) for scope in scopes]
    if (
        not any(refused)
        and count <= limits.request_spans
        and len(part.data) <= limits.request_bytes
        and (slot := _common_slot(scopes, limits, now))
    ):
        return [(slot, Part(part.item, part.data, count))]
    return [
        (slot, made)
        for slot, spans in _sorted(scopes, refused, limits, now)
        for made in _divide(found, spans, limits)
    ]


def _common_slot(scopes: list[ScopeSpans], limits: Limits, now: int) -> Slot | None:
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


def _has_too_much_shared(found: Opened, scope: ScopeSpans, limits: Limits) -> bool:
    start, end = found.resource
    most = limits.shared_bytes - (end - start)
    # All that is no content of a span, so at least as much as the scope.
    if scope.end - scope.start - sum([stop - start for start, stop, _, _ in scope.spans]) <= most:
        return False
    fields = wire.walk(found.part.data, scope.start, scope.end)
    return sum(stop - content for tag, content, stop in fields if tag == SHARED) > most


def _sorted(
    scopes: list[ScopeSpans], refused: list[bool], limits: Limits, now: int
) -> list[tuple[Slot, list[Span]]]:
    """Return the spans of each slot."""
    slots: defaultdict[Slot, list[Span]] = defaultdict(list)
    shared = Slot(refusal=f"a resource and its scope have more than {limits.shared_bytes} bytes")
    for scope, is_refused in zip(scopes, refused, strict=True):
        for span in scope.spans:
            slot = shared if is_refused else _slot(span, limits, now)
            slots[slot].append(Span(scope, span[0], span[1]))
    return sorted(slots.items(), key=itemgetter(0))


def _divide(found: Opened, spans: list[Span], limits: Limits) -> Iterator[Part]:
    """Yield parts that hold the spans."""
    heads = {id(scope): len(found.shared_in(scope)) + _HEAD for scope in found.scopes}
    resource = len(found.shared()) + _HEAD
    chosen: list[Span] = []
    size = resource
    for span in spans:
        is_new_scope = not chosen or chosen[-1].scope is not span.scope
        needed = span.end - span.start + _HEAD + heads[id(span.scope)] * is_new_scope
        if chosen and (len(chosen) == limits.request_spans or size + needed > limits.request_bytes):
            yield found.keep(chosen)
            chosen, size = [], resource
            needed = span.end - span.start + _HEAD + heads[id(span.scope)]
        chosen.append(span)
        size += needed
    if chosen:
        yield found.keep(chosen)
