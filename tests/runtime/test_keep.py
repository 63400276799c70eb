"""What is exported where keep rules are set: what they say, and what the head decision sampled."""

import gc
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, Tracer, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Sampler
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from lambda_otel_lite import ProcessorMode, create_traced_handler, init_telemetry
from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.configuration.variables import KEEP_RULES
from lambda_otel_lite.processor import DROPPED_SPANS
from lambda_otel_lite.sampling.processor import SAMPLING_RULE, KeepingSpanProcessor, keeping
from lambda_otel_lite.sampling.rules import PREDICATES
from lambda_otel_lite.telemetry import TelemetryCompletionHandler
from tests.spans import FakeContext, attributes_of, proto_spans

ROOT = Path(__file__).parents[2]
MILLISECOND = 1_000_000
#: Of a trace whose last 56 bits are the largest and the smallest: within every share, and in none.
WITHIN, OUTSIDE = (1 << 127) + (1 << 56) - 1, 1 << 127


@dataclass
class Kept:
    """Telemetry with keep rules whose spans stay in memory."""

    provider: TracerProvider
    processor: KeepingSpanProcessor
    exporter: InMemorySpanExporter

    @property
    def tracer(self) -> trace.Tracer:
        """Makes spans."""
        return self.provider.get_tracer("test")

    def exported(self) -> dict[str, ReadableSpan]:
        """Return what was exported, by name, after a flush."""
        self.processor.force_flush()
        return {span.name: span for span in self.exporter.get_finished_spans()}


class _Ids(RandomIdGenerator):
    def __init__(self, trace_ids: Iterator[int]) -> None:
        self._trace_ids = trace_ids

    def generate_trace_id(self) -> int:
        return next(self._trace_ids)


def keep(
    rules: str,
    *,
    sampler: Sampler | None = None,
    trace_ids: list[int] | None = None,
    queue_size: int = 2048,
) -> Kept:
    """Set telemetry up with rules."""
    settings = Settings.from_environ(
        {"LAMBDA_OTEL_KEEP": rules, "LAMBDA_SPAN_PROCESSOR_QUEUE_SIZE": str(queue_size)}
    )
    ids = _Ids(iter(trace_ids)) if trace_ids is not None else RandomIdGenerator()
    provider = TracerProvider(sampler=sampler, id_generator=ids, shutdown_on_exit=False)
    exporter = InMemorySpanExporter()
    processor = keeping(settings, exporter, provider, sampler)
    provider.add_span_processor(processor)
    return Kept(provider, processor, exporter)


def caller(trace_id: int, *, sampled: bool, state: str = "") -> Context:
    """Return the context of a remote caller."""
    flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
    entries = [tuple(one.split("=", 1)) for one in state.split(",") if one]
    span = SpanContext(
        trace_id,
        0xB7,
        is_remote=True,
        trace_flags=flags,
        trace_state=TraceState(entries),  # type: ignore[arg-type]
    )
    return set_span_in_context(NonRecordingSpan(span), Context())


# What the rules say, for any mix of invocations

_RULES = st.fixed_dictionaries(
    {},
    optional={
        "timeouts": st.just(1),
        "errors": st.just(1),
        "cold_starts": st.just(1),
        "slower_than_ms": st.integers(1, 50),
        "ratio": st.sampled_from([0.01, 0.25, 0.5, 1]),
    },
).filter(bool)


@dataclass(frozen=True)
class Run:
    """An invocation: what happens in it, and when its spans end."""

    trace_id: int
    caller: str
    fails: bool
    child_fails: bool
    times_out: bool
    is_cold: bool
    duration_ms: int
    children: int
    late: int

    def is_kept(self, rules: dict[str, float]) -> bool:
        """Say by the documented rules whether it is exported."""
        ratio = rules.get("ratio", 0)
        within = self.trace_id % 2**56 >= 2**56 - ratio * 2**56 if ratio else False
        failed = self.fails or self.times_out or (self.child_fails and self.children > 0)
        return (
            self.caller == "sampled"
            or within
            or ("timeouts" in rules and self.times_out)
            or ("errors" in rules and failed)
            or ("cold_starts" in rules and self.is_cold)
            or self.duration_ms > rules.get("slower_than_ms", float("inf"))
        )


_RUNS = st.lists(
    st.builds(
        Run,
        trace_id=st.integers(1, 2**128 - 1),
        caller=st.sampled_from(["none", "sampled", "unsampled"]),
        fails=st.booleans(),
        child_fails=st.booleans(),
        times_out=st.booleans(),
        is_cold=st.booleans(),
        duration_ms=st.integers(0, 100),
        children=st.integers(0, 3),
        late=st.integers(0, 2),
    ),
    min_size=1,
    max_size=6,
)


def _steps(number: int, run: Run, tracer: trace.Tracer) -> Iterator[None]:
    """Run an invocation, with a break after each step, in which others go on."""
    parent = (
        Context() if run.caller == "none" else caller(run.trace_id, sampled=run.caller == "sampled")
    )
    begin = 1_775_738_096_000_000_000
    root = tracer.start_span(f"{number}", parent, start_time=begin)
    within = set_span_in_context(root, Context())
    yield
    late = [tracer.start_span(f"{number} open {one}", within) for one in range(run.late)]
    for one in range(run.children):
        child = tracer.start_span(f"{number} child {one}", within)
        yield
        if run.child_fails:
            child.set_status(StatusCode.ERROR)
        child.end()
    root.set_attribute("faas.coldstart", run.is_cold)
    if run.times_out:
        root.set_attribute("error.type", "timeout")
    if run.fails or run.times_out:
        root.set_status(StatusCode.ERROR)
    root.end(begin + run.duration_ms * MILLISECOND)
    yield
    for span in late:
        span.end()
        yield
        tracer.start_span(f"{span.name} and after", within).end()  # type: ignore[attr-defined]


def _names(number: int, run: Run) -> set[str]:
    late = [f"{number} open {one}" for one in range(run.late)]
    children = [f"{number} child {one}" for one in range(run.children)]
    return {f"{number}", *children, *late, *(f"{name} and after" for name in late)}


@given(rules=_RULES, runs=_RUNS, seed=st.integers(0, 2**16))
def test_what_is_exported_is_exactly_what_the_rules_say(
    rules: dict[str, float], runs: list[Run], seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    ids = {run.trace_id: run for run in runs}
    runs = list(ids.values())
    written = ",".join(
        f"{name}={number}" if name in ("slower_than_ms", "ratio") else name
        for name, number in rules.items()
    )
    telemetry = keep(written, trace_ids=[run.trace_id for run in runs if run.caller == "none"])
    going = [_steps(number, run, telemetry.tracer) for number, run in enumerate(runs)]
    for one in going:
        next(one)  # In their order, for their trace ids.
    while going:
        one = chance.choice(going)
        if next(one, "over") == "over":
            going.remove(one)
        if chance.random() < 0.3:
            telemetry.processor.force_flush()

    telemetry.processor.force_flush()

    exported = [span.name for span in telemetry.exporter.get_finished_spans()]
    expected = [
        name
        for number, run in enumerate(runs)
        if run.is_kept(rules)
        for name in _names(number, run)
    ]
    assert sorted(exported) == sorted(expected)


def test_an_invocation_that_takes_as_long_as_the_number_says_is_not_slower() -> None:
    telemetry = keep("slower_than_ms=10")
    for name, took in (("as long", 10 * MILLISECOND), ("longer", 10 * MILLISECOND + 1)):
        telemetry.tracer.start_span(name, Context(), start_time=1).end(1 + took)

    assert list(telemetry.exported()) == ["longer"]


def test_every_rule_of_the_table_is_followed() -> None:
    assert list(PREDICATES) == [rule["name"] for rule in KEEP_RULES]


# Head decision and extrapolation


def _state(span: ReadableSpan) -> str:
    assert span.context is not None
    state: TraceState = span.context.trace_state
    return str(state.to_header())


def test_a_head_that_is_sampled_says_its_share_and_one_that_is_not_passes_on_the_flag() -> None:
    telemetry = keep("errors,ratio=0.25", trace_ids=[WITHIN, OUTSIDE])

    sampled, unsampled = (telemetry.tracer.start_span(name) for name in ("sampled", "unsampled"))

    assert sampled.get_span_context().trace_flags.sampled
    assert sampled.get_span_context().trace_state.to_header() == "ot=th:c"
    assert not unsampled.get_span_context().trace_flags.sampled
    assert unsampled.get_span_context().trace_state.to_header() == ""
    assert unsampled.is_recording()
    sampled.end()
    unsampled.end()
    assert list(telemetry.exported()) == ["sampled"]


@pytest.mark.parametrize(
    ("state", "sampled", "fails", "expected", "rule"),
    [
        # An outcome that is always kept stands for itself.
        ("", False, True, "ot=th:0", "errors"),
        ("ot=th:c,vendor=1", True, True, "ot=th:0,vendor=1", None),
        ("vendor=1", False, True, "ot=th:0,vendor=1", "errors"),
        ("ot=rv:00000000000001;th:0", False, True, "ot=th:0;rv:00000000000001", "errors"),
        # All others for what was left out.
        ("ot=th:c", True, False, "ot=th:8", None),
        ("ot=th:4", True, False, "ot=th:4", None),
        ("", False, False, "ot=th:8", "ratio"),
        # Of a sampler that does not say how many it leaves out.
        ("", True, False, "", None),
        ("ot=th:none", True, False, "ot=th:none", None),
    ],
)
def test_the_state_of_what_is_exported_says_how_many_it_stands_for(
    state: str, *, sampled: bool, fails: bool, expected: str, rule: str | None
) -> None:
    telemetry = keep("errors,ratio=0.5")
    parent = caller(WITHIN, sampled=sampled, state=state)

    with telemetry.tracer.start_as_current_span("root", parent) as root:
        telemetry.tracer.start_span("child").end()
        passed_on = root.get_span_context()
        if fails:
            root.set_status(StatusCode.ERROR)

    spans = telemetry.exported()
    assert {_state(span) for span in spans.values()} == {expected}
    assert attributes_of(spans["root"]).get(SAMPLING_RULE) == rule
    assert SAMPLING_RULE not in attributes_of(spans["child"])
    assert passed_on.trace_flags.sampled is sampled


def test_the_randomness_of_the_state_wins_over_the_id() -> None:
    telemetry = keep("ratio=0.5")
    for name, value in (
        ("in", "ffffffffffffff"),
        ("out", "00000000000000"),
        ("bad", "+f_fffffffffff"),
    ):
        parent = caller(OUTSIDE, sampled=False, state=f"ot=rv:{value}")
        telemetry.tracer.start_span(name, parent).end()

    assert list(telemetry.exported()) == ["in"]


def test_the_share_is_that_of_the_ratio_whatever_it_is() -> None:
    chance = random.Random(16)  # noqa: S311 - no secret
    telemetry = keep("ratio=0.1", trace_ids=[chance.getrandbits(128) for _ in range(4000)])
    for _ in range(4000):
        telemetry.tracer.start_span("root").end()
    telemetry.processor.force_flush()

    assert 340 <= len(telemetry.exporter.get_finished_spans()) <= 460


def test_a_sampler_of_the_users_own_makes_the_head_decision() -> None:
    off, on = (keep("errors", sampler=one) for one in (ALWAYS_OFF, ALWAYS_ON))
    for telemetry in (off, on):
        for name in ("good", "bad"):
            with telemetry.tracer.start_as_current_span(name, attributes={"a": 1}) as span:
                if name == "bad":
                    span.set_status(StatusCode.ERROR)

    assert list(on.exported()) == ["good", "bad"]
    assert attributes_of(off.exported()["bad"]) == {"a": 1, SAMPLING_RULE: "errors"}
    assert list(off.exported()) == ["bad"]


# The queue


def _invoke(telemetry: Kept, name: str, children: int, *, fails: bool) -> None:
    with telemetry.tracer.start_as_current_span(name, Context()) as root:
        for number in range(children):
            telemetry.tracer.start_span(f"{name} {number}").end()
        if fails:
            root.set_status(StatusCode.ERROR)


def test_nothing_leaves_before_it_is_decided_and_nothing_is_held_after() -> None:
    telemetry = keep("errors")
    with telemetry.tracer.start_as_current_span("root") as root:
        telemetry.tracer.start_span("child").end()
        assert telemetry.exported() == {}
        root.set_status(StatusCode.ERROR)
    assert list(telemetry.exported()) == ["child", "root"]


def test_the_queue_holds_no_more_than_it_may_and_the_first_span_is_never_lost(
    caplog: pytest.LogCaptureFixture,
) -> None:
    telemetry = keep("errors", queue_size=10)
    _invoke(telemetry, "good", 100, fails=False)
    _invoke(telemetry, "bad", 100, fails=True)

    spans = telemetry.exported()

    assert list(spans) == [*(f"bad {number}" for number in range(9)), "bad"]
    assert attributes_of(spans["bad"])[DROPPED_SPANS] == 91
    # What nobody would have seen is not counted.
    assert [one.getMessage()[:17] for one in caplog.records] == ["91 spans dropped:"]


def test_a_large_invocation_does_not_take_the_room_of_others() -> None:
    telemetry = keep("errors", queue_size=10)
    small = telemetry.tracer.start_span("small", Context())
    within = set_span_in_context(small)
    for number in range(3):
        telemetry.tracer.start_span(f"small {number}", within).end()
    _invoke(telemetry, "large", 50, fails=False)
    telemetry.tracer.start_span("small 3", within).end()
    small.set_status(StatusCode.ERROR)
    small.end()

    assert sorted(telemetry.exported()) == ["small", *(f"small {number}" for number in range(4))]


def test_a_tree_that_is_never_finished_gives_its_room_to_others() -> None:
    telemetry = keep("errors", queue_size=10)
    leaked = telemetry.tracer.start_span("leaked", Context())
    for number in range(50):
        telemetry.tracer.start_span(f"leaked {number}", set_span_in_context(leaked)).end()
    for name in ("first", "second"):
        _invoke(telemetry, name, 3, fails=True)

    found = telemetry.exported()

    assert {"first", "first 0", "second", "second 0"} <= found.keys()
    assert not any(name.startswith("leaked") for name in found)
    leaked.end()


@pytest.mark.parametrize("fails", [True, False])
def test_spans_whose_first_span_was_lost_are_decided_by_what_is_known(*, fails: bool) -> None:
    telemetry = keep("errors")
    lost = telemetry.tracer.start_span("lost", Context())
    child = telemetry.tracer.start_span("child", set_span_in_context(lost))
    if fails:
        child.set_status(StatusCode.ERROR)
    child.end()
    del lost, child
    gc.collect()

    assert list(telemetry.exported()) == (["child"] if fails else [])


def test_the_shutdown_decides_what_is_open_by_what_is_known() -> None:
    telemetry = keep("slower_than_ms=1000")
    roots = [
        telemetry.tracer.start_span(name, Context(), start_time=began)
        for name, began in (("old", 1), ("new", None))
    ]
    for root, name in zip(roots, ("old child", "new child"), strict=True):
        telemetry.tracer.start_span(name, set_span_in_context(root)).end()

    telemetry.processor.shutdown()

    assert [one.name for one in telemetry.exporter.get_finished_spans()] == ["old child"]


_FORKING = """
import os
from opentelemetry.trace import StatusCode
from tests.runtime.test_keep import keep
telemetry = keep("errors")
with telemetry.tracer.start_as_current_span("root"):
    if (child := os.fork()) == 0:
        for name in ("good", "bad"):
            with telemetry.tracer.start_as_current_span(name) as span:
                telemetry.tracer.start_span(f"{name} child").end()
                if name == "bad":
                    span.set_status(StatusCode.ERROR)
        print([one.name for one in telemetry.exporter.get_finished_spans()], flush=True)
        os._exit(0)
    os.waitpid(child, 0)
print(list(telemetry.exported()))
"""


def test_spans_of_a_forked_process_are_decided_there() -> None:
    # In a process of its own, for this one may have threads.
    done = subprocess.run(
        [sys.executable, "-c", _FORKING], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == ["['bad child', 'bad']", "[]"]


def test_invocations_in_many_threads_at_once_are_each_decided_for_themselves() -> None:
    telemetry = keep("errors", queue_size=100_000)

    def work(number: int) -> None:
        for turn in range(50):
            _invoke(telemetry, f"{number}-{turn}", 3, fails=turn % 5 == 0)
            if turn % 7 == 0:
                telemetry.processor.force_flush()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    found = telemetry.exported()
    assert len(telemetry.exporter.get_finished_spans()) == len(found) == 4 * 10 * 4
    assert all(int(name.split()[0].split("-")[1]) % 5 == 0 for name in found)


# With a traced handler


def _handler(telemetry: Kept, rules: str) -> Any:
    settings = Settings.from_environ({"LAMBDA_OTEL_KEEP": rules})
    completion = TelemetryCompletionHandler(
        telemetry.provider, ProcessorMode.SYNC, open_spans=telemetry.processor, settings=settings
    )

    @create_traced_handler("orders", completion)
    def handler(event: dict[str, Any], context: object) -> Any:
        del context
        telemetry.tracer.start_span("work").end()
        if "raise" in event:
            raise ValueError(event["raise"])
        return event

    return handler


@pytest.mark.parametrize(
    ("rules", "event", "kept"),
    [
        ("errors", {"statusCode": 200}, False),
        ("errors", {"statusCode": 404}, False),
        ("errors", {"statusCode": 500}, True),
        ("errors", {"raise": "no"}, True),
        ("timeouts", {"raise": "no"}, False),
        ("slower_than_ms=900000", {}, False),
    ],
)
def test_an_invocation_is_kept_by_its_outcome(
    rules: str, event: dict[str, Any], *, kept: bool
) -> None:
    telemetry = keep(rules)
    handler = _handler(telemetry, rules)
    try:
        handler(event, FakeContext())
    except ValueError:
        assert "raise" in event

    names = [one.name for one in telemetry.exporter.get_finished_spans()]
    assert names == (["work", "orders"] if kept else [])


def test_the_first_invocation_is_kept_as_a_cold_start_and_no_other() -> None:
    telemetry = keep("cold_starts")
    handler = _handler(telemetry, "cold_starts")
    for request_id in "abc":
        handler({}, FakeContext(request_id))

    (root,) = [one for one in telemetry.exporter.get_finished_spans() if one.name == "orders"]
    assert attributes_of(root)[SAMPLING_RULE] == "cold_starts"


def test_the_variable_sets_it_up_and_an_invocation_that_is_not_kept_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAMBDA_OTEL_KEEP", "errors")
    monkeypatch.setenv("LAMBDA_OTEL_EXPORTER", "native")
    _, completion = init_telemetry()

    @create_traced_handler("orders", completion)
    def handler(event: dict[str, Any], context: object) -> Any:
        del context
        return event

    handler({}, FakeContext("a"))
    assert capfd.readouterr().out == ""
    handler({"statusCode": 503}, FakeContext("b"))
    (span,) = proto_spans(capfd.readouterr().out.splitlines())
    assert span.trace_state == "ot=th:0"


def test_the_users_own_span_processors_are_told_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LAMBDA_OTEL_KEEP", "errors")
    tracer, _ = init_telemetry(span_processors=[])

    assert "LAMBDA_OTEL_KEEP has no effect" in caplog.text
    assert isinstance(tracer, Tracer)
    assert tracer.start_span("root").get_span_context().trace_flags.sampled
