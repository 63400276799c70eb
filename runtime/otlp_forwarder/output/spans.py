"""Open a part down to its spans, and make parts of some of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from otlp_forwarder.input import wire
from otlp_forwarder.input.records import Part

#: ``Resource resource = 1`` of ResourceSpans, ``InstrumentationScope scope = 1`` of ScopeSpans.
SHARED = 0x0A


@dataclass(slots=True)
class ScopeSpans:
    """A ScopeSpans of the protocol.

    Args:
        start: Where its content starts.
        end: Where it ends.
        spans: What `wire.spans_in` returns of it.
    """

    start: int
    end: int
    spans: list[tuple[int, int, int, int]]


@dataclass(slots=True)
class Span:
    """A span in an opened part.

    Args:
        scope: The scope that it belongs to.
        start: Where its content starts.
        end: Where it ends.
    """

    scope: ScopeSpans
    start: int
    end: int


@dataclass(slots=True)
class Opened:
    """A part whose spans are known.

    Args:
        part: The part.
        start: Where the content of its ResourceSpans starts.
        end: Where it ends.
        resource: Where its resource starts and ends.
        scopes: What it holds.
    """

    part: Part
    start: int
    end: int
    resource: tuple[int, int] = (0, 0)
    scopes: list[ScopeSpans] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        """All spans, in their order."""
        return [Span(scope, each[0], each[1]) for scope in self.scopes for each in scope.spans]

    def shared(self) -> bytes:
        """Return the fields that all spans share: the resource and the like."""
        return without(self.part.data, self.start, self.end, wire.SCOPE_SPANS)

    def shared_in(self, scope: ScopeSpans) -> bytes:
        """Return the fields that the spans of a scope share."""
        return without(self.part.data, scope.start, scope.end, wire.SPAN)

    def keep(self, spans: Sequence[Span]) -> Part:
        """Return a part that holds some of the spans.

        Args:
            spans: At least one of them, those of a scope together.
        """
        data = self.part.data
        made = [self.shared()]
        for _, group in groupby(spans, key=lambda each: each.scope.start):
            in_scope = list(group)
            content = b"".join(tagged(wire.SPAN, data[span.start : span.end]) for span in in_scope)
            fields = self.shared_in(in_scope[0].scope)
            made.append(tagged(wire.SCOPE_SPANS, fields + content))
        return Part(self.part.item, tagged(wire.RESOURCE_SPANS, b"".join(made)), len(spans))


def opened(part: Part) -> Opened:
    """Open a part.

    Raises:
        MalformedError: The lengths in it do not add up.
    """
    data = part.data
    _, start, end = wire.field(data, 0, len(data))
    found = Opened(part, start, end)
    for tag, content, stop in wire.walk(data, start, end):
        if tag == wire.SCOPE_SPANS:
            if spans := wire.spans_in(data, content, stop):
                found.scopes.append(ScopeSpans(content, stop, spans))
        elif tag == SHARED:
            found.resource = content, stop
    return found


def sorted_out(
    part: Part, wanted: Callable[[Opened, Span], bool]
) -> tuple[Part | None, Part | None]:
    """Return a part with the spans that are wanted, and one with the others.

    Args:
        part: Where they are.
        wanted: Tells which.

    Raises:
        MalformedError: The lengths in it do not add up.
    """
    found = opened(part)
    chosen: list[Span] = []
    rest: list[Span] = []
    for span in found.spans:
        (chosen if wanted(found, span) else rest).append(span)
    if not chosen:
        return None, part
    return (found.keep(chosen), found.keep(rest)) if rest else (part, None)


def halves(part: Part) -> tuple[Part, Part] | None:
    """Return two parts that together hold the same spans, or None if there is only one span.

    Args:
        part: A part.

    Raises:
        MalformedError: The lengths in it do not add up.
    """
    found = opened(part)
    spans = found.spans
    middle = len(spans) // 2
    return (found.keep(spans[:middle]), found.keep(spans[middle:])) if middle else None


def without(data: bytes, start: int, end: int, unwanted: int) -> bytes:
    """Return the fields of a message except those with a tag."""
    kept = []
    for tag, _, stop in wire.walk(data, start, end):
        if tag != unwanted:
            kept.append(data[start:stop])
        start = stop
    return b"".join(kept)


def tagged(tag: int, content: bytes) -> bytes:
    """Return a field of a message."""
    return bytes([tag]) + wire.encode_varint(len(content)) + content
