"""What gets into requests, what is left out, and what hostile input cannot do."""

from __future__ import annotations

import base64
import gzip
import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otlp_forwarder.delivery import Collector, DeliveryError
from otlp_forwarder.forward import Counts, forward
from otlp_forwarder.merge import merge
from otlp_forwarder.records import read_record
from otlp_forwarder.settings import ForwarderSettings
from tests.forwarder.samples import pack, record, request, subscription_event
from tests.receiver import Answer, OtlpReceiver

KIB = 1024


def run(receiver: OtlpReceiver, event: Any, **bounds: int) -> Counts:
    settings = ForwarderSettings(endpoint=receiver.endpoint, **bounds)
    collector = Collector(settings.traces_url)
    try:
        return forward(event, settings, collector, lambda: 30.0)
    finally:
        collector.close()


def names(receiver: OtlpReceiver) -> list[str]:
    return [span.name for span in receiver.spans]


def test_requests_stay_under_the_limit(receiver: OtlpReceiver) -> None:
    size = request("a").ByteSize()

    run(receiver, subscription_event(*map(record, "abcde")), max_request_bytes=2 * size)

    assert [len(received.body) for received in receiver.requests] == [2 * size, 2 * size, size]
    assert names(receiver) == list("abcde")


def test_a_field_over_the_limit_is_sent_by_itself(receiver: OtlpReceiver) -> None:
    event = subscription_event(record("a"), record(*"bcdefg"), record("h"))

    run(receiver, event, max_request_bytes=request("a").ByteSize())

    assert [len(received.spans) for received in receiver.requests] == [1, 6, 1]


def test_one_refused_request_does_not_hold_back_the_others(receiver: OtlpReceiver) -> None:
    receiver.answers.extend([Answer(200), Answer(400)])
    event = subscription_event(*map(record, "abc"))

    with pytest.raises(DeliveryError, match=r"1 of 3 requests failed: .*status 400"):
        run(receiver, event, max_request_bytes=1)

    assert names(receiver) == ["a", "c"]


def test_the_lines_own_endpoint_and_headers_are_not_used(receiver: OtlpReceiver) -> None:
    with OtlpReceiver() as elsewhere:
        line = record("a", endpoint=f"{elsewhere.endpoint}/v1/traces", headers={"x-key": "stolen"})
        run(receiver, subscription_event(line))

        assert not elsewhere.requests
    assert names(receiver) == ["a"]
    assert "x-key" not in receiver.requests[0].headers


BOMB = bytes(500 * KIB)
WHOLE = request("cut").SerializeToString()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (None, "not text"),
        (7, "not text"),
        ("REPORT RequestId: 1", "not JSON"),
        ("[" * 200_000, "not JSON"),
        ('{"n": ' + "9" * 5000 + "}", "not JSON"),
        ('["__otel_otlp_stdout"]', "not a record"),
        ('{"level": "INFO"}', "not a record"),
        (
            record("x", content_type="application/json"),
            "content-type is not application/x-protobuf",
        ),
        (record("x", content_encoding=None), "content-encoding is not gzip"),
        (record("x", base64=False), "base64 is not True"),
        (record("x", payload=None), "packed data is not text"),
        (record("x", payload="!"), "packed data is not base64"),
        (record("x", payload="\u00e9"), "packed data is not base64"),
        (record("x", payload=base64.b64encode(b"x" * 40).decode()), "packed data is not gzip"),
        (
            record("x", payload=base64.b64encode(gzip.compress(WHOLE)[:-9]).decode()),
            "packed data is not one whole gzip stream",
        ),
        (record("x", payload=pack(BOMB)), "packed data is too large"),
        (record("x", payload=pack(b"\x12\x00")), "payload is not a trace request"),
        (record("x", payload=pack(WHOLE[:-1])), "payload is cut off"),
        (record("x", payload=pack(b"\x0a")), "payload is cut off"),
        (record("x", payload=pack(b"\x0a" + b"\xff" * 9)), "payload is cut off"),
    ],
)
def test_a_malformed_line_is_left_out_and_its_neighbours_arrive(
    line: Any, reason: str, receiver: OtlpReceiver, caplog: pytest.LogCaptureFixture
) -> None:
    event = subscription_event(record("before"), line, record("after"))

    counts = run(receiver, event, max_unpacked_bytes=400 * KIB)

    assert names(receiver) == ["before", "after"]
    assert counts.malformed == {reason: 1}
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert warning.getMessage() == f"left out 1 malformed: {reason} (1)"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({}, "event is not of CloudWatch Logs"),
        ([], "event is not of CloudWatch Logs"),
        ({"awslogs": None}, "event is not of CloudWatch Logs"),
        ({"awslogs": {"data": 1}}, "packed data is not text"),
        ({"awslogs": {"data": pack(b"{")}}, "not JSON"),
        ({"awslogs": {"data": pack(b"{}")}}, "data is not of CloudWatch Logs"),
        (
            {"awslogs": {"data": pack(b'{"messageType": "DATA_MESSAGE", "logEvents": {}}')}},
            "data is not of CloudWatch Logs",
        ),
    ],
)
def test_a_malformed_event_is_counted(event: Any, reason: str, receiver: OtlpReceiver) -> None:
    assert run(receiver, event).malformed == {reason: 1}
    assert not receiver.requests


@given(
    exports=st.lists(st.lists(st.text("ab", max_size=5), max_size=4), max_size=8),
    limit=st.integers(1, 200),
)
def test_merged_bytes_decode_to_the_union_of_the_spans(
    exports: list[list[str]], limit: int
) -> None:
    """For any records and any limit: nothing lost, nothing twice, order kept."""
    fields = [f for spans in exports for f in read_record(record(*spans), 1024 * KIB)]

    decoded = [ExportTraceServiceRequest.FromString(body) for body in merge(fields, limit)]

    merged = ExportTraceServiceRequest()
    for part in decoded:
        merged.MergeFrom(part)
    expected = ExportTraceServiceRequest()
    for spans in exports:
        expected.MergeFrom(request(*spans))
    assert merged == expected
