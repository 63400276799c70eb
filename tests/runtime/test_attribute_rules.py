"""What must not leave a function is not in its log lines, whatever writes them."""

from typing import Any

import pytest
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

from lambda_otel_lite import init_telemetry
from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.export.exporter import StdoutSpanExporter
from tests.spans import OTHER_SPAN_ID, OTHER_TRACE_ID, make_span, request_of

SECRET = "s3cr3t-value"  # noqa: S105 - of a test


class _Log:
    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        self.lines.append(line)


def exported(span: Any, exporter: str = "native", **variables: str) -> Any:
    """Return the resource part of the request that is written of a span."""
    settings = Settings.from_environ({"LAMBDA_OTEL_EXPORTER": exporter, **variables})
    log = _Log()
    StdoutSpanExporter(settings, log).export([span])
    (part,) = request_of(log.lines[0]).resource_spans
    return part


def values(attributes: Any) -> dict[str, str]:
    """Return attributes of the message as texts."""
    return {one.key: one.value.string_value or str(one.value.int_value) for one in attributes}


def _span() -> Any:
    attributes: dict[str, Any] = {
        "Authorization": SECRET,
        "http.request.header.cookie": SECRET,
        "count": 3,
    }
    link = SpanContext(OTHER_TRACE_ID, OTHER_SPAN_ID, is_remote=True)
    return make_span(
        attributes=attributes,
        events=[Event("sent", dict(attributes))],
        links=[Link(link, dict(attributes))],
        resource=Resource({"service.name": "orders", "authorization": SECRET}),
    )


@pytest.mark.parametrize("exporter", ["native", "package"])
@pytest.mark.parametrize(
    ("variable", "left"),
    [
        ("LAMBDA_OTEL_DROP_ATTRIBUTES", None),
        ("LAMBDA_OTEL_REDACT", "REDACTED"),
    ],
)
def test_named_attributes_do_not_leave_wherever_they_are(
    exporter: str, variable: str, left: str | None
) -> None:
    part = exported(_span(), exporter, **{variable: "authorization, http.request.header.*"})

    assert SECRET.encode() not in part.SerializeToString()
    (span,) = part.scope_spans[0].spans
    for attributes in (span.attributes, span.events[0].attributes, span.links[0].attributes):
        found = values(attributes)
        assert found.pop("Authorization", None) == left
        assert found.pop("http.request.header.cookie", None) == left
        assert found == {"count": "3"}
    resource = values(part.resource.attributes)
    assert (resource.get("authorization"), resource["service.name"]) == (left, "orders")


def test_what_is_dropped_need_not_be_redacted() -> None:
    part = exported(_span(), LAMBDA_OTEL_DROP_ATTRIBUTES="authorization", LAMBDA_OTEL_REDACT="*o*")

    found = values(part.scope_spans[0].spans[0].attributes)
    assert found == {"http.request.header.cookie": "REDACTED", "count": "REDACTED"}


def test_a_name_without_a_star_is_a_whole_name() -> None:
    part = exported(_span(), LAMBDA_OTEL_DROP_ATTRIBUTES="count.,coun,a.thorization")

    assert len(part.scope_spans[0].spans[0].attributes) == 3


@pytest.mark.parametrize("variable", ["LAMBDA_OTEL_DROP_ATTRIBUTES", "LAMBDA_OTEL_REDACT"])
def test_a_redacted_query_stands_in_no_url(variable: str) -> None:
    url = f"https://shop.example/orders?token={SECRET}"
    span = make_span(
        attributes={
            "url.full": url,
            "http.url": url,
            "http.target": f"/orders?{SECRET}?",
            "url.path": "/orders?",
            "url.query": SECRET,
        }
    )

    part = exported(span, **{variable: "url.query"})

    assert SECRET.encode() not in part.SerializeToString()
    found = values(part.scope_spans[0].spans[0].attributes)
    assert found["url.full"] == "https://shop.example/orders?REDACTED"
    assert found["http.target"] == "/orders?REDACTED"
    assert found["url.path"] == "/orders?"


def test_a_redacted_exception_message_stands_in_no_stack_trace_and_no_status() -> None:
    event = Event(
        "exception",
        {
            "exception.type": "ValueError",
            "exception.message": SECRET,
            "exception.stacktrace": f"Traceback\n  File app.py\nValueError: {SECRET}",
        },
    )
    span = make_span(events=[event], status=Status(StatusCode.ERROR, f"ValueError: {SECRET}"))

    part = exported(span, LAMBDA_OTEL_REDACT="exception.message")

    assert SECRET.encode() not in part.SerializeToString()
    (written,) = part.scope_spans[0].spans
    assert written.status.message == "ValueError: REDACTED"
    trace = values(written.events[0].attributes)["exception.stacktrace"]
    assert trace == "Traceback\n  File app.py\nValueError: REDACTED"


def test_the_span_itself_stays_as_it_is_and_its_counts_are_written() -> None:
    attributes = BoundedAttributes(1, {"authorization": SECRET, "b": "2"})
    span = make_span(
        attributes=attributes, events=BoundedList.from_seq(1, [Event("a"), Event("b")])
    )

    (written,) = exported(span, LAMBDA_OTEL_REDACT="authorization,b").scope_spans[0].spans

    assert (written.dropped_attributes_count, written.dropped_events_count) == (1, 1)
    assert dict(span.attributes or {}) == {"b": "2"}
    assert span.events[0].name == "b"


def test_a_long_text_is_cut_by_the_sdks_own_limit(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4")
    monkeypatch.setenv("LAMBDA_OTEL_EXPORTER", "native")
    tracer, completion = init_telemetry()
    with tracer.start_as_current_span("work", attributes={"text": "123456"}) as span:
        span.add_event("sent", {"text": "abcdef"})
    completion.complete()

    (line,) = capfd.readouterr().out.splitlines()
    (written,) = request_of(line).resource_spans[0].scope_spans[0].spans
    assert values(written.attributes) == {"text": "1234"}
    assert values(written.events[0].attributes) == {"text": "abcd"}
