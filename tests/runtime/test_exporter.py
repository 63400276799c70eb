"""Spans become log records: complete, bounded, without secrets, each written at once."""

import json
import logging
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import Status, StatusCode

from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.export import exporter as exporter_module
from lambda_otel_lite.export import record
from lambda_otel_lite.export.exporter import (
    LazySpanExporter,
    LogRecordExporter,
    NativeSpanExporter,
    PackageSpanExporter,
)
from lambda_otel_lite.export.truncation import TRUNCATED
from tests.spans import make_span, proto_spans, request_of

_EXPORTERS = pytest.mark.parametrize("exporter", [NativeSpanExporter, PackageSpanExporter])


class _Stdout:
    """Keeps each write apart, as another thread would see them."""

    def __init__(self) -> None:
        self.writes: list[str] = []

    def write(self, text: str) -> int:
        self.writes.append(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing."""


def _noise(size: int, seed: int = 0) -> str:
    """Return a text that gzip cannot make smaller."""
    source = random.Random(seed)  # noqa: S311 - not for secrets
    return "".join(chr(source.randrange(33, 0x2000)) for _ in range(size))


@pytest.fixture
def stdout(monkeypatch: pytest.MonkeyPatch) -> _Stdout:
    """Stand in for stdout."""
    fake = _Stdout()
    # Not sys.stdout itself, which pytest sets anew before the test.
    monkeypatch.setattr(record, "sys", SimpleNamespace(stdout=fake))
    return fake


def _settings(**values: object) -> Settings:
    return Settings.from_environ({name: str(value) for name, value in values.items()})


@_EXPORTERS
@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    sizes=st.lists(st.integers(0, 3_000), min_size=1, max_size=12),
    limit=st.integers(1024, 20_000),
    level=st.sampled_from([0, 1, 9]),
    log_format=st.sampled_from(["JSON", "Text"]),
    service=st.text(st.characters(exclude_characters="\0"), max_size=20),
)
def test_hazard_15_every_line_is_complete_json_under_the_limit(  # noqa: PLR0913, PLR0917
    exporter: Callable[[Settings], LogRecordExporter],
    sizes: list[int],
    limit: int,
    level: int,
    log_format: str,
    service: str,
    stdout: _Stdout,
    caplog: pytest.LogCaptureFixture,
) -> None:
    stdout.writes.clear()
    caplog.clear()
    settings = _settings(
        **{
            env.LINE_LIMIT: limit,
            env.COMPRESSION_LEVEL: level,
            env.LOG_FORMAT: log_format,
            env.SERVICE_NAME: service,
        }
    )
    spans = [
        make_span(span_id=number, attributes={"text": _noise(size, number)})
        for number, size in enumerate(sizes, 1)
    ]

    result = exporter(settings).export(spans)

    for line in stdout.writes:
        assert line.endswith("\n")
        assert "\n" not in line[:-1]
        assert len(line.encode()) <= limit
        assert json.loads(line)["source"] == settings.service_name
        assert json.loads(line)["spans"] == len(proto_spans([line]))
    written = [int.from_bytes(span.span_id) for span in proto_spans(stdout.writes)]
    assert written == sorted(set(written))
    dropped = len(spans) - len(written)
    assert result is not bool(dropped)
    warnings = [one.getMessage() for one in caplog.records if "dropped" in one.getMessage()]
    assert len(warnings) == bool(dropped)
    assert all(f"{dropped} of {len(spans)} spans" in message for message in warnings)


def test_hazard_15_a_batch_over_the_limit_is_halved_until_it_fits(stdout: _Stdout) -> None:
    spans = [
        make_span(span_id=number, attributes={"n": _noise(300, number)}) for number in range(1, 9)
    ]

    settings = _settings(**{env.LINE_LIMIT: 2500})
    assert NativeSpanExporter(settings).export(spans)

    assert [len(proto_spans([line])) for line in stdout.writes] == [2, 2, 2, 2]


@_EXPORTERS
def test_hazard_15_a_single_span_over_the_limit_is_truncated_and_marked(
    exporter: Callable[[Settings], LogRecordExporter], stdout: _Stdout
) -> None:
    span = make_span(
        attributes={"big": _noise(60_000), "small": "kept"},
        status=Status(StatusCode.ERROR, _noise(60_000, 1)),
    )

    settings = _settings(**{env.LINE_LIMIT: 16_384})
    assert exporter(settings).export([span])

    (written,) = proto_spans(stdout.writes)
    attributes = {attribute.key: attribute.value for attribute in written.attributes}
    assert attributes[TRUNCATED].bool_value is True
    assert attributes["small"].string_value == "kept"
    assert 0 < len(attributes["big"].string_value) < 60_000
    assert written.status.code == written.status.STATUS_CODE_ERROR
    assert written.start_time_unix_nano == span.start_time


def test_what_fits_no_line_at_all_is_dropped_and_counted(
    stdout: _Stdout, caplog: pytest.LogCaptureFixture
) -> None:
    spans = [make_span(resource=Resource({"big": _noise(5_000)})), make_span(span_id=2)]

    settings = _settings(**{env.LINE_LIMIT: 1024})
    assert not NativeSpanExporter(settings).export(spans)

    assert len(proto_spans(stdout.writes)) == 1
    (warning,) = caplog.records
    assert "1 of 2 spans dropped" in warning.getMessage()
    assert "1024 bytes (LAMBDA_OTEL_LINE_LIMIT)" in warning.getMessage()


@_EXPORTERS
def test_hazard_23_a_line_and_its_newline_are_one_write(
    exporter: Callable[[Settings], LogRecordExporter], stdout: _Stdout
) -> None:
    exporter(_settings()).export([make_span(), make_span(span_id=2)])

    (text,) = stdout.writes
    assert text.endswith("}\n")
    assert len(proto_spans([text])) == 2


@_EXPORTERS
def test_hazard_16_exporter_headers_never_reach_a_line(
    exporter: Callable[[Settings], LogRecordExporter],
    stdout: _Stdout,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=s3cret")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=s3cret")

    exporter(Settings.from_environ()).export([make_span()])

    (line,) = stdout.writes
    assert "s3cret" not in line
    assert "headers" not in json.loads(line)


def test_both_exporters_decode_to_equal_messages(stdout: _Stdout) -> None:
    spans: list[Any] = [
        make_span("a", attributes={"text": "ü", "list": [1, 2], "none": None, "real": 0.5}),
        make_span("b", 2, status=Status(StatusCode.ERROR, "no")),
    ]
    NativeSpanExporter(_settings()).export(spans)
    PackageSpanExporter(_settings()).export(spans)

    native, package = (request_of(line) for line in stdout.writes)
    assert native == package
    assert len(native.resource_spans[0].scope_spans[0].spans) == 2


@_EXPORTERS
def test_spans_that_cannot_be_encoded_do_not_take_others_with_them(
    exporter: Callable[[Settings], LogRecordExporter],
    stdout: _Stdout,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spans = [make_span(), make_span(span_id=2, start_time=-1), make_span(span_id=3)]

    assert not exporter(_settings()).export(spans)

    assert [int.from_bytes(span.span_id) for span in proto_spans(stdout.writes)][-1] == 3
    assert len(proto_spans(stdout.writes)) == 2
    assert "1 of 3 spans dropped" in caplog.text


def test_no_spans_are_no_line(stdout: _Stdout) -> None:
    assert NativeSpanExporter(_settings()).export([])
    assert stdout.writes == []


def test_a_closed_stdout_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def write(text: str) -> int:
        raise ValueError("I/O operation on closed file")

    closed = _Stdout()
    monkeypatch.setattr(closed, "write", write)
    monkeypatch.setattr(record, "sys", SimpleNamespace(stdout=closed))

    assert not NativeSpanExporter(_settings()).export([make_span()])
    assert "1 spans lost" in caplog.text


@pytest.mark.parametrize(
    ("choice", "kind"), [("native", NativeSpanExporter), ("package", PackageSpanExporter)]
)
def test_the_chosen_exporter_is_made_at_the_first_export(
    choice: str, kind: type, stdout: _Stdout
) -> None:
    lazy = LazySpanExporter(_settings(**{env.EXPORTER: choice}))
    assert lazy._exporter is None
    assert lazy.force_flush() is True
    lazy.shutdown()

    lazy.export([make_span()])
    made = lazy._exporter
    assert isinstance(made, kind)
    lazy.export([make_span()])
    assert lazy._exporter is made
    assert lazy.force_flush() is True
    lazy.shutdown()
    assert len(stdout.writes) == 2


@pytest.mark.parametrize("error", [ImportError("gone"), TypeError("Descriptors cannot be created")])
def test_a_package_that_cannot_be_imported_is_a_warning_and_native_takes_over(
    error: Exception,
    stdout: _Stdout,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Two versions of protobuf in one process raise a TypeError when they are imported."""

    def fail(settings: Settings) -> LogRecordExporter:
        raise error

    monkeypatch.setattr(exporter_module, "PackageSpanExporter", fail)

    LazySpanExporter(_settings()).export([make_span()])
    assert len(proto_spans(stdout.writes)) == 1
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert str(error) in warning.getMessage()


def test_pipe_output_is_left_to_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(env.OUTPUT_TYPE, "pipe")
    lazy = LazySpanExporter(Settings.from_environ())

    lazy.export([make_span()])

    assert type(lazy._exporter).__name__ == "OTLPStdoutSpanExporter"
    # There is no pipe here, so that the package itself falls back to stdout.
    assert len(proto_spans(capsys.readouterr().out.splitlines())) == 1
