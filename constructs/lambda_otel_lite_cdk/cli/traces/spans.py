"""What a decoded span is, and how spans form a trace."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

#: An attribute's value; bytes are base64 text.
type Value = str | bool | int | float | list[Value] | dict[str, Value] | None


@dataclass(frozen=True, slots=True)
class Event:
    """Hold something that happened during a span.

    Args:
        name: What happened, such as ``"exception"``.
        time_ns: Unix time in nanoseconds.
        attributes: Its attributes.
    """

    name: str
    time_ns: int
    attributes: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Link:
    """Hold a reference to a span that is not an ancestor.

    Args:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        attributes: The link's attributes.
    """

    trace_id: str
    span_id: str
    attributes: Mapping[str, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Hold one decoded span.

    Args:
        trace_id: 32 hexadecimal digits.
        span_id: 16 hexadecimal digits.
        parent_id: 16 hexadecimal digits, or None for the root of a trace.
        name: The span's name.
        kind: ``INTERNAL``, ``SERVER``, ``CLIENT``, ``PRODUCER`` or ``CONSUMER``.
        start_ns: Unix time in nanoseconds.
        end_ns: Unix time in nanoseconds.
        status: ``UNSET``, ``OK`` or ``ERROR``.
        status_message: The status's description, mostly empty.
        attributes: The span's attributes.
        events: What happened during the span.
        links: Spans of other branches or traces.
        resource: Attributes of the service that made the span, such as ``service.name``.
        scope: Name of the instrumentation.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: str
    start_ns: int
    end_ns: int
    status: str
    status_message: str
    attributes: Mapping[str, Value]
    events: tuple[Event, ...]
    links: tuple[Link, ...]
    resource: Mapping[str, Value]
    scope: str

    @property
    def service(self) -> str:
        """The service's name; ``"unknown"`` if the resource has none."""
        return str(self.resource.get("service.name") or "unknown")


@dataclass(frozen=True, slots=True)
class Placed:
    """Hold a span at its place in a trace's tree.

    Args:
        span: The span.
        depth: 0 at the top.
        parent: The parent's span, or None at the top.
        last: Whether it is its parent's last child.
        circle: Whether it is at the top because it is an ancestor of its own.
    """

    span: Span
    depth: int
    parent: Span | None
    last: bool
    circle: bool = False


def traces(spans: Iterable[Span]) -> list[list[Span]]:
    """Group spans by trace; traces and their spans are ordered by start.

    A span that came twice, as after a retried delivery, counts once.

    Args:
        spans: Spans of any traces in any order.
    """
    groups: defaultdict[str, dict[str, Span]] = defaultdict(dict)
    for span in spans:
        groups[span.trace_id].setdefault(span.span_id, span)
    ordered = [sorted(group.values(), key=lambda span: span.start_ns) for group in groups.values()]
    return sorted(ordered, key=lambda group: group[0].start_ns)


def tree(trace: list[Span]) -> Iterator[Placed]:
    """Yield a trace's spans from the top down, each one's children after it.

    A span whose parent is missing is at the top. So is the earliest span of a circle of parents,
    which a broken propagator can make: no span is left out.

    Args:
        trace: The spans of one trace, ordered by start.
    """
    known = {span.span_id: span for span in trace}
    children: defaultdict[str, list[Span]] = defaultdict(list)
    tops: list[Span] = []
    for span in trace:
        if span.parent_id in known and span.parent_id is not None:
            children[span.parent_id].append(span)
        else:
            tops.append(span)
    seen: set[str] = set()
    for number, top in enumerate([*tops, *trace]):
        first = Placed(top, 0, None, last=True, circle=number >= len(tops))
        waiting = [] if top.span_id in seen else [first]
        while waiting:
            placed = waiting.pop()
            seen.add(placed.span.span_id)
            yield placed
            below = [span for span in children[placed.span.span_id] if span.span_id not in seen]
            waiting += [
                Placed(span, placed.depth + 1, placed.span, last=span is below[-1])
                for span in reversed(below)
            ]


def self_times(trace: list[Span]) -> Iterator[tuple[Span, int]]:
    """Yield each span of a trace with the nanoseconds in which none of its children ran.

    Args:
        trace: The spans of one trace, ordered by start.
    """
    children: defaultdict[str | None, list[Span]] = defaultdict(list)
    for span in trace:
        children[span.parent_id].append(span)
    for span in trace:
        own, until = 0, span.start_ns
        for child in children[span.span_id]:
            if child is not span:
                own += max(min(child.start_ns, span.end_ns) - until, 0)
                until = max(until, child.end_ns)
        yield span, own + max(span.end_ns - until, 0)
