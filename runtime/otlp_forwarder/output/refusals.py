"""Learn which spans a collector refuses, so that it is not asked about each of them.

Spans of one shape come from one place in one function: same service, name, attributes and size. A
shape is known to be refused once many of its spans were refused alone for one reason, a sample of
the others too, and none was taken. Then its spans are set aside without asking, for some minutes.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Hashable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from otlp_forwarder.input import wire
from otlp_forwarder.input.malformed import MalformedError
from otlp_forwarder.output.spans import Opened, Span, opened, sorted_out

if TYPE_CHECKING:
    from otlp_forwarder.input.records import Part
    from otlp_forwarder.output.destination import Destination
    from otlp_forwarder.output.merge import Request

#: Spans of a shape that are refused alone before the others are suspected, and as many again of
#: these others before they are set aside.
EVIDENCE = 16
#: Seconds for which a shape is set aside without asking.
REMEMBERED = 600.0
#: Shapes that are remembered.
MOST_REMEMBERED = 256

#: ``repeated KeyValue attributes`` of Resource (1) and of Span (9), ``string name = 5`` of Span,
#: ``string key = 1`` and ``AnyValue value = 2`` of KeyValue.
_RESOURCE_ATTRIBUTE, _ATTRIBUTE, _NAME, _KEY, _VALUE = 0x0A, 0x4A, 0x2A, 0x0A, 0x12
_SERVICE = b"service.name"
#: Numbers and ids, in which spans and reasons of one kind differ.
_NUMBER = re.compile(rb"[0-9a-fA-F]*\d[0-9a-fA-F]*")


class Shape(NamedTuple):
    """What spans of one kind have in common.

    Args:
        destination: Who is asked.
        service: The value of ``service.name``, as it is serialized.
        name: The span's name without numbers.
        keys: Names of its attributes.
        size: Its size, roughly.
    """

    destination: Hashable
    service: bytes
    name: bytes
    keys: frozenset[bytes]
    size: int


def shape_of(destination: Destination, found: Opened, span: Span) -> Shape:
    """Return the shape of a span.

    Args:
        destination: Where it goes.
        found: The part that it is in.
        span: The span.

    Raises:
        MalformedError: The lengths in it do not add up.
    """
    data = found.part.data
    service, name, keys = b"", b"", set()
    for tag, start, stop in wire.walk(data, *found.resource):
        if tag == _RESOURCE_ATTRIBUTE:
            fields = {inner: data[s:e] for inner, s, e in wire.walk(data, start, stop)}
            if fields.get(_KEY) == _SERVICE:
                service = fields.get(_VALUE, b"")
    for tag, start, stop in wire.walk(data, span.start, span.end):
        if tag == _NAME:
            name = data[start:stop]
        elif tag == _ATTRIBUTE:
            keys |= {data[s:e] for inner, s, e in wire.walk(data, start, stop) if inner == _KEY}
    size = (span.end - span.start).bit_length() // 2
    return Shape(destination.answering, service, _NUMBER.sub(b"#", name), frozenset(keys), size)


def kind_of(reason: str) -> str:
    """Return a reason without the numbers and ids in it."""
    return _NUMBER.sub(b"#", reason.encode()).decode()


@dataclass(slots=True)
class Evidence:
    """What is known of a shape in one invocation.

    Args:
        kind: The kind of reason for which its spans were refused.
        refused: How many were refused alone.
        is_open: Whether it can still be found to be refused as a whole: none was taken.
        waiting: Parts that wait for what becomes of the others, and where they go.
    """

    kind: str = ""
    refused: int = 0
    is_open: bool = True
    waiting: list[Request] = field(default_factory=list)

    @property
    def is_enough(self) -> bool:
        """Whether all are taken to be refused: more are needed if others could not be sampled."""
        return self.refused >= EVIDENCE * (2 if self.waiting else 4)

    def add(self, reason: str) -> None:
        """Add a span that was refused alone."""
        kind = kind_of(reason)
        self.refused = self.refused + 1 if kind == self.kind else 1
        self.kind = kind


class Refusals:
    """The shapes that are known to be refused; outlives invocations.

    Args:
        clock: Seconds of a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[Shape, tuple[str, float]] = {}

    def add(self, shape: Shape, reason: str) -> None:
        """Remember that a shape is refused."""
        if len(self._known) >= MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[shape] = reason, self._clock() + REMEMBERED

    def set_apart(
        self, destination: Destination, parts: Iterable[Part]
    ) -> tuple[list[Part], dict[str, list[Part]]]:
        """Return the parts that may be taken, and those that are known not to be, by reason.

        Args:
            destination: Where they go.
            parts: Any parts.
        """
        now = self._clock()
        self._known = {shape: known for shape, known in self._known.items() if known[1] > now}
        rest = list(parts)
        apart: dict[str, list[Part]] = {}
        for shape, (reason, _) in self._known.items():
            if shape.destination == destination.answering:
                chosen, rest = alike(shape, destination, rest)
                if chosen:
                    apart.setdefault(reason, []).extend(chosen)
        return rest, apart


def alike(
    shape: Shape, destination: Destination, parts: Iterable[Part]
) -> tuple[list[Part], list[Part]]:
    """Return parts with the spans of a shape, and parts with the others.

    Args:
        shape: The shape.
        destination: Where the parts go.
        parts: Any parts.
    """
    chosen: list[Part] = []
    others: list[Part] = []
    for part in parts:
        found: tuple[Part | None, Part | None] = None, part
        # Most parts are of other functions; to look for the name is far faster than to open them.
        if shape.service in part.data:
            with suppress(MalformedError):
                found = sorted_out(part, lambda o, s: shape_of(destination, o, s) == shape)
        chosen += filter(None, found[:1])
        others += filter(None, found[1:])
    return chosen, others


def shapes_in(destination: Destination, part: Part) -> set[Shape]:
    """Return the shapes of the spans in a part; none if it cannot be opened."""
    try:
        found = opened(part)
        return {shape_of(destination, found, span) for span in found.spans}
    except MalformedError:
        return set()
