"""init_telemetry puts the parts together as the arguments and the environment ask."""

import logging

import pytest
from opentelemetry import propagate, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from lambda_otel_lite import (
    LambdaSpanProcessor,
    TelemetryCompletionHandler,
    create_traced_handler,
    init_telemetry,
)
from lambda_otel_lite.configuration.ids import SystemIdGenerator
from tests.spans import FakeContext, make_telemetry, proto_spans


def test_it_returns_the_tracer_and_the_completion_handler_and_sets_the_global_provider() -> None:
    tracer, completion = init_telemetry()

    assert isinstance(completion, TelemetryCompletionHandler)
    assert completion.get_tracer() is tracer
    assert trace.get_tracer_provider() is completion.tracer_provider


def test_by_default_log_records_go_to_stdout(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAMBDA_OTEL_EXPORTER", "native")
    monkeypatch.setenv("LAMBDA_SPAN_PROCESSOR_BATCH_SIZE", "1")
    tracer, completion = init_telemetry()

    def handler(event: object, context: object) -> int:
        with tracer.start_as_current_span("child"):
            return 7

    assert create_traced_handler("work", completion)(handler)({}, FakeContext()) == 7

    lines = capfd.readouterr().out.splitlines()
    assert [span.name for span in proto_spans(lines)] == ["child", "work"]
    assert len(lines) == 2


def test_complete_exports_spans_of_a_handler_that_is_not_traced() -> None:
    telemetry = make_telemetry()
    own = LambdaSpanProcessor(exporter := InMemorySpanExporter())
    provider = telemetry.completion.tracer_provider
    assert isinstance(provider, TracerProvider)
    provider.add_span_processor(own)
    telemetry.completion.get_tracer().start_span("by hand").end()

    telemetry.completion.complete()
    telemetry.completion.complete()

    assert [span.name for span in exporter.get_finished_spans()] == ["by hand"]


def test_a_users_processors_replace_the_default_one_and_flush_with_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    exporter = InMemorySpanExporter()
    _, completion = init_telemetry(span_processors=[SimpleSpanProcessor(exporter)])

    create_traced_handler("work", completion)(lambda event, context: None)({}, FakeContext())

    assert [span.name for span in exporter.get_finished_spans()] == ["work"]
    assert capfd.readouterr().out == ""


def test_id_generator_and_sampler_are_taken() -> None:
    generator = RandomIdGenerator()
    _, completion = init_telemetry(id_generator=generator, sampler=ALWAYS_OFF)
    provider = completion.tracer_provider

    assert isinstance(provider, TracerProvider)
    assert provider.id_generator is generator
    assert provider.sampler is ALWAYS_OFF


def test_hazard_08_ids_come_from_the_system_by_default() -> None:
    provider = init_telemetry()[1].tracer_provider

    assert isinstance(provider, TracerProvider)
    assert isinstance(provider.id_generator, SystemIdGenerator)


@pytest.mark.parametrize("mode", ["async", "finalize"])
def test_off_lambda_every_mode_works(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "lambda_otel_lite")
    telemetry = make_telemetry(processor_mode=mode)

    traced = create_traced_handler("work", telemetry.completion)
    assert traced(lambda event, context: 7)({}, FakeContext()) == 7

    assert len(telemetry.spans) == (1 if mode == "async" else 0)
    assert f"{mode} mode needs one" in caplog.text


def test_disabled_does_nothing_at_all(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    textmap, provider = propagate.get_global_textmap(), trace.get_tracer_provider()

    tracer, completion = init_telemetry()
    with tracer.start_as_current_span("x") as span:
        assert not span.is_recording()
    completion.complete()

    assert capfd.readouterr().out == ""
    assert trace.get_tracer_provider() is provider
    # OpenTelemetry: the variable has no effect on propagators.
    assert propagate.get_global_textmap() is textmap
    assert not completion.propagation.senders([{"traceparent": "x"}]).spans
    assert completion.propagation.parent({}) == {}


def test_a_log_level_concerns_the_librarys_own_loggers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", "ERROR")
    init_telemetry()

    assert logging.getLogger("lambda_otel_lite.exporter").getEffectiveLevel() == logging.ERROR
