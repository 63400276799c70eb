"""Requests to CloudWatch keep its limits, and what it never takes is set aside alone."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from otlp_forwarder.input.records import read_parts, read_record
from otlp_forwarder.output.destination import Router
from otlp_forwarder.output.limits import keep_limits
from otlp_forwarder.output.merge import merge
from otlp_forwarder.settings import ForwarderSettings
from tests.forwarder.aws import DAY, KEY, SECRET, over_limits
from tests.forwarder.conftest import Mailbox, Run
from tests.forwarder.samples import pack, queue_event, record, subscription_event
from tests.receiver import OtlpReceiver, Received

HOUR = DAY // 24
CLOUDWATCH: dict[str, Any] = {
    "sigv4_service": "xray",
    "sigv4_region": "eu-west-1",
    "dead_letter_queue": "dead",
}


@pytest.fixture(autouse=True)
def role(monkeypatch: pytest.MonkeyPatch) -> None:
    """What requests to CloudWatch are signed with."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture
def cloudwatch(receiver: OtlpReceiver) -> OtlpReceiver:
    """A receiver that rejects requests over CloudWatch's limits."""
    receiver.inspect = lambda received: over_limits(received, time.time_ns())
    return receiver


def span(name: str, began: int, lasted: int = 10**6, size: int = 0) -> Span:
    attributes = [KeyValue(key="text", value=AnyValue(string_value="x" * size))] if size else []
    return Span(
        name=name,
        trace_id=b"t" * 16,
        span_id=name.encode()[:8].ljust(8),
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=began,
        end_time_unix_nano=began + lasted,
        attributes=attributes,
        flags=256,
    )


def resource(size: int = 1) -> Resource:
    return Resource(
        attributes=[KeyValue(key="service.name", value=AnyValue(string_value="s" * size))]
    )


def exported(*scopes: list[Span], resource_size: int = 1) -> ResourceSpans:
    """Return what one function exports, with one instrumentation scope for each list."""
    return ResourceSpans(
        resource=resource(resource_size),
        schema_url="https://opentelemetry.io/schemas/1.30.0",
        scope_spans=[
            ScopeSpans(scope=InstrumentationScope(name=f"scope-{number}"), spans=spans)
            for number, spans in enumerate(scopes)
        ],
    )


def line(*resources: ResourceSpans, **claim: Any) -> str:
    request = ExportTraceServiceRequest(resource_spans=resources)
    return record(payload=pack(request.SerializeToString()), **claim)


def arrived(receiver: OtlpReceiver) -> list[str]:
    assert {request.status for request in receiver.requests} <= {200}
    return sorted(span.name for span in receiver.spans)


def test_more_spans_than_a_request_may_hold_are_parted(cloudwatch: OtlpReceiver, run: Run) -> None:
    """Lines that each say how many spans they hold, one that lies, and one that is too large."""
    now = time.time_ns()
    lines = [
        line(exported([span(f"{n}-{i}", now) for i in range(400)]), spans=400) for n in range(30)
    ]
    lines.append(line(exported([span(f"lie-{i}", now) for i in range(9_900)]), spans=1))
    lines.append(line(exported([span(f"big-{i}", now) for i in range(12_000)])))

    result = run(subscription_event(*lines), max_request_bytes=64 * 1024 * 1024, **CLOUDWATCH)

    assert len(arrived(cloudwatch)) == len(set(arrived(cloudwatch))) == 33_900
    assert result.counts.spans == 33_900
    assert len(cloudwatch.requests) <= 6


def test_a_request_has_at_most_five_megabytes(cloudwatch: OtlpReceiver, run: Run) -> None:
    """Also where the settings allow more, and where one line alone is larger."""
    now = time.time_ns()
    large = [span(f"{i:02}", now, size=190_000) for i in range(60)]

    run(
        queue_event(line(exported(large[:29], large[29:59]), exported(large[59:]))),
        max_request_bytes=64 * 1024 * 1024,
        **CLOUDWATCH,
    )

    assert arrived(cloudwatch) == [f"{i:02}" for i in range(60)]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (lambda now: span("bad", now - 14 * DAY - HOUR), "began more than 336 hours ago"),
        (lambda now: span("bad", now + 3 * HOUR), "ends more than 2 hours from now"),
        (lambda now: span("bad", now, size=205_000), "a span has more than 204800 bytes"),
        (lambda _now: span("bad", 0), "began more than 336 hours ago"),
    ],
)
def test_what_is_never_taken_is_set_aside_without_its_neighbours(
    bad: Callable[[int], Span], reason: str, cloudwatch: OtlpReceiver, run: Run, mailbox: Mailbox
) -> None:
    now = time.time_ns()
    lines = [
        line(exported([span("a", now)], [span("b", now), bad(now), span("c", now)])),
        line(exported([span("d", now)])),
    ]

    result = run(subscription_event(*lines), **CLOUDWATCH)

    assert arrived(cloudwatch) == ["a", "b", "c", "d"]
    (kept,) = mailbox.bodies("dead")
    (part,) = read_parts(read_record(kept), 0, 1 << 30)
    assert ExportTraceServiceRequest.FromString(part.data).resource_spans[0] == ResourceSpans(
        resource=resource(),
        schema_url="https://opentelemetry.io/schemas/1.30.0",
        scope_spans=[ScopeSpans(scope=InstrumentationScope(name="scope-1"), spans=[bad(now)])],
    )
    assert reason in mailbox.reasons("dead")[0]
    assert not result.failures
    assert (result.counts.spans, result.counts.rejected) == (4, 1)


def test_a_resource_that_is_too_large_is_set_aside(
    cloudwatch: OtlpReceiver, run: Run, mailbox: Mailbox
) -> None:
    now = time.time_ns()
    lines = [
        line(exported([span("bad", now)], resource_size=16 * 1024)),
        line(exported([span("a", now)], resource_size=15 * 1024)),
    ]

    run(subscription_event(*lines), **CLOUDWATCH)

    assert arrived(cloudwatch) == ["a"]
    assert mailbox.reasons("dead") == ["a resource and its scope have more than 16384 bytes"]


def test_what_is_broken_inside_does_not_spoil_a_request(
    cloudwatch: OtlpReceiver, run: Run, mailbox: Mailbox
) -> None:
    """A line that says how many spans it holds is not looked into otherwise."""
    # A ScopeSpans of 127 bytes, of which 64 are there.
    inner = b"\x12\x7f" + b"\0" * 64
    broken = pack(b"\x0a" + bytes([len(inner)]) + inner)
    lines = [record(payload=broken, spans=1), line(exported([span("a", time.time_ns())]))]

    run(subscription_event(*lines), **CLOUDWATCH)

    assert arrived(cloudwatch) == ["a"]
    assert mailbox.reasons("dead") == ["payload is cut off"]


def test_other_collectors_get_everything(receiver: OtlpReceiver, run: Run) -> None:
    lines = [line(exported([span("a", 1), span("b", time.time_ns() + DAY, size=300_000)]))]

    run(subscription_event(*lines), dead_letter_queue="dead")

    assert arrived(receiver) == ["a", "b"]


NOW = 20_000 * DAY
SETTINGS = ForwarderSettings.from_environ(
    {"OTLP_FORWARDER_ENDPOINT": "https://xray.eu-west-1.amazonaws.com"}
)


@given(
    groups=st.lists(
        st.lists(
            st.tuples(st.integers(-40, 4) | st.integers(-345, 4), st.integers(0, 30)),
            min_size=1,
            max_size=5,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_the_times_every_span_is_in_one_request_that_is_taken_or_refused_with_reason(
    groups: list[list[tuple[int, int]]],
) -> None:
    spans = [
        [span(f"{n}.{i}", NOW + began * HOUR, lasted * HOUR) for i, (began, lasted) in enumerate(g)]
        for n, g in enumerate(groups)
    ]
    router = Router(SETTINGS)
    fields = read_record(line(exported(*spans)))
    parts = [(router.destination(fields), part) for part in read_parts(fields, 0, 1 << 30)]

    requests = list(merge(keep_limits(parts, NOW), router.request_bytes))

    seen: list[str] = []
    for made in requests:
        received = Received(path="", headers={}, body=made.body)
        within = over_limits(received, NOW) is None
        longest = max(s.end_time_unix_nano - s.start_time_unix_nano for s in received.spans)
        # A span that lasts longer than a request may reach goes by itself, and AWS decides.
        alone = longest > DAY and len({s.start_time_unix_nano for s in received.spans}) == 1
        assert within is not bool(made.destination.slot.refusal) or alone
        seen += [each.name for each in received.spans]
    assert sorted(seen) == sorted(each.name for group in spans for each in group)
