"""Ended spans wait in a bounded queue and leave it in batches, untraced."""

import gc
import logging
import weakref
from collections.abc import Sequence

import pytest
from opentelemetry.context import _SUPPRESS_INSTRUMENTATION_KEY, get_value
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanContext, StatusCode

from lambda_otel_lite import LambdaSpanProcessor
from lambda_otel_lite.processor import DROPPED_SPANS, OpenSpans, flush
from tests.spans import make_span


class _Exporter(SpanExporter):
    def __init__(self, result: SpanExportResult | Exception = SpanExportResult.SUCCESS) -> None:
        self.result = result
        self.batches: list[list[str]] = []
        self.suppressed: list[object] = []
        self.calls: list[object] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.batches.append([span.name for span in spans])
        self.suppressed.append(get_value(_SUPPRESS_INSTRUMENTATION_KEY))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def shutdown(self) -> None:
        self.calls.append("shutdown")

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        self.calls.append(timeout_millis)
        return True


def _child(name: str) -> ReadableSpan:
    return make_span(name, parent=make_span().context)


def test_spans_leave_in_order_and_in_batches() -> None:
    exporter = _Exporter()
    processor = LambdaSpanProcessor(exporter, max_export_batch_size=2)
    for name in "abcde":
        processor.on_end(make_span(name))
    assert exporter.batches == []

    processor.process_spans()
    processor.process_spans()

    assert exporter.batches == [["a", "b"], ["c", "d"], ["e"]]


def test_what_does_not_fit_the_queue_is_dropped_and_counted_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    exporter = _Exporter()
    processor = LambdaSpanProcessor(exporter, max_queue_size=2)
    for name in "abcde":
        processor.on_end(_child(name))

    assert processor.force_flush() is True
    assert processor.force_flush(7) is True

    assert exporter.batches == [["a", "b"]]
    assert exporter.calls == [30_000, 7]
    (warning,) = caplog.records
    assert "3 spans dropped" in warning.getMessage()
    assert "LAMBDA_SPAN_PROCESSOR_QUEUE_SIZE" in warning.getMessage()


def test_hazard_18_instrumentation_is_suppressed_while_exporting() -> None:
    exporter = _Exporter()
    processor = LambdaSpanProcessor(exporter)
    processor.on_end(make_span())

    processor.process_spans()

    assert exporter.suppressed == [True]
    assert get_value(_SUPPRESS_INSTRUMENTATION_KEY) is None


@pytest.mark.parametrize("result", [SpanExportResult.FAILURE, RuntimeError("no network")])
def test_an_exporters_failure_reaches_nobody_and_later_spans_are_exported(
    result: SpanExportResult | Exception, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "lambda_otel_lite")
    exporter = _Exporter(result)
    processor = LambdaSpanProcessor(exporter, max_export_batch_size=1)
    processor.on_end(make_span("a"))
    processor.on_end(make_span("b"))

    processor.process_spans()

    assert exporter.batches == [["a"], ["b"]]
    raised = isinstance(result, Exception)
    assert [one.message for one in caplog.records] == (
        ["1 spans lost: the exporter raised"] * 2 if raised else []
    )
    assert get_value(_SUPPRESS_INSTRUMENTATION_KEY) is None


def test_shutdown_exports_what_is_left() -> None:
    exporter = _Exporter()
    processor = LambdaSpanProcessor(exporter)
    processor.on_end(make_span("a"))

    processor.shutdown()

    assert exporter.batches == [["a"]]
    assert exporter.calls == ["shutdown"]


def test_unsampled_spans_and_spans_without_context_are_not_kept() -> None:
    exporter = _Exporter()
    processor = LambdaSpanProcessor(exporter)
    provider = TracerProvider(sampler=ALWAYS_OFF)
    provider.add_span_processor(processor)
    provider.get_tracer("test").start_span("unsampled").end()
    processor.on_end(ReadableSpan("lost"))

    processor.process_spans()

    assert exporter.batches == []
    provider.shutdown()


def test_a_span_tree_is_exported_at_the_end_of_its_root_when_released_and_not_when_held() -> None:
    exporter = _Exporter()
    processor = LambdaSpanProcessor(exporter)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("test")
    tracer.start_span("at first").end()
    assert exporter.batches == []

    processor.release()
    with tracer.start_as_current_span("root"):
        tracer.start_span("child").end()
        assert exporter.batches == []
    assert exporter.batches == [["at first", "child", "root"]]

    processor.hold()
    tracer.start_span("held").end()
    assert len(exporter.batches) == 1


def test_an_exporter_that_cannot_be_flushed_is_a_log_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It reaches nobody, whoever has ended the span that was to be exported."""

    def fail(timeout_millis: int) -> bool:
        raise RuntimeError("no network")

    exporter = _Exporter()
    monkeypatch.setattr(exporter, "force_flush", fail)
    processor = LambdaSpanProcessor(exporter)
    processor.release()
    processor.on_end(make_span("a"))

    assert exporter.batches == [["a"]]
    assert processor.force_flush() is False
    assert [one.message for one in caplog.records] == ["the exporter could not be flushed"] * 2


def test_open_spans_of_one_trace_are_ended_children_first() -> None:
    exporter = InMemorySpanExporter()
    open_spans = OpenSpans()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(open_spans)
    provider.add_span_processor(queue := LambdaSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("root") as root, tracer.start_as_current_span("child"):
        other = provider.get_tracer("test").start_span("ended")
        other.end()
        trace_id = root.get_span_context().trace_id

        assert open_spans.end_open_spans(trace_id + 1, "timeout", "late") == 0
        assert open_spans.end_open_spans(trace_id, "timeout", "late") == 2
        assert open_spans.end_open_spans(trace_id, "timeout", "late") == 0
        queue.process_spans()

    ended = exporter.get_finished_spans()
    assert [span.name for span in ended] == ["ended", "child", "root"]
    for span in ended[1:]:
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description == "late"
        assert dict(span.attributes or {})["error.type"] == "timeout"


@pytest.mark.parametrize(
    ("parents", "kept"),
    [
        # r: a root, R: one whose parent is another process's, c: a child
        ("ccccr", "ccr"),
        ("ccccR", "ccR"),
        ("rcccc", "rcc"),
        ("rcccR", "rcR"),
        ("rrccR", "rrR"),
        ("rrrrR", "rrR"),
        ("cccrrrrrr", "rrr"),
    ],
)
def test_a_full_queue_keeps_local_roots(
    parents: str, kept: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A child is dropped for them; if there is none, it is the root that ended before."""
    exporter = _Exporter()
    processor = LambdaSpanProcessor(exporter, max_queue_size=3)
    remote = SpanContext(1, 2, is_remote=True)
    parent = {"r": None, "R": remote, "c": make_span().context}
    for kind in parents:
        processor.on_end(make_span(kind, parent=parent[kind]))

    processor.process_spans()

    assert exporter.batches == [list(kept)]
    assert f"{len(parents) - 3} spans dropped" in caplog.text


def test_a_queue_that_was_emptied_keeps_roots_again() -> None:
    exporter = _Exporter()
    processor = LambdaSpanProcessor(exporter, max_queue_size=1)
    for kind in ("root", "root"):
        processor.on_end(make_span(kind))
    processor.process_spans()
    processor.on_end(_child("child"))
    processor.on_end(make_span("last"))
    processor.process_spans()

    assert exporter.batches == [["root"], ["last"]]


def test_a_root_tells_how_many_spans_were_dropped_since_the_one_before() -> None:
    """Also where nothing was exported between them, as in mode finalize."""
    exporter = InMemorySpanExporter()
    processor = LambdaSpanProcessor(exporter, max_queue_size=3)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("test")
    for children in (2, 3, 0):
        with tracer.start_as_current_span(f"root {children}") as root:
            for _ in range(children):
                tracer.start_span("child").end()
            processor.note_dropped(root)

    processor.process_spans()
    found = {
        span.name: (span.attributes or {}).get(DROPPED_SPANS)
        for span in exporter.get_finished_spans()
    }
    # The second loses three children and displaces one, the third one displaces the last child.
    assert found == {"root 2": None, "root 3": 4, "root 0": 1}


def test_spans_that_nobody_holds_are_not_held_here() -> None:
    """Some instrumentations never end the span of a stream that was not read to its end."""
    open_spans = OpenSpans()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(open_spans)
    tracer = provider.get_tracer("test")
    for _ in range(3):
        forgotten = weakref.ref(tracer.start_span("forgotten"))
        gc.collect()
        assert forgotten() is None
    held = tracer.start_span("held")

    assert open_spans.end_open_spans(held.get_span_context().trace_id, "timeout", "late") == 1


class _Failing(_Exporter):
    def __init__(self, failure: BaseException | None) -> None:
        super().__init__()
        self.failure = failure

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        super().force_flush(timeout_millis)
        if self.failure is not None:
            raise self.failure
        return False


@pytest.mark.parametrize(
    "failure", [None, RuntimeError("no network"), SystemExit(1), KeyboardInterrupt()]
)
def test_every_processor_is_flushed_whatever_the_one_before_it_does(
    failure: BaseException | None,
) -> None:
    class Processor(SpanProcessor):
        def __init__(self, exporter: _Exporter) -> None:
            self.exporter = exporter

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            return self.exporter.force_flush(timeout_millis)

    provider = TracerProvider(shutdown_on_exit=False)
    exporters = [_Failing(failure), _Failing(failure), _Exporter()]
    for exporter in exporters:
        provider.add_span_processor(Processor(exporter))

    flush(provider)

    assert [len(exporter.calls) for exporter in exporters] == [1, 1, 1]


def test_a_provider_that_shows_no_processors_is_flushed_as_one(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Provider:
        def force_flush(self) -> bool:
            raise RuntimeError("no network")

    flush(Provider())  # type: ignore[arg-type]

    assert [one.message for one in caplog.records] == ["spans could not be exported"]
