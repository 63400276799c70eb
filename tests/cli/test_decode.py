from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Iterator
from contextlib import redirect_stdout
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import (
    AnyValue,
    ArrayValue,
    KeyValue,
    KeyValueList,
)
from opentelemetry.trace import Link, SpanKind, Status, StatusCode, set_span_in_context

from lambda_otel_lite_cdk.cli.traces.exports import span_json
from lambda_otel_lite_cdk.cli.traces.records import Decoder, spans_of
from tests.cli.records import log_record, provider


def _record(**changes: Any) -> str:
    return json.dumps({**json.loads(log_record()), **changes})


def test_everything_that_a_span_holds_is_decoded() -> None:
    tracer = provider().get_tracer("shop.orders")
    printed = io.StringIO()
    with redirect_stdout(printed):
        parent = tracer.start_span("parent")
        child = tracer.start_span(
            "child",
            set_span_in_context(parent),
            kind=SpanKind.CONSUMER,
            attributes={"text": "ü", "yes": True, "count": 3, "ratio": 0.5, "list": ["a", "b"]},
            links=[Link(parent.get_span_context(), {"why": "batch"})],
            start_time=1_000,
        )
        child.add_event("exception", {"exception.type": "E"}, timestamp=1_500)
        child.set_status(Status(StatusCode.ERROR, "no stock"))
        child.end(end_time=2_000)
    [span] = Decoder().decode(printed.getvalue().splitlines())
    context = parent.get_span_context()
    assert span.trace_id == f"{context.trace_id:032x}"
    assert span.parent_id == f"{context.span_id:016x}"
    assert span.span_id == f"{child.get_span_context().span_id:016x}"
    assert (span.name, span.kind, span.scope) == ("child", "CONSUMER", "shop.orders")
    assert (span.start_ns, span.end_ns) == (1_000, 2_000)
    assert (span.status, span.status_message) == ("ERROR", "no stock")
    assert span.attributes == {
        "text": "ü",
        "yes": True,
        "count": 3,
        "ratio": 0.5,
        "list": ["a", "b"],
    }
    assert [(event.name, event.time_ns) for event in span.events] == [("exception", 1_500)]
    assert [(link.span_id, link.attributes) for link in span.links] == [
        (span.parent_id, {"why": "batch"})
    ]
    assert span.service == "shop"


def test_every_kind_of_value_is_decoded() -> None:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add(kind=99)
    span.status.code = 77  # type: ignore[assignment]  # as if a later version had it
    for key, value in {
        "list": AnyValue(array_value=ArrayValue(values=[AnyValue(int_value=1)])),
        "map": AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key="a", value=AnyValue())])),
        "bytes": AnyValue(bytes_value=b"\x00\xff"),
        "nothing": AnyValue(),
    }.items():
        span.attributes.add(key=key, value=value)
    [decoded] = spans_of(request)
    assert decoded.attributes == {
        "list": [1],
        "map": {"a": None},
        "bytes": "AP8=",
        "nothing": None,
    }
    assert (decoded.kind, decoded.status) == ("99", "77"), "a later version of OTLP may have them"
    assert span_json(decoded)["attributes"] == decoded.attributes


def test_a_log_is_split_into_records_and_other_lines() -> None:
    lines = ["one", log_record("kept"), "two"]
    others, spans = Decoder().split(lines)
    assert others == ["one", "two"]
    assert [span.name for span in spans] == ["kept"]


def test_other_lines_are_skipped_and_not_counted() -> None:
    decoder = Decoder()
    lines = ["START RequestId: 1", "", '{"level": "INFO"}', log_record("kept"), "{"]
    assert [span.name for span in decoder.decode(lines)] == ["kept"]
    assert not decoder.malformed


@pytest.mark.parametrize(
    "prefix",
    [
        "2026-01-01T00:00:00Z 2026/01/01/[$LATEST]abc ",
        "10%",
        "{",
        '{"a": {',
        '"',
        "a } b",
        "ü\x1b[1m",
    ],
)
def test_a_prefix_before_the_record_is_ignored(prefix: str) -> None:
    line = f"{prefix}{log_record('kept')}\n"
    assert [span.name for span in Decoder().decode([line])] == ["kept"]


@pytest.mark.parametrize("encoded", [True, False])
def test_a_record_need_not_be_compressed(encoded: bool) -> None:  # noqa: FBT001 - pytest gives it
    payload = gzip.decompress(base64.b64decode(json.loads(log_record("plain"))["payload"]))
    plain = {"payload": base64.b64encode(payload).decode(), "content-encoding": None}
    line = _record(**plain) if encoded else log_record("plain")
    assert [span.name for span in Decoder().decode([line])] == ["plain"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (log_record()[:-20], "not complete JSON, probably split"),
        (r'"{\"__otel_otlp_stdout\": \x"', "not complete JSON, probably split"),
        ('["__otel_otlp_stdout"]', "not complete JSON, probably split"),
        (_record(payload=None), "no payload"),
        (_record(payload="§§"), "the payload is not base64"),
        (_record(payload="AAAA"), "the payload is not gzip"),
        (
            _record(payload=base64.b64encode(gzip.compress(b"\xff\xff")).decode()),
            "the payload is not an OTLP trace request",
        ),
        (
            _record(payload=base64.b64encode(gzip.compress(bytes(65 * 1024 * 1024))).decode()),
            "the payload is too large",
        ),
        (
            _record(payload=json.loads(log_record())["payload"][:-8]),
            "the payload is not gzip",
        ),
    ],
    ids=["cut", "escaped", "list", "empty", "base64", "no gzip", "no request", "large", "short"],
)
def test_malformed_records_are_counted_and_the_rest_is_read(line: str, reason: str) -> None:
    decoder = Decoder()
    names = [span.name for span in decoder.decode([line, log_record("kept"), line])]
    assert names == ["kept"]
    assert decoder.malformed == {reason: 2}


def test_spans_come_before_the_next_line_is_read() -> None:
    def lines() -> Iterator[str]:
        yield log_record("first")
        pytest.fail("the second line was asked for before the first one's spans were taken")

    assert next(Decoder().decode(lines())).name == "first"
