from __future__ import annotations

from lambda_otel_lite_cdk.cli.traces.gather import Gatherer, Trace
from tests.cli.records import span


def _names(traces: list[Trace]) -> list[tuple[list[str], bool]]:
    return [([s.name for s in trace.spans], trace.continued) for trace in traces]


def test_a_trace_is_yielded_once_it_has_been_quiet() -> None:
    now = 0.0
    gatherer = Gatherer(quiet_seconds=2, clock=lambda: now)
    list(gatherer.add(span("a", trace_id="1")))
    now = 1.0
    list(gatherer.add(span("b", trace_id="2")))
    now = 1.9
    assert _names(list(gatherer.quiet())) == []
    now = 2.0
    assert _names(list(gatherer.quiet())) == [(["a"], False)]
    assert _names(list(gatherer.rest())) == [(["b"], False)]


def test_a_new_span_keeps_its_trace_waiting() -> None:
    now = 0.0
    gatherer = Gatherer(quiet_seconds=2, clock=lambda: now)
    list(gatherer.add(span("a", start_ns=5)))
    now = 1.5
    list(gatherer.add(span("b", start_ns=1)))
    now = 3.0
    assert list(gatherer.quiet()) == []
    now = 3.5
    assert _names(list(gatherer.quiet())) == [(["b", "a"], False)]


def test_the_trace_that_waited_longest_makes_room() -> None:
    gatherer = Gatherer(most_spans=2)
    list(gatherer.add(span("a", trace_id="1")))
    list(gatherer.add(span("b", trace_id="2")))
    list(gatherer.add(span("a2", trace_id="1", start_ns=1)))
    # Trace 2 made room for a2, though trace 1 came first.
    assert _names(list(gatherer.rest())) == [(["a", "a2"], False)]


def test_spans_that_come_late_are_a_continuation() -> None:
    gatherer = Gatherer()
    list(gatherer.add(span("a")))
    assert _names(list(gatherer.rest())) == [(["a"], False)]
    list(gatherer.add(span("late")))
    assert _names(list(gatherer.rest())) == [(["late"], True)]


def test_no_more_spans_are_held_than_allowed_even_of_one_trace() -> None:
    gatherer = Gatherer(most_spans=10)
    given = [trace for n in range(95) for trace in gatherer.add(span(str(n)))]
    assert all(len(trace.spans) <= 11 for trace in given)
    assert sum(len(trace.spans) for trace in [*given, *gatherer.rest()]) == 95
