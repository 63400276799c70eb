"""What gets into requests, what is left out, and what hostile input cannot do."""

from __future__ import annotations

import base64
import gzip
import logging
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otlp_forwarder.input.records import read_parts, read_record
from otlp_forwarder.output.destination import Destination
from otlp_forwarder.output.merge import merge
from tests.forwarder.conftest import Run, names
from tests.forwarder.samples import (
    ENDED,
    log_data,
    pack,
    queue_event,
    record,
    request,
    stream_event,
    subscription_event,
)
from tests.receiver import Answer, OtlpReceiver

KIB = 1024
WHOLE = request("cut").SerializeToString()
HERE = Destination("http://localhost/v1/traces", (), own=True)


def test_requests_stay_under_the_limit(receiver: OtlpReceiver, run: Run) -> None:
    size = request("a").ByteSize()

    run(subscription_event(*map(record, "abcde")), max_request_bytes=2 * size, parallel_requests=1)

    assert [len(received.body) for received in receiver.requests] == [2 * size, 2 * size, size]
    assert names(receiver) == list("abcde")


def test_a_field_over_the_limit_is_sent_by_itself(receiver: OtlpReceiver, run: Run) -> None:
    event = subscription_event(record("a"), record(*"bcdefg"), record("h"))

    run(event, max_request_bytes=request("a").ByteSize())

    assert sorted(len(received.spans) for received in receiver.requests) == [1, 1, 6]


def test_several_requests_are_under_way_at_once(receiver: OtlpReceiver, run: Run) -> None:
    """Each waits for all others: sent one after the other, they would never be answered."""
    together = threading.Barrier(3, timeout=10)

    def decide(_: list[Span]) -> Answer:
        together.wait()
        return Answer()

    receiver.decide = decide
    run(subscription_event(*map(record, "abc")), max_request_bytes=1, parallel_requests=3)

    assert sorted(names(receiver)) == ["a", "b", "c"]
    assert receiver.connections == 3


def test_one_refused_request_does_not_hold_back_the_others(
    receiver: OtlpReceiver, run: Run
) -> None:
    receiver.decide = lambda spans: Answer(404 if spans[0].name == "b" else 200)
    event = subscription_event(*map(record, "abc"))

    result = run(event, max_request_bytes=1)

    assert sorted(names(receiver)) == ["a", "c"]
    assert result.failures == [""]
    assert "1 requests were not delivered: collector refused the request with status 404" in (
        result.reason
    )


@pytest.mark.parametrize("status", [400, 413, 422])
def test_one_part_that_the_collector_refuses_does_not_take_its_neighbours_along(
    status: int, receiver: OtlpReceiver, run: Run
) -> None:
    receiver.decide = lambda spans: Answer(
        status if any(span.name == "rotten" for span in spans) else 200
    )
    good = [str(number) for number in range(20)]
    event = subscription_event(*map(record, [*good[:13], "rotten", *good[13:]]))

    result = run(event, dead_letter_queue="dead", compression="none")

    assert sorted(names(receiver), key=int) == good
    assert result.counts.rejected == 1
    assert len(receiver.requests) < 12


def test_what_only_the_collector_can_find_does_not_take_its_neighbours_along(
    receiver: OtlpReceiver, run: Run
) -> None:
    """All lengths down to the spans add up, but what a span holds is no protobuf."""
    whole = request("rotten", "last").SerializeToString()
    rotten = whole.replace(b"\x2a\x06rotten", b"\x2a\x7frotten")
    assert rotten != whole
    lines = [record("a"), record("x", payload=pack(rotten)), record("b")]

    result = run(subscription_event(*lines), dead_letter_queue="dead")

    # Nor the other span of its own line.
    assert sorted(names(receiver)) == ["a", "b", "last"]
    assert not result.failures
    assert result.counts.rejected == 1


def test_any_number_of_broken_lines_that_say_their_count_take_no_neighbours_along(
    receiver: OtlpReceiver, run: Run
) -> None:
    """More than could be found by dividing; one that only the collector finds is among them."""
    cut_off = WHOLE.replace(b"\x12\x35\x12", b"\x12\x36\x12")
    hidden = WHOLE.replace(b"\x2a\x03cut", b"\x2a\x7fcut")
    assert WHOLE not in {cut_off, hidden}
    lines = [record("x", payload=pack(payload), spans=1) for payload in [hidden, *[cut_off] * 99]]
    good = [record(str(number)) for number in range(100)]
    event = subscription_event(*(line for pair in zip(lines, good, strict=True) for line in pair))

    result = run(event, dead_letter_queue="dead")

    assert sorted(names(receiver), key=int) == [str(number) for number in range(100)]
    assert result.counts.rejected == 100
    assert len(receiver.requests) < 20


def test_where_all_lines_are_broken_nothing_is_left_to_send(
    receiver: OtlpReceiver, run: Run
) -> None:
    cut_off = WHOLE.replace(b"\x12\x35\x12", b"\x12\x36\x12")
    event = subscription_event(*[record("x", payload=pack(cut_off), spans=1)] * 2)

    result = run(event, dead_letter_queue="dead", compression="none")

    assert result.counts.rejected == 2
    assert len(receiver.requests) == 1


def test_a_broken_part_of_a_line_takes_none_of_the_others_along(
    receiver: OtlpReceiver, run: Run
) -> None:
    """A redriven line is made of many, of which nobody looked into those that said their count."""
    cut_off = WHOLE.replace(b"\x12\x35\x12", b"\x12\x36\x12")
    good = request("a").SerializeToString(), request("b").SerializeToString()
    line = record("x", payload=pack(good[0] + cut_off + good[1]))

    result = run(queue_event(line), dead_letter_queue="dead", compression="none")

    assert sorted(names(receiver)) == ["a", "b"]
    assert not result.failures
    assert len(receiver.requests) == 2


def test_a_collector_that_refuses_everything_is_not_asked_without_end(
    receiver: OtlpReceiver, run: Run
) -> None:
    receiver.decide = lambda _: Answer(400)

    result = run(
        subscription_event(*map(record, map(str, range(500)))),
        dead_letter_queue="dead",
        compression="none",
    )

    # Of 1,000 that dividing down to each span would take; threads decide how many.
    assert len(receiver.requests) < 250
    assert result.counts.rejected == 500
    assert not result.failures


def test_the_records_of_a_stream_share_requests(receiver: OtlpReceiver, run: Run) -> None:
    """A log batch in each record of the stream; one of them is the control message."""
    batches = log_data(record("a")), log_data(kind="CONTROL_MESSAGE"), log_data(record("b"))

    result = run(stream_event(*batches))

    assert names(receiver) == ["a", "b"]
    assert len(receiver.requests) == 1
    assert not result.failures


def test_spans_and_lag_are_counted_without_decoding(receiver: OtlpReceiver, run: Run) -> None:
    before = (time.time_ns() - ENDED) // 1_000_000

    counts = run(subscription_event(record("a", "b"), record("c"))).counts

    assert (counts.records, counts.spans, counts.requests) == (2, 3, 1)
    assert counts.bytes == int(receiver.requests[0].headers["content-length"])
    (lag,) = counts.lags
    assert before <= lag <= (time.time_ns() - ENDED) // 1_000_000


MOST = request("a", "b").ByteSize() // 28


@pytest.mark.parametrize(
    ("claim", "counted"),
    [
        *((believed, believed) for believed in (1, 2, MOST)),
        *((lie, 2) for lie in (MOST + 1, 10**30, 0, -1, True, 1.0, "1", [1], {"1": 1}, None)),
    ],
)
def test_a_line_says_itself_how_many_spans_it_holds_where_so_many_can_be_in_it(
    claim: Any, counted: int, receiver: OtlpReceiver, run: Run
) -> None:
    counts = run(subscription_event(record("a", "b", spans=claim))).counts

    assert names(receiver) == ["a", "b"]
    assert counts.spans == counted


def test_the_spans_of_several_resources_are_counted_whatever_their_line_says(
    receiver: OtlpReceiver, run: Run
) -> None:
    """They may be delivered apart, and the line does not say which part holds how many."""
    several = request("a", "b").SerializeToString() + request("c").SerializeToString()

    counts = run(subscription_event(record("x", payload=pack(several), spans=1))).counts

    assert names(receiver) == ["a", "b", "c"]
    assert counts.spans == 3


@pytest.mark.parametrize(
    "prefix", ["10%", "2026-01-01T00:00:00Z abc\t", "{", '{"a": {', '"', "a } b", "\x1b[1m\u00fc"]
)
def test_a_log_record_may_follow_somebody_elses_text_on_its_line(
    prefix: str, run: Run, receiver: OtlpReceiver
) -> None:
    """A subprocess of the function's may have left its line open."""
    counts = run(subscription_event(prefix + record("a"), record("b"))).counts

    assert names(receiver) == ["a", "b"]
    assert counts.spans == 2


BOMB = bytes(500 * KIB)


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
        (record("x", payload=pack(WHOLE[:-1]), spans=1), "payload is cut off"),
        (record("x", payload=pack(WHOLE + b"\x0a"), spans=1), "payload is cut off"),
        (record("x", payload=pack(WHOLE + b"\x00"), spans=1), "payload is not a trace request"),
        (record("x", payload=pack(b"\x12" + WHOLE[1:]), spans=1), "payload is not a trace request"),
        (record("x", payload=pack(b"\x0a")), "payload is cut off"),
        (record("x", payload=pack(b"\x0a" + b"\xff" * 19)), "payload is cut off"),
        (record("x", payload=pack(b"\x0f" * 40)), "payload is not a trace request"),
        (record("x", payload=pack(b"\x0a\x00" * 20)), "payload has an empty span or part"),
        (record("x", payload=pack(b"\x0a\x02\x12\x00")), "payload has an empty span or part"),
        (
            record("x", payload=pack(b"\x0a\x22\x12\x20" + b"\x12\x00" * 16)),
            "payload has an empty span or part",
        ),
    ],
)
def test_a_malformed_line_is_left_out_and_its_neighbours_arrive(
    line: Any, reason: str, receiver: OtlpReceiver, caplog: pytest.LogCaptureFixture, run: Run
) -> None:
    event = subscription_event(record("before"), line, record("after"))

    counts = run(event, max_unpacked_bytes=400 * KIB).counts

    assert names(receiver) == ["before", "after"]
    assert counts.malformed == {reason: 1}
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert warning.getMessage() == f"left out 1 malformed: {reason} (1)"


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        ({}, "event is not of CloudWatch Logs, Kinesis or SQS"),
        ([], "event is not of CloudWatch Logs, Kinesis or SQS"),
        ({"awslogs": None}, "item is not of CloudWatch Logs"),
        ({"Records": []}, "event is not of CloudWatch Logs, Kinesis or SQS"),
        (
            {"Records": [{"eventSource": "aws:s3"}]},
            "event is not of CloudWatch Logs, Kinesis or SQS",
        ),
        (stream_event(None), "packed data is not text"),
        ({"Records": [{"eventSource": "aws:kinesis"}]}, "item is not of CloudWatch Logs"),
        ({"Records": [{"eventSource": "aws:sqs", "body": 1}]}, "item is not of CloudWatch Logs"),
        (queue_event("{"), "not JSON"),
        (queue_event("{}"), "item is not of CloudWatch Logs"),
        ({"awslogs": {"data": 1}}, "packed data is not text"),
        ({"awslogs": {"data": pack(b"{")}}, "not JSON"),
        ({"awslogs": {"data": pack(b"{}")}}, "data is not of CloudWatch Logs"),
        (
            {"awslogs": {"data": pack(b'{"messageType": "DATA_MESSAGE", "logEvents": {}}')}},
            "data is not of CloudWatch Logs",
        ),
    ],
)
def test_a_malformed_event_is_counted(
    event: Any, reason: str, receiver: OtlpReceiver, run: Run
) -> None:
    assert run(event).counts.malformed == {reason: 1}
    assert not receiver.requests


@given(
    exports=st.lists(st.lists(st.text("ab", max_size=5), min_size=1, max_size=4), max_size=8),
    limit=st.integers(1, 200),
)
def test_merged_bytes_decode_to_the_union_of_the_spans(
    exports: list[list[str]], limit: int
) -> None:
    """For any records and any limit: nothing lost, nothing twice, order kept, spans counted."""
    lines = [read_record(record(*spans)) for spans in exports]
    parts = [(HERE, part) for line in lines for part in read_parts(line, 0, 1024 * KIB)]

    decoded = [ExportTraceServiceRequest.FromString(made.body) for made in merge(parts, limit)]

    merged = ExportTraceServiceRequest()
    for one in decoded:
        merged.MergeFrom(one)
    expected = ExportTraceServiceRequest()
    for spans in exports:
        expected.MergeFrom(request(*spans))
    assert merged == expected
    assert [part.spans for _, part in parts] == [len(spans) for spans in exports]
