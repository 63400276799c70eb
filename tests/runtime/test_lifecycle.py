"""Which invocation is open, and what becomes of its spans."""

import logging
import threading

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, StatusCode

from lambda_otel_lite import LambdaSpanProcessor
from lambda_otel_lite.lifecycle.lifecycle import Lifecycle
from lambda_otel_lite.processor import OpenSpans


class Recording(OpenSpans):
    """Keeps the spans that have ended, and counts exports."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[ReadableSpan] = []
        self.exports = 0
        self.exported = threading.Event()

    def on_end(self, span: ReadableSpan) -> None:
        """Keep the span."""
        super().on_end(span)
        self.ended.append(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Count an export."""
        del timeout_millis
        self.exports += 1
        self.exported.set()
        return True


class Stage:
    """A lifecycle with a real tracer."""

    def __init__(self, margin_ms: int = 200, *, finalizes: bool = False) -> None:
        self.spans = Recording()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(self.spans)
        self.tracer = provider.get_tracer("test")
        self.lifecycle = Lifecycle(provider, self.spans, margin_ms, finalizes=finalizes)

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
    assert stage.spans.exports == 1


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
    """Outside of one it exports."""
    stage = Stage()
    invocation = stage.lifecycle.begin("a", stage.span(), None)
    stage.lifecycle.complete()
    stage.lifecycle.complete()
    assert stage.spans.exports == 0
    stage.lifecycle.end(invocation, None)
    stage.lifecycle.complete()
    assert stage.spans.exports == 2


def test_finalize_mode_exports_at_shutdown_alone() -> None:
    """Neither an invocation's end nor its completion by hand exports."""
    stage = Stage(finalizes=True)
    stage.lifecycle.complete()
    stage.lifecycle.end(stage.lifecycle.begin("a", stage.span(), None), None)
    stage.lifecycle.complete()
    assert stage.spans.exports == 0
    stage.lifecycle.shut_down()
    assert stage.spans.exports == 1


def test_a_local_root_is_exported_unless_an_invocation_is_open() -> None:
    """Nobody else would export it; that of an invocation waits for the invocation's end."""
    provider = TracerProvider(shutdown_on_exit=False)
    queue = LambdaSpanProcessor(exporter := InMemorySpanExporter())
    provider.add_span_processor(queue)
    lifecycle = Lifecycle(provider, queue, 0, queue=queue)
    tracer = provider.get_tracer("test")

    def exported(name: str) -> bool:
        tracer.start_span(name).end()
        return name in [span.name for span in exporter.get_finished_spans()]

    assert exported("before")
    outer = lifecycle.begin("a", tracer.start_span("outer"), None)
    assert not exported("within")
    inner = lifecycle.begin("b", tracer.start_span("inner"), None)
    lifecycle.end(inner, None)
    assert not exported("within the outer one")
    lifecycle.end(outer, None)
    assert exported("after")


def test_hazard_06_open_spans_are_ended_before_the_deadline() -> None:
    """Children before their parents, and exported; spans of other traces stay open."""
    stage = Stage()
    other = stage.span("other")
    stage.lifecycle.begin("a", stage.span(), 250)
    assert stage.spans.exported.wait(10)
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
    stage.lifecycle.time_out(first)
    assert stage.spans.ended == []


def test_shutdown_ends_open_spans() -> None:
    """With an error type of its own, and exports; without an invocation it exports alone."""
    stage = Stage()
    stage.lifecycle.shut_down()
    assert (stage.spans.exports, stage.spans.ended) == (1, [])
    stage.lifecycle.begin("a", stage.span(), None)
    stage.lifecycle.shut_down()
    assert stage.spans.exports == 2
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
    assert stage.spans.exports == 1
