"""Every variable is read, checked and defaulted, and no text in it stops a function."""

import logging
import os
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite.configuration.reader import warn
from lambda_otel_lite.configuration.settings import (
    ProcessorMode,
    Settings,
    without_propagators_variable,
    xray_trace_header,
)

_ROWS: dict[str, Any] = dict(env.BY_SETTING)
_NAMES = sorted(
    value for name, value in vars(env).items() if name.isupper() and isinstance(value, str)
)


def test_an_empty_environment_gives_the_documented_defaults() -> None:
    settings = Settings.from_environ({})

    assert settings.mode is ProcessorMode.SYNC
    assert settings.queue_size == 2048
    assert settings.batch_size == 512
    assert settings.compression_level == 6
    assert settings.exporter == "package"
    assert settings.line_limit == 60 * 1024
    assert settings.timeout_margin == 200
    assert settings.extractor == "auto"
    assert settings.propagators == ("tracecontext", "baggage", "xray-lambda")
    assert settings.service_name == "unknown_service"
    assert settings.instrumentations == ()
    assert settings.resource_attributes == {}
    assert (settings.keep, settings.drop_attributes, settings.redact) == ({}, (), ())
    for switch in ("disabled", "stable_http_only", "propagators_chosen", "json_log_format"):
        assert getattr(settings, switch) is False
    for unknown in ("handler", "record_level", "log_level", "region", "memory_bytes"):
        assert getattr(settings, unknown) is None


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        (env.PROCESSOR_MODE, "async", "mode", ProcessorMode.ASYNC),
        (env.PROCESSOR_MODE, " Finalize ", "mode", ProcessorMode.FINALIZE),
        (env.QUEUE_SIZE, "16", "queue_size", 16),
        (env.BATCH_SIZE, "1", "batch_size", 1),
        (env.COMPRESSION_LEVEL, "0", "compression_level", 0),
        (env.COMPRESSION_LEVEL, "9", "compression_level", 9),
        (env.EXPORTER, "native", "exporter", "native"),
        (env.LINE_LIMIT, "4096", "line_limit", 4096),
        (env.TIMEOUT_MARGIN, "0", "timeout_margin", 0),
        (env.HANDLER, "app.handler", "handler", "app.handler"),
        (env.EXTRACTOR, "sqs", "extractor", "sqs"),
        (env.INSTRUMENTATIONS, "Botocore, requests,", "instrumentations", ("botocore", "requests")),
        (env.KEEP, "errors, ratio=0.05 ,", "keep", {"errors": 1, "ratio": 0.05}),
        (env.DROP_ATTRIBUTES, "a.b,http.*", "drop_attributes", ("a.b", "http.*")),
        (env.REDACT, "url.query", "redact", ("url.query",)),
        (env.SERVICE_NAME, "shop", "service_name", "shop"),
        (env.RESOURCE_ATTRIBUTES, "a=1,b=x%20y", "resource_attributes", {"a": "1", "b": "x y"}),
        (env.PROPAGATORS, "b3,none", "propagators", ("b3", "none")),
        (env.PROPAGATORS, "b3", "propagators_chosen", True),
        (env.SDK_DISABLED, "TRUE", "disabled", True),
        (env.SDK_DISABLED, "false", "disabled", False),
        (env.SEMCONV_STABILITY_OPT_IN, "database,http", "stable_http_only", True),
        (env.SEMCONV_STABILITY_OPT_IN, "http/dup", "stable_http_only", False),
        (env.RECORD_LOG_LEVEL, "warning", "record_level", "WARN"),
        (env.RECORD_LOG_LEVEL, "error", "record_level", "ERROR"),
        (env.OUTPUT_TYPE, "pipe", "pipe_output", True),
        (env.AWS_LOG_LEVEL, "DEBUG", "log_level", logging.DEBUG),
        (env.LOG_LEVEL, "none", "log_level", logging.CRITICAL + 1),
        (env.AWS_REGION, "eu-west-1", "region", "eu-west-1"),
        (env.FUNCTION_NAME, "orders", "function_name", "orders"),
        (env.FUNCTION_VERSION, "$LATEST", "function_version", "$LATEST"),
        (env.LOG_STREAM_NAME, "2026/04/09/x", "log_stream", "2026/04/09/x"),
        (env.MEMORY_SIZE, "128", "memory_bytes", 128 * 1024 * 1024),
        (env.MEMORY_SIZE, "lots", "memory_bytes", None),
        (env.LOG_FORMAT, "json", "json_log_format", True),
        (env.LOG_FORMAT, "Text", "json_log_format", False),
        (env.RUNTIME_API, "127.0.0.1:9001", "runtime_api", "127.0.0.1:9001"),
        (env.INITIALIZATION_TYPE, "snap-start", "initialization_type", "snap-start"),
        (env.INITIALIZATION_TYPE, "lambda-managed-instances", "managed_instance", True),
        (env.MAX_CONCURRENCY, "8", "managed_instance", True),
    ],
)
def test_each_variable_sets_its_field(
    variable: str, value: str, field: str, expected: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert getattr(Settings.from_environ({variable: value}), field) == expected
    assert not caplog.records


@pytest.mark.parametrize(
    ("variable", "value", "field", "accepted", "fallback"),
    [
        (env.PROCESSOR_MODE, "later", "mode", "sync, async, finalize", "sync"),
        (env.QUEUE_SIZE, "0", "queue_size", "1 to 1000000 spans", 2048),
        (env.QUEUE_SIZE, "many", "queue_size", "1 to 1000000 spans", 2048),
        (env.BATCH_SIZE, "-3", "batch_size", "1 to 1000000 spans", 512),
        (env.COMPRESSION_LEVEL, "10", "compression_level", "0 to 9", 6),
        (env.EXPORTER, "http", "exporter", "native, package", "package"),
        (env.LINE_LIMIT, "9" * 5000, "line_limit", "1024 to 1048576 bytes", 61440),
        (env.TIMEOUT_MARGIN, "0.2", "timeout_margin", "0 to 60000 ms", 200),
        (env.RESOURCE_ATTRIBUTES, "oops", "resource_attributes", "key=value", {}),
        (env.KEEP, "errors=yes", "keep", "errors, cold_starts", {}),
        (env.KEEP, "ratio", "keep", "ratio=0 to 1", {}),
        (env.KEEP, "ratio=nan", "keep", "ratio=0 to 1", {}),
        (env.KEEP, "slower_than_ms=0", "keep", "slower_than_ms=1 to 900000", {}),
        (env.KEEP, "slow", "keep", "timeouts, errors", {}),
        (env.SDK_DISABLED, "yes", "disabled", "true, false", False),
        (env.OUTPUT_TYPE, "file", "pipe_output", "stdout, pipe", False),
        (env.RECORD_LOG_LEVEL, "loud", "record_level", "TRACE, DEBUG, INFO", None),
    ],
)
def test_a_bad_value_is_one_warning_that_says_all(  # noqa: PLR0913, PLR0917 - a table
    variable: str,
    value: str,
    field: str,
    accepted: str,
    fallback: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(2):  # the zero-code entry point and init_telemetry both read it
        assert getattr(Settings.from_environ({variable: value}), field) == fallback

    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.name == "lambda_otel_lite.settings"
    message = record.getMessage()
    for part in (variable, repr(value), accepted):
        assert part in message
    assert message.partition("; using ")[2]


def test_the_environment_wins_over_the_argument_and_that_over_the_default() -> None:
    variable = {env.PROCESSOR_MODE: "async"}

    assert Settings.from_environ(variable, mode="finalize").mode is ProcessorMode.ASYNC
    assert Settings.from_environ({}, mode="finalize").mode is ProcessorMode.FINALIZE
    assert Settings.from_environ({}, mode=ProcessorMode.ASYNC).mode is ProcessorMode.ASYNC


def test_a_bad_argument_is_a_warning_and_a_bad_variable_falls_back_to_the_argument(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert Settings.from_environ({}, mode="soon").mode is ProcessorMode.SYNC
    assert "processor_mode='soon'" in caplog.text

    bad = Settings.from_environ({env.PROCESSOR_MODE: "soon"}, mode="async")
    assert bad.mode is ProcessorMode.ASYNC
    assert "using async" in caplog.text


@pytest.mark.parametrize(
    ("level", "expected"), [(None, "INFO"), ("DEBUG", "INFO"), ("WARN", "WARN"), ("fatal", "FATAL")]
)
def test_a_json_log_format_always_has_a_record_level_that_passes_the_filter(
    level: str | None, expected: str
) -> None:
    environ = {env.LOG_FORMAT: "JSON"} | ({env.AWS_LOG_LEVEL: level} if level else {})

    assert Settings.from_environ(environ).record_level == expected


def test_the_first_log_level_that_is_understood_is_taken_and_another_is_no_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    environ = {env.AWS_LOG_LEVEL: "chatty", env.LOG_LEVEL: "error"}

    assert Settings.from_environ(environ).log_level == logging.ERROR
    assert not caplog.records


def test_the_service_name_comes_from_the_most_explicit_source() -> None:
    function = {env.FUNCTION_NAME: "fn"}
    attributes = function | {env.RESOURCE_ATTRIBUTES: "service.name=res"}

    assert Settings.from_environ(function).service_name == "fn"
    assert Settings.from_environ(attributes).service_name == "res"
    assert Settings.from_environ(attributes | {env.SERVICE_NAME: "own"}).service_name == "own"


def is_of_type(value: object, hint: Any) -> bool:
    if isinstance(hint, UnionType):
        return any(is_of_type(value, part) for part in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(isinstance(item, str) for item in value)
    return type(value) is (get_origin(hint) or hint)


@given(st.dictionaries(st.sampled_from(_NAMES), st.text() | st.just("9" * 5000)))
def test_no_text_in_any_variable_raises(environ: dict[str, str]) -> None:
    warn.cache_clear()
    settings = Settings.from_environ(environ)

    assert settings.mode in ProcessorMode
    assert 0 <= settings.compression_level <= 9
    assert settings.service_name
    for name, hint in get_type_hints(Settings).items():
        assert is_of_type(getattr(settings, name), hint)


def test_settings_cannot_be_changed() -> None:
    settings = Settings.from_environ({})

    with pytest.raises(AttributeError, match="settings cannot be changed: queue_size"):
        settings.queue_size = 1
    assert settings.queue_size == 2048


@pytest.mark.parametrize("level", [*_ROWS["log_level"]["accepted"], "WARNING", "CRITICAL"])
def test_every_accepted_level_is_one_of_the_loggers(level: str) -> None:
    assert Settings.from_environ({env.LOG_LEVEL: level.lower()}).log_level is not None


@pytest.mark.parametrize("setting", ["handler", "resource_attributes"])
def test_a_default_of_another_kind_is_no_number_and_no_text(setting: str) -> None:
    with pytest.raises(TypeError, match=setting):
        env.default_number(setting)
    with pytest.raises(TypeError, match=setting):
        env.default_text(setting)


def test_the_x_ray_header_is_read_anew_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    assert xray_trace_header() is None
    monkeypatch.setenv(env.XRAY_TRACE_HEADER, "Root=1")
    assert xray_trace_header() == "Root=1"


def test_the_propagators_variable_is_hidden_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    with without_propagators_variable():
        assert env.PROPAGATORS not in os.environ
    assert env.PROPAGATORS not in os.environ

    monkeypatch.setenv(env.PROPAGATORS, "b3")
    with without_propagators_variable():
        assert env.PROPAGATORS not in os.environ
    assert os.environ[env.PROPAGATORS] == "b3"
