"""Rate, errors and duration of root spans, from the bytes of log records to lines of metrics."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from otlp_forwarder.input.records import Part
from otlp_forwarder.input.root_spans import RootSpan, root_spans
from otlp_forwarder.result.span_metrics import Row
from tests.forwarder.conftest import Run
from tests.forwarder.emf import metrics_of
from tests.forwarder.emulated import emulated_forwarder
from tests.forwarder.samples import (
    ENDED,
    log_data,
    pack,
    queue_event,
    record,
    stream_event,
    subscription_event,
)
from tests.receiver import Answer, OtlpReceiver

REMOTE, LOCAL, UNSAID = 0x300, 0x100, 0
PARENT = b"p" * 8
PER_MS = 1_000_000


def part_of(resource_spans: bytes) -> Part:
    size, length = len(resource_spans), b""
    while size >= 0x80:
        length += bytes([0x80 | size & 0x7F])
        size >>= 7
    return Part(0, b"\x0a" + length + bytes([size]) + resource_spans, 1)


def part(*spans: Span, service: str | None = "orders") -> Part:
    resource = Resource()
    if service is not None:
        resource.attributes.add(key="service.name").value.string_value = service
    scopes = [ScopeSpans(spans=spans)]
    return part_of(ResourceSpans(resource=resource, scope_spans=scopes).SerializeToString())


@pytest.mark.parametrize(
    ("fields", "is_root"),
    [
        ({}, True),
        ({"parent_span_id": bytes(8)}, True),
        ({"flags": LOCAL, "kind": Span.SPAN_KIND_INTERNAL}, True),
        ({"parent_span_id": PARENT, "flags": REMOTE, "kind": Span.SPAN_KIND_INTERNAL}, True),
        # A framework's own SERVER span below that of the function is no second call.
        ({"parent_span_id": PARENT, "flags": LOCAL, "kind": Span.SPAN_KIND_SERVER}, False),
        ({"parent_span_id": PARENT, "flags": UNSAID, "kind": Span.SPAN_KIND_SERVER}, True),
        ({"parent_span_id": PARENT, "flags": UNSAID, "kind": Span.SPAN_KIND_CONSUMER}, True),
        ({"parent_span_id": PARENT, "flags": UNSAID, "kind": Span.SPAN_KIND_CLIENT}, False),
        ({"parent_span_id": PARENT, "flags": UNSAID}, False),
    ],
)
def test_a_root_span_has_no_parent_or_one_in_another_process(
    fields: dict[str, Any], *, is_root: bool
) -> None:
    assert len(list(root_spans(part(Span(name="x", **fields))))) == is_root


def test_a_service_without_a_name_is_unknown() -> None:
    (found,) = root_spans(part(Span(name="x"), service=None))
    assert found.service == "unknown_service"


times = st.sampled_from([0, 1, 2**64 - 1]) | st.integers(ENDED - 10**12, ENDED)
texts = st.text(max_size=8)
values = st.one_of(
    texts.map(lambda text: AnyValue(string_value=text)),
    st.integers(-5, 5).map(lambda number: AnyValue(int_value=number)),
    st.booleans().map(lambda value: AnyValue(bool_value=value)),
    st.just(AnyValue(array_value=ArrayValue(values=[AnyValue(string_value="service.name")]))),
    st.just(AnyValue()),
)
attributes = st.builds(
    KeyValue, key=st.sampled_from(["service.name", "service", "service.name.x", ""]), value=values
)
#: Some fields of a span: several of them, one after the other, are one span.
pieces = st.one_of(
    st.builds(Span, parent_span_id=st.sampled_from([b"", bytes(8), PARENT, b"\0" * 7 + b"x"])),
    st.builds(Span, name=texts),
    st.builds(Span, kind=st.sampled_from([0, 1, 2, 3, 4, 5, 99])),
    st.builds(Span, flags=st.sampled_from([0, 1, LOCAL, REMOTE, 0x200, REMOTE | 1])),
    st.builds(Span, start_time_unix_nano=times, end_time_unix_nano=times),
    st.builds(Span, status=st.builds(Status, message=texts, code=st.sampled_from([0, 1, 2, 99]))),
    st.builds(Span, attributes=st.lists(attributes, max_size=3), trace_state=texts),
    st.builds(Span, events=st.just([Span.Event(name="service.name")])),
).map(lambda span: span.SerializeToString())
#: Fields that no version of the protocol has: a number, 64 bits, bytes and 32 bits.
unknown = st.sampled_from([b"\xf8\x07\x05", b"\xf9\x07" + bytes(8), b"\xfa\x07\x01x"])
tag_and = st.lists(pieces | unknown, max_size=10).map(b"".join)


def tagged(tag: int, content: bytes) -> bytes:
    return bytes([tag]) + part_of(content).data[1:]


scope_spans = st.lists(tag_and.map(lambda span: tagged(0x12, span)) | unknown, max_size=4).map(
    lambda spans: tagged(0x12, b"".join(spans))
)
resources = st.lists(attributes, max_size=4).map(
    lambda found: tagged(0x0A, Resource(attributes=found).SerializeToString())
)


@settings(max_examples=500, deadline=None)
@given(
    before=st.lists(scope_spans | unknown, max_size=2),
    resource=resources | st.just(b""),
    after=st.lists(scope_spans, max_size=3),
)
def test_what_is_read_from_the_bytes_is_what_a_full_decoder_finds(
    before: list[bytes], resource: bytes, after: list[bytes]
) -> None:
    content = b"".join([*before, resource, *after])
    decoded = ResourceSpans.FromString(content)

    assert list(root_spans(part_of(content))) == [
        RootSpan(
            service_of(decoded.resource),
            span.name,
            span.status.code == Status.STATUS_CODE_ERROR,
            span.start_time_unix_nano,
            span.end_time_unix_nano,
        )
        for scope in decoded.scope_spans
        for span in scope.spans
        if is_root_span(span)
    ]


def service_of(resource: Resource) -> str:
    named = [
        each.value.string_value
        for each in resource.attributes
        if each.key == "service.name" and each.value.WhichOneof("value") == "string_value"
    ]
    return (named or [""])[0] or "unknown_service"


def is_root_span(span: Span) -> bool:
    if not span.parent_span_id.strip(b"\0"):
        return True
    if span.flags & 0x100:
        return bool(span.flags & 0x200)
    return span.kind in {Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CONSUMER}


def lasting(duration: int) -> RootSpan:
    return RootSpan("s", "n", is_error=False, began=1, ended=1 + duration)


durations = st.lists(
    st.just(0) | st.integers(1, 900_000 * PER_MS) | st.integers(1, 2**64 - 2),
    min_size=1,
    max_size=300,
)


@settings(deadline=None)
@given(durations=durations)
def test_a_histogram_has_every_duration_in_few_values(durations: list[int]) -> None:
    row = Row()
    for duration in durations:
        row.add(lasting(duration))
    found: dict[str, Any] = row.histogram()

    assert len(found["Values"]) == len(found["Counts"]) <= 100
    assert sum(found["Counts"]) == found["Count"] == len(durations)
    assert (found["Min"], found["Max"]) == (
        round(min(durations) / PER_MS, 6),
        round(max(durations) / PER_MS, 6),
    )
    assert found["Sum"] == round(sum(durations) / PER_MS, 6)
    assert all(found["Min"] <= value <= found["Max"] for value in found["Values"])


def test_values_are_as_exact_as_their_number_allows() -> None:
    few, many = Row(), Row()
    for number in range(1, 81):
        few.add(lasting(number * PER_MS))
    # From a millisecond to a quarter of an hour.
    wide = [int(PER_MS * 1.001**exponent) for exponent in range(13_700)]
    for duration in wide:
        many.add(lasting(duration))

    assert [round(value) for value in values_of(few)] == list(range(1, 81))
    assert max(abs(value / n - 1) for n, value in enumerate(values_of(few), 1)) < 0.003
    found = values_of(many)
    assert 50 < len(found) <= 100
    assert max(min(abs(value / PER_MS / v - 1) for v in found) for value in wide) < 0.095


def values_of(row: Row) -> list[float]:
    found: Any = row.histogram()["Values"]
    return list(found)


def span(name: str, *, error: bool = False, ms: int = 1, **fields: Any) -> Span:
    status = Status(code=Status.STATUS_CODE_ERROR) if error else Status()
    began = ENDED - ms * PER_MS
    return Span(
        name=name,
        trace_id=b"t" * 16,
        span_id=b"s" * 8,
        status=status,
        start_time_unix_nano=began,
        end_time_unix_nano=ENDED,
        **fields,
    )


def line(*spans: Span, service: str = "orders", **changes: Any) -> str:
    return record("x", payload=pack(part(*spans, service=service).data), **changes)


def rows(lines: Any) -> dict[tuple[str, str], tuple[int, int]]:
    """Return calls and errors by service and span name, of lines that CloudWatch takes."""
    found = [metrics_of(each) for each in lines]
    assert len({(each["Service"], each["Span"]) for each in found}) == len(found)
    return {(each["Service"], each["Span"]): (each["Calls"], each["Errors"]) for each in found}


def test_each_service_and_root_span_has_a_line(run: Run) -> None:
    inner = span("inner", parent_span_id=PARENT, flags=LOCAL)
    event = subscription_event(
        line(span("GET /", ms=10), inner, span("GET /", ms=30, error=True)),
        line(span("GET /", ms=20)),
        line(span("job"), service="worker"),
    )
    result = run(event, span_metrics=10)

    assert rows(result.lines) == {("orders", "GET /"): (3, 1), ("worker", "job"): (1, 0)}
    duration = metrics_of(result.lines[0])["Duration"]
    assert {name: duration[name] for name in ("Min", "Max", "Sum", "Count", "Counts")} == {
        "Min": 10,
        "Max": 30,
        "Sum": 60,
        "Count": 3,
        "Counts": [1, 1, 1],
    }


def test_it_is_off_unless_asked_for_and_then_costs_no_import(run: Run) -> None:
    assert run(subscription_event(line(span("x")))).lines == ()
    code = (
        "import sys; from otlp_forwarder.handler import forwarder; forwarder();"
        "print([name for name in sys.modules if 'root_spans' in name or 'span_metrics' in name])"
    )
    environment = {
        "OTLP_FORWARDER_ENDPOINT": "http://127.0.0.1:1",
        "PYTHONPATH": ":".join(sys.path),
    }
    said = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout == "[]\n"


def test_over_the_limit_spans_share_one_row_for_as_long_as_the_environment_lives(run: Run) -> None:
    forwarder = run.forwarder(span_metrics=2)
    first = run(subscription_event(*(line(span(f"n{n}")) for n in range(5))), forwarder)
    second = run(subscription_event(line(span("new", error=True)), line(span("n0"))), forwarder)

    other = ("other", "other")
    assert rows(first.lines) == {("orders", "n0"): (1, 0), ("orders", "n1"): (1, 0), other: (3, 0)}
    assert rows(second.lines) == {other: (1, 1), ("orders", "n0"): (1, 0)}


@pytest.mark.parametrize(
    ("name", "shown"),
    [("größe\n", "gr??e"), ("", "-"), (" \t ", "-"), ("x" * 2000, "x" * 1024), ("a b", "a b")],
)
def test_a_name_that_no_dimension_may_have_is_made_one(run: Run, name: str, shown: str) -> None:
    result = run(subscription_event(line(span(name))), span_metrics=1)
    assert list(rows(result.lines)) == [("orders", shown)]


def test_a_span_is_counted_once_however_often_the_platform_brings_it(
    run: Run, receiver: OtlpReceiver
) -> None:
    forwarder = run.forwarder(span_metrics=5)
    event = subscription_event(line(span("x")))
    receiver.decide = lambda _: Answer(500)
    failed = run(event, forwarder)
    receiver.decide = lambda _: Answer()
    assert (failed.failures, failed.lines) == ([""], [])

    assert rows(run(event, forwarder).lines) == {("orders", "x"): (1, 0)}


def test_of_a_stream_what_comes_after_the_first_failure_comes_again(
    run: Run, receiver: OtlpReceiver
) -> None:
    receiver.decide = lambda spans: Answer(500 if spans[0].name == "bad" else 200)
    event = stream_event(*(log_data(line(span(name))) for name in ("good", "bad", "later")))
    result = run(event, span_metrics=5, max_request_bytes=1)

    (failed,) = result.failures
    assert failed == "101"
    assert rows(result.lines) == {("orders", "good"): (1, 0)}


def test_what_waited_in_the_forwarders_own_queue_was_counted_before(
    run: Run, receiver: OtlpReceiver
) -> None:
    receiver.decide = lambda spans: Answer(500 if spans[0].name == "later" else 200)
    queues = {"redrive_queue": "redrive", "span_metrics": 5}
    event = subscription_event(line(span("now")), line(span("later")))
    first = run(event, **queues, max_request_bytes=1)
    receiver.decide = lambda _: Answer()
    (message,) = run.mailbox.bodies("redrive")
    # An event that failed as a whole was not: it comes here as it came to the forwarder.
    whole = json.dumps(subscription_event(line(span("whole"))))
    again = run(queue_event(message, whole), **queues)

    assert rows(first.lines) == {("orders", "now"): (1, 0), ("orders", "later"): (1, 0)}
    assert rows(again.lines) == {("orders", "whole"): (1, 0)}
    assert Counter(span.name for span in receiver.spans) == Counter(["now", "later", "whole"])


@pytest.mark.parametrize(
    ("ended", "shown"),
    [(-60_000, -60_000), (3_600_000, 0), (-(10**11), -(14 * 24 - 1) * 3_600_000)],
)
def test_a_line_has_the_time_of_its_spans_within_what_cloudwatch_takes(
    run: Run, ended: int, shown: int
) -> None:
    now = time.time_ns() // PER_MS
    one = span("x")
    one.end_time_unix_nano = (now + ended) * PER_MS
    result = run(subscription_event(line(one)), span_metrics=1)

    timestamp = metrics_of(result.lines[0])["_aws"]["Timestamp"]
    assert now + shown <= timestamp <= time.time_ns() // PER_MS + shown


def test_what_is_broken_is_left_out_and_the_rest_counted(run: Run) -> None:
    broken = part(span("x")).data[:-1] + b"\xff"
    packed = base64.b64encode(gzip.compress(broken)).decode()
    event = subscription_event(record("x", payload=packed, spans=1), line(span("good")))

    queues = {"redrive_queue": "redrive", "dead_letter_queue": "dead"}
    assert rows(run(event, span_metrics=5, **queues).lines) == {("orders", "good"): (1, 0)}


def test_under_the_emulator_cloudwatch_would_make_metrics_of_every_line(
    receiver: OtlpReceiver,
) -> None:
    spans = [span(f"n{n % 30}", ms=n, error=n % 20 == 0) for n in range(600)]
    event = subscription_event(*(line(*spans[n : n + 50]) for n in range(0, 600, 50)))
    with emulated_forwarder(receiver.endpoint, OTLP_FORWARDER_SPAN_METRICS="20") as forwarder:
        invocation = forwarder.invoke(event)
    assert invocation.error is None

    lines = [each + "\n" for each in invocation.log_lines if '"_aws"' in each]
    own = metrics_of(lines[0])
    found = [metrics_of(each) for each in lines[1:]]
    assert own["Spans"] == sum(each["Calls"] for each in found) == 600
    assert sum(each["Errors"] for each in found) == 30
    assert len(found) == 21
    assert max(each["Calls"] for each in found if each["Span"] != "other") == 20
