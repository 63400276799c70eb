"""Applications of lambda-otel-lite 0.8 and 0.15 find what they import, and it does the same.

`earlier_names.json` lists what the two versions define for applications: the name, in which of them
it is, and which parameters it takes (``=`` has a default, after ``*`` by keyword alone).
"""

import functools
import importlib
import inspect
import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, get_current_span

import lambda_otel_lite
from lambda_otel_lite import (
    ProcessorMode,
    ResourceAttributes,
    SpanAttributes,
    TelemetryCompletionHandler,
    TriggerType,
    create_traced_handler,
)
from lambda_otel_lite.config import get_bool_env, get_int_env, get_str_env
from lambda_otel_lite.extension import init_extension
from lambda_otel_lite.handler import TracedHandler
from lambda_otel_lite.lifecycle import modes
from lambda_otel_lite.logger import create_logger
from lambda_otel_lite.propagation import (
    LambdaXRayPropagator,
    NoopPropagator,
    create_propagator,
    has_valid_span,
    setup_propagator,
)
from lambda_otel_lite.version import VERSION
from tests.spans import (
    TRACE_ID,
    TRACEPARENT,
    XRAY_HEADER,
    XRAY_TRACE_ID,
    FakeContext,
    event,
    proto_spans,
)

_NAMES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "earlier_names.json").read_text("utf-8")
)
_VARIABLE = "TEST_OF_EARLIER_VERSIONS"
#: A handler in the style of 0.8's documentation.
_STYLE_08 = """
from opentelemetry import trace
from lambda_otel_lite import create_traced_handler, init_telemetry, processor_mode
from lambda_otel_lite.extractors import SpanAttributes, TriggerType

tracer, completion_handler = init_telemetry()

def extractor(event, context) -> SpanAttributes:
    return SpanAttributes(
        trigger=TriggerType.OTHER,
        attributes={"order.id": event["id"]},
        span_name="order",
        carrier=event.get("headers"),
    )

traced = create_traced_handler(
    name="orders", completion_handler=completion_handler, attributes_extractor=extractor
)

@traced
def handler(event, context):
    trace.get_current_span().set_attribute("mode", processor_mode.value)
    with tracer.start_as_current_span("charge"):
        return {"statusCode": 201}
"""
#: A handler in the style of 0.15's documentation.
_STYLE_015 = """
import lambda_otel_lite
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from lambda_otel_lite import ProcessorMode, get_lambda_resource
from lambda_otel_lite.constants import Defaults, EnvVars
from lambda_otel_lite.config import get_int_env
from lambda_otel_lite.handler import TracedHandler
from lambda_otel_lite.logger import create_logger
from lambda_otel_lite.propagation import create_propagator

logger = create_logger("a-logger-of-an-earlier-version")
tracer, completion_handler = lambda_otel_lite.init_telemetry(
    resource=get_lambda_resource(Resource({"order.shop": "main"})),
    propagators=[create_propagator()],
    id_generator=RandomIdGenerator(),
    processor_mode=ProcessorMode.resolve(env_var=EnvVars.PROCESSOR_MODE),
)
size = get_int_env(EnvVars.QUEUE_SIZE, None, Defaults.QUEUE_SIZE, lambda value: value > 0)

@TracedHandler("orders", completion_handler, lambda_otel_lite.extractors.alb_extractor)
def handler(event, context):
    logger.info("queue of %d", size)
    with tracer.start_as_current_span("charge"):
        return {"statusCode": 201}
"""


def _found(name: str) -> Any:
    module, rest = name, list[str]()
    while True:
        try:
            return functools.reduce(getattr, rest, importlib.import_module(module))
        except ModuleNotFoundError:
            module, _, last = module.rpartition(".")
            rest.insert(0, last)


@pytest.mark.parametrize("row", _NAMES, ids=lambda row: row["name"])
def test_a_name_is_there_and_takes_what_it_took(row: Mapping[str, Any]) -> None:
    found = _found(row["name"])

    if (takes := row.get("takes")) is not None:
        signature = inspect.signature(found)
        star = takes.index("*") if "*" in takes else len(takes)
        by_position = [name.rstrip("=") for name in takes[:star] if not name.startswith("*")]
        required = [name for name in takes if not name.endswith("=") and not name.startswith("*")]
        first = [object()] if row["name"].endswith(".__init__") else []
        of_an_object = row["name"].count(".") > 2 or ".LambdaSpanProcessor." in row["name"]
        if of_an_object and not first and "self" in signature.parameters:
            first = [object()]
        # By position as far as that was possible, by name all together, and with what is needed.
        signature.bind(*first, *by_position)
        if not any(name.startswith("*args") for name in takes):
            signature.bind(*first, **{name.rstrip("="): 1 for name in takes if name != "*"})
            signature.bind(*first, **dict.fromkeys(required, 1))


@pytest.mark.parametrize("version", ["0.8.2", "0.15.0"])
def test_the_list_holds_both_versions(version: str) -> None:
    names = [row["name"] for row in _NAMES if version in row["in"]]

    assert "lambda_otel_lite.init_telemetry" in names
    assert len(names) > 50


@pytest.mark.parametrize(
    "module", ["extractors", "telemetry", "handler", "processor", "logger", "extension", "config"]
)
def test_a_module_is_an_attribute_of_the_package(module: str) -> None:
    code = f"import lambda_otel_lite; print(lambda_otel_lite.{module}.__name__)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout == f"lambda_otel_lite.{module}\n", done.stderr


@pytest.mark.usefixtures("logger_name")
@pytest.mark.parametrize(
    ("code", "sent", "name", "attribute"),
    [
        (_STYLE_08, {"id": "42", "headers": {"traceparent": TRACEPARENT}}, "order", "mode"),
        (_STYLE_015, event("alb"), "GET", "http.request.method"),
    ],
    ids=["0.8", "0.15"],
)
def test_an_application_runs(
    code: str, sent: Any, name: str, attribute: str, capfd: pytest.CaptureFixture[str]
) -> None:
    made: dict[str, Any] = {}
    exec(code, made)  # noqa: S102 - a whole module is the test's input

    assert made["handler"](sent, FakeContext()) == {"statusCode": 201}

    child, root = proto_spans(capfd.readouterr().out.splitlines())
    assert (child.name, child.parent_span_id) == ("charge", root.span_id)
    assert root.name == name
    assert attribute in {one.key for one in root.attributes}
    assert root.trace_id == TRACE_ID.to_bytes(16)


def test_a_mode_is_read_from_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ProcessorMode.from_env(_VARIABLE, ProcessorMode.FINALIZE) is ProcessorMode.FINALIZE

    monkeypatch.setenv(_VARIABLE, " Async ")

    assert ProcessorMode.from_env(_VARIABLE) is ProcessorMode.ASYNC
    assert ProcessorMode.resolve(ProcessorMode.SYNC, _VARIABLE) is ProcessorMode.ASYNC


def test_a_variable_that_holds_no_mode(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match=f"{_VARIABLE}='' is not accepted; set it to one of sync"):
        ProcessorMode.from_env(_VARIABLE)
    assert ProcessorMode.resolve(env_var=_VARIABLE) is ProcessorMode.SYNC
    assert not caplog.messages

    monkeypatch.setenv(_VARIABLE, "later")

    with pytest.raises(ValueError, match=f"{_VARIABLE}='later' is not accepted"):
        ProcessorMode.from_env(_VARIABLE, ProcessorMode.ASYNC)
    assert ProcessorMode.resolve(ProcessorMode.ASYNC, _VARIABLE) is ProcessorMode.ASYNC
    (message,) = caplog.messages
    assert (
        message
        == f"{_VARIABLE}='later' is not accepted (one of sync, async, finalize); using async"
    )


def test_the_mode_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import lambda_otel_lite; print(repr(lambda_otel_lite.processor_mode))"
    monkeypatch.setenv("LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE", "async")

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout == "<ProcessorMode.ASYNC: 'async'>\n", done.stderr
    assert lambda_otel_lite.__version__ == VERSION


def test_resource_attributes_have_the_names_that_they_had() -> None:
    assert {name: value for name, value in vars(ResourceAttributes).items() if name.isupper()} == {
        "PROCESSOR_MODE": "lambda_otel_lite.extension.span_processor_mode",
        "QUEUE_SIZE": "lambda_otel_lite.lambda_span_processor.queue_size",
        "COMPRESSION_LEVEL": "lambda_otel_lite.otlp_stdout_span_exporter.compression_level",
    }


@pytest.mark.parametrize(
    ("read", "text", "expected", "warns"),
    [
        (get_bool_env, " TRUE ", True, False),
        (get_bool_env, "false", False, False),
        (get_bool_env, "1", True, True),
        (get_int_env, " 7 ", 7, False),
        (get_int_env, "seven", 5, True),
        (get_str_env, " b ", "b", False),
        (get_str_env, "  ", "a", False),
    ],
)
def test_a_variable_wins_over_the_configured_value_if_it_can_be_used(  # noqa: PLR0913, PLR0917
    read: Callable[..., Any],
    text: str,
    expected: object,
    warns: bool,  # noqa: FBT001 - a column of the table
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    configured = {get_bool_env: True, get_int_env: 5, get_str_env: "a"}[read]
    monkeypatch.setenv(_VARIABLE, text)

    assert read(_VARIABLE, configured) == expected
    assert [_VARIABLE in message for message in caplog.messages] == [True] * warns


@pytest.mark.parametrize("read", [get_int_env, get_str_env])
def test_what_a_validator_refuses_is_not_used(
    read: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(_VARIABLE, "12")

    assert read(_VARIABLE, None, "9", validator=lambda value: value == "9") == "9"
    assert read(_VARIABLE, None, "9", lambda value: str(value) == "12") in (12, "12")
    (message,) = caplog.messages
    assert f"{_VARIABLE}='12'" in message


def test_without_a_variable_the_configured_value_is_used_else_the_default() -> None:
    assert get_int_env(_VARIABLE, 3, 4) == 3
    assert get_int_env(_VARIABLE, None, 4) == 4
    assert get_int_env(_VARIABLE) == 0
    assert get_bool_env(_VARIABLE) is False
    assert get_bool_env(_VARIABLE, False, True) is False  # noqa: FBT003 - as applications call it
    assert get_str_env(_VARIABLE) == ""


@pytest.fixture
def logger_name() -> Iterator[str]:
    name = "a-logger-of-an-earlier-version"
    yield name
    logger = logging.getLogger(name)
    logger.setLevel(logging.NOTSET)
    logger.handlers.clear()


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        (None, ["INFO", "WARNING", "ERROR"]),
        ("debug", ["DEBUG", "INFO", "WARNING", "ERROR"]),
        ("error", ["ERROR"]),
        ("none", []),
    ],
)
def test_a_logger_logs_from_the_level_that_is_asked_for(
    level: str | None,
    expected: list[str],
    logger_name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if level:
        monkeypatch.setenv("LOG_LEVEL", level)
    logger = create_logger(logger_name)

    for write in (logger.debug, logger.info, logger.warn, logger.error):
        write("charged")

    assert [record.levelname for record in caplog.records] == expected
    assert {record.funcName for record in caplog.records} <= {
        test_a_logger_logs_from_the_level_that_is_asked_for.__name__
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("%s of %d", "one", 2), "one of 2"),
        (("failed:", ValueError("no"), 3), "failed: no 3"),
        (("100% done",), "100% done"),
        (("5%, as", 3), "5%, as 3"),
        ((), ""),
    ],
)
def test_a_logger_formats_or_joins(
    arguments: tuple[object, ...],
    message: str,
    logger_name: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    create_logger(logger_name).warn(*arguments)

    assert capsys.readouterr().err == f"[{logger_name}] {message}\n"


def test_on_lambda_the_platforms_handler_writes_a_loggers_lines(
    logger_name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders")

    create_logger(logger_name).warn("charged")

    assert capsys.readouterr().err == ""


def _provider() -> tuple[TracerProvider, InMemorySpanExporter]:
    provider, exporter = TracerProvider(), InMemorySpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=600_000))
    return provider, exporter


@pytest.mark.parametrize(("mode", "exported"), [("sync", 1), ("finalize", 0)])
def test_a_completion_handler_of_ones_own_provider_exports_as_its_mode_says(
    mode: str, exported: int
) -> None:
    provider, exporter = _provider()
    completion = TelemetryCompletionHandler(provider, ProcessorMode(mode))

    create_traced_handler("orders", completion)(lambda *_: None)({}, FakeContext())

    assert completion.tracer_provider is provider
    assert len(exporter.get_finished_spans()) == exported
    provider.shutdown()


def test_a_completion_handler_may_be_used_without_a_traced_handler() -> None:
    provider, exporter = _provider()
    completion = TelemetryCompletionHandler(provider, ProcessorMode.SYNC)

    with completion.get_tracer().start_as_current_span("work"):
        pass
    completion.complete()

    assert [span.name for span in exporter.get_finished_spans()] == ["work"]
    provider.shutdown()


class Extension:
    """Counts how often one is registered, and never has an event."""

    registered: list[list[str]]

    def __init__(self, address: str) -> None:
        assert address == "127.0.0.1:1"

    def start(self, kinds: list[str], follow: object) -> bool:
        """Agree."""
        del follow
        self.registered.append(kinds)
        return True


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """Return what was registered."""
    monkeypatch.setattr(modes, "InternalExtension", Extension)
    Extension.registered = []
    before = signal.getsignal(signal.SIGTERM)
    yield Extension.registered
    signal.signal(signal.SIGTERM, before)


@pytest.mark.parametrize(("mode", "kinds"), [("async", ["INVOKE"]), ("finalize", [])])
def test_one_extension_serves_init_extension_and_the_completion_handler(
    mode: str, kinds: list[str], registered: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1")
    provider, exporter = _provider()

    init_extension(ProcessorMode(mode), provider)
    init_extension(ProcessorMode(mode), provider)
    completion = TelemetryCompletionHandler(provider, ProcessorMode(mode))
    create_traced_handler("orders", completion)(lambda *_: None)({}, FakeContext())

    assert registered == [kinds]
    # Not in the handler's thread.
    assert len(exporter.get_finished_spans()) == 0
    provider.shutdown()


@pytest.mark.parametrize(("mode", "api"), [("sync", "127.0.0.1:1"), ("async", None)])
def test_no_extension_is_registered_in_sync_mode_or_outside_of_lambda(
    mode: str, api: str | None, registered: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    if api:
        monkeypatch.setenv("AWS_LAMBDA_RUNTIME_API", api)

    init_extension(ProcessorMode(mode), TracerProvider())

    assert registered == []


def test_on_shutdown_is_called_before_the_last_export() -> None:
    code = """
import os, signal, threading
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, BatchSpanProcessor
from lambda_otel_lite import ProcessorMode
from lambda_otel_lite.extension import init_extension
from lambda_otel_lite.lifecycle import modes
class Extension:
    def __init__(self, address): pass
    def start(self, kinds, follow): return True
modes.InternalExtension = Extension
class Exporter(SpanExporter):
    def export(self, spans): print("exported", flush=True)
provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(Exporter(), schedule_delay_millis=600000))
def stop():
    print("stopping", flush=True)
    raise RuntimeError
init_extension(ProcessorMode.FINALIZE, provider, stop)
provider.get_tracer("t").start_span("work").end()
os.kill(os.getpid(), signal.SIGTERM)
threading.Event().wait(60)
"""
    environ = {**os.environ, "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environ
    )

    assert done.stdout.split() == ["stopping", "exported"], done.stderr
    assert "on_shutdown failed" in done.stderr
    assert done.returncode == -signal.SIGTERM


def test_a_traced_handler_is_made_by_its_class_as_well(
    make_telemetry: Callable[..., Any],
) -> None:
    telemetry = make_telemetry()
    seen = SpanAttributes(TriggerType.TIMER, {"a": 1}, "tick", {}, SpanKind.CONSUMER, None)
    traced = TracedHandler("orders", telemetry.completion, lambda *_: seen)

    assert traced(lambda *_: 7)({}, FakeContext()) == 7

    assert (traced.name, traced.completion_handler) == ("orders", telemetry.completion)
    assert (telemetry.span.name, telemetry.span.kind) == ("tick", SpanKind.CONSUMER)
    assert isinstance(create_traced_handler("orders", telemetry.completion), TracedHandler)


@pytest.mark.parametrize(
    ("carrier", "environment", "trace_id"),
    [
        ({"X-Amzn-Trace-Id": XRAY_HEADER}, None, XRAY_TRACE_ID),
        ({}, XRAY_HEADER, XRAY_TRACE_ID),
        ({}, XRAY_HEADER.replace("Sampled=1", "Sampled=0"), None),
        ({}, None, None),
    ],
)
def test_the_x_ray_propagator_takes_the_carriers_header_or_a_sampled_one_of_the_platform(
    carrier: dict[str, str],
    environment: str | None,
    trace_id: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if environment:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", environment)

    found = LambdaXRayPropagator().extract(carrier)

    assert has_valid_span(found) is (trace_id is not None)
    assert get_current_span(found).get_span_context().trace_id == (trace_id or 0)


def test_the_propagator_is_what_the_variable_names(monkeypatch: pytest.MonkeyPatch) -> None:
    carrier = {"traceparent": TRACEPARENT}
    assert has_valid_span(create_propagator().extract(carrier))

    monkeypatch.setenv("OTEL_PROPAGATORS", "none")

    assert not has_valid_span(create_propagator().extract(carrier))


def test_the_propagator_becomes_the_global_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_PROPAGATORS", "xray")

    setup_propagator()

    assert propagate.get_global_textmap().fields == {"X-Amzn-Trace-Id"}


def test_the_propagator_of_nothing_finds_and_writes_nothing() -> None:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    carrier: dict[str, str] = {}

    with provider.get_tracer("t").start_as_current_span("work"):
        NoopPropagator().inject(carrier)

    assert carrier == {}
    assert NoopPropagator().extract({"traceparent": TRACEPARENT}) == Context()
    assert NoopPropagator().fields == set()
