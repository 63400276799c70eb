"""Which invocation is open, and what becomes of its spans."""

import logging
import threading

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import Span, StatusCode

from lambda_otel_lite.lifecycle.completion import SyncCompletion
from lambda_otel_lite.lifecycle.lifecycle import Lifecycle
from lambda_otel_lite.processor import OpenSpans


class Recording(OpenSpans):
    """Keeps the spans that have ended."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        """Keep the span."""
        super().on_end(span)
        self.ended.append(span)


class Stage:
    """A lifecycle with a real tracer and a count of its exports."""

    def __init__(self, margin_ms: int = 200) -> None:
        self.exports = 0
        self.exported = threading.Event()
        self.spans = Recording()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(self.spans)
        self.tracer = provider.get_tracer("test")
        self.lifecycle = Lifecycle(SyncCompletion(self._flush), self.spans, self._flush, margin_ms)

    def _flush(self) -> None:
        self.exports += 1
        self.exported.set()

    def span(self, name: str = "handler") -> Span:
        """Start a span."""
        return self.tracer.start_span(name)


def _describe(span: ReadableSpan) -> tuple[str, StatusCode, object]:
    assert span.attributes is not None
    return span.name, span.status.status_code, span.attributes.get("error.type")


def test_an_invocation_is_open_between_its_begin_and_its_end() -> None:
    """It is known by its request id; what has none is never taken for it."""
    stage = Stage()
    assert not stage.lifecycle.is_open("a")
    invocation = stage.lifecycle.begin("a", stage.span(), 60_000)
    assert stage.lifecycle.is_open("a")
    assert not stage.lifecycle.is_open("b")
    assert not stage.lifecycle.is_open(None)
    stage.lifecycle.end(invocation, None)
    assert not stage.lifecycle.is_open("a")
    assert stage.exports == 1


def test_an_invocation_within_another() -> None:
    """The end of the inner one leaves the outer one open."""
    stage = Stage()
    outer = stage.lifecycle.begin("a", stage.span(), None)
    inner = stage.lifecycle.begin(None, stage.span(), None)
    stage.lifecycle.end(inner, None)
    assert stage.lifecycle.is_open("a")
    stage.lifecycle.end(outer, None)
    assert not stage.lifecycle.is_open("a")


def test_hazard_03_completing_within_a_traced_handler_does_nothing() -> None:
    """Outside of one it exports, as the end of a local root does."""
    stage = Stage()
    invocation = stage.lifecycle.begin("a", stage.span(), None)
    stage.lifecycle.complete()
    stage.lifecycle.complete()
    stage.lifecycle.on_local_root()
    assert stage.exports == 0
    stage.lifecycle.end(invocation, None)
    stage.lifecycle.complete()
    stage.lifecycle.on_local_root()
    assert stage.exports == 3


def test_hazard_06_open_spans_are_ended_before_the_deadline() -> None:
    """Children before their parents, and exported; spans of other traces stay open."""
    stage = Stage()
    other = stage.span("other")
    stage.lifecycle.begin("a", stage.span(), 250)
    assert stage.exported.wait(10)
    assert [_describe(span) for span in stage.spans.ended] == [
        ("handler", StatusCode.ERROR, "timeout")
    ]
    assert other.is_recording()


def test_an_alarm_that_comes_too_late_leaves_the_next_invocation_alone() -> None:
    """The invocation that it was for has ended; the one that is open is another."""
    stage = Stage()
    first = stage.lifecycle.begin("a", stage.span(), None)
    stage.lifecycle.end(first, None)
    stage.lifecycle.begin("b", stage.span("next"), None)
    stage.lifecycle._on_deadline(first)
    assert stage.spans.ended == []


def test_shutdown_ends_open_spans() -> None:
    """With an error type of its own, and exports; without an invocation it exports alone."""
    stage = Stage()
    stage.lifecycle.shut_down()
    assert (stage.exports, stage.spans.ended) == (1, [])
    stage.lifecycle.begin("a", stage.span(), None)
    stage.lifecycle.shut_down()
    assert stage.exports == 2
    assert [_describe(span) for span in stage.spans.ended] == [
        ("handler", StatusCode.ERROR, "shutdown")
    ]


def test_spans_that_cannot_be_ended_are_one_log_line(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong, the rest of the shutdown goes on."""
    stage = Stage()

    def fail(*args: object) -> int:
        raise ValueError("no")

    monkeypatch.setattr(stage.spans, "end_open_spans", fail)
    stage.lifecycle.begin("a", stage.span(), None)
    with caplog.at_level(logging.ERROR, "lambda_otel_lite.lifecycle"):
        stage.lifecycle.shut_down()
    assert [record.message for record in caplog.records] == ["open spans could not be ended"]
    assert stage.exports == 1
