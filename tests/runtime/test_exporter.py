"""Spans become log records: complete, bounded, without secrets, each written at once."""

import json
import logging
import random
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Status, StatusCode

from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.export import exporter as exporting
from lambda_otel_lite.export import package_output, record
from lambda_otel_lite.export.exporter import StdoutSpanExporter
from lambda_otel_lite.export.truncation import TRUNCATED
from tests.spans import make_span, proto_spans, request_of

_BOTH = pytest.mark.parametrize("choice", ["native", "package"])


class _Stdout:
    """Keeps each write apart, as another thread would see them."""

    def __init__(self) -> None:
        self.writes: list[str] = []

    def write(self, line: str) -> None:
        self.writes.append(line)


def _noise(size: int, seed: int = 0) -> str:
    """Return a text that gzip cannot make smaller."""
    source = random.Random(seed)  # noqa: S311 - not for secrets
    return "".join(chr(source.randrange(33, 0x2000)) for _ in range(size))


@pytest.fixture
def stdout(monkeypatch: pytest.MonkeyPatch) -> _Stdout:
    """Stand in for stdout."""
    fake = _Stdout()
    monkeypatch.setattr(exporting, "Stdout", lambda: fake)
    return fake


def _exporter(choice: str = "native", /, **values: object) -> StdoutSpanExporter:
    environ = {name: str(value) for name, value in values.items()}
    return StdoutSpanExporter(Settings.from_environ(environ | {env.EXPORTER: choice}))


@_BOTH
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
    choice: str,
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
    variables = {
        env.LINE_LIMIT: limit,
        env.COMPRESSION_LEVEL: level,
        env.LOG_FORMAT: log_format,
        env.SERVICE_NAME: service,
    }
    spans = [
        make_span(span_id=number, attributes={"text": _noise(size, number)})
        for number, size in enumerate(sizes, 1)
    ]

    source = Settings.from_environ({env.SERVICE_NAME: service}).service_name
    result = _exporter(choice, **variables).export(spans)

    for line in stdout.writes:
        assert line.endswith("\n")
        assert "\n" not in line[:-1]
        assert len(line.encode()) <= limit
        assert json.loads(line)["source"] == source
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

    assert _exporter(**{env.LINE_LIMIT: 2500}).export(spans)

    assert [len(proto_spans([line])) for line in stdout.writes] == [2, 2, 2, 2]


@_BOTH
def test_hazard_15_a_single_span_over_the_limit_is_truncated_and_marked(
    choice: str, stdout: _Stdout
) -> None:
    span = make_span(
        attributes={"big": _noise(60_000), "small": "kept"},
        status=Status(StatusCode.ERROR, _noise(60_000, 1)),
    )

    assert _exporter(choice, **{env.LINE_LIMIT: 16_384}).export([span])

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

    assert not _exporter(**{env.LINE_LIMIT: 1024}).export(spans)

    assert len(proto_spans(stdout.writes)) == 1
    (warning,) = caplog.records
    assert "1 of 2 spans dropped" in warning.getMessage()
    assert "1024 bytes (LAMBDA_OTEL_LINE_LIMIT)" in warning.getMessage()


@_BOTH
def test_hazard_23_a_line_and_its_newline_are_one_write(choice: str, stdout: _Stdout) -> None:
    _exporter(choice).export([make_span(), make_span(span_id=2)])

    (text,) = stdout.writes
    assert text.endswith("}\n")
    assert len(proto_spans([text])) == 2


@_BOTH
def test_hazard_16_exporter_headers_never_reach_a_line(
    choice: str,
    stdout: _Stdout,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=s3cret")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "authorization=s3cret")

    _exporter(choice).export([make_span()])

    (line,) = stdout.writes
    assert "s3cret" not in line
    assert "headers" not in json.loads(line)


@pytest.mark.newest
def test_both_exporters_decode_to_equal_messages(stdout: _Stdout) -> None:
    spans: list[Any] = [
        make_span("a", attributes={"text": "ü", "list": [1, 2], "none": None, "real": 0.5}),
        make_span("b", 2, status=Status(StatusCode.ERROR, "no")),
    ]
    _exporter().export(spans)
    _exporter("package").export(spans)

    native, package = (request_of(line) for line in stdout.writes)
    assert native == package
    assert len(native.resource_spans[0].scope_spans[0].spans) == 2


@_BOTH
def test_spans_that_cannot_be_encoded_do_not_take_others_with_them(
    choice: str,
    stdout: _Stdout,
    caplog: pytest.LogCaptureFixture,
) -> None:
    spans = [make_span(), make_span(span_id=2, start_time=-1), make_span(span_id=3)]

    assert not _exporter(choice).export(spans)

    assert [int.from_bytes(span.span_id) for span in proto_spans(stdout.writes)][-1] == 3
    assert len(proto_spans(stdout.writes)) == 2
    assert "1 of 3 spans dropped" in caplog.text


def _nested(depth: int, kind: type) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value] if kind is list else {"k": value}
    return value


@_BOTH
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("lists", _nested(48, list)),
        ("maps", _nested(32, dict)),
        ("very deep", _nested(3000, dict)),
        ("in a list", [1, _nested(47, list)]),
        ("huge", 10**30),
        ("name \ud800", object()),
    ],
)
def test_what_cannot_be_encoded_costs_itself_and_no_span(
    choice: str, name: str, value: Any, stdout: _Stdout
) -> None:
    bad = {"bad": value, "good": 1}
    spans = [
        make_span(),
        make_span(name, 2, attributes=bad, events=[Event("seen", bad)]),
        make_span(span_id=3),
    ]

    assert _exporter(choice).export(spans)

    _, found, _ = proto_spans(stdout.writes)
    assert [one.key for one in found.attributes] == ["good"]
    assert [one.key for one in found.events[0].attributes] == ["good"]


def test_no_spans_are_no_line(stdout: _Stdout) -> None:
    assert _exporter().export([])
    assert stdout.writes == []


def test_a_stdout_that_cannot_be_written_to_is_one_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(_Stdout):
        def write(self, line: str) -> None:
            raise BrokenPipeError(f"{len(line)} bytes cannot be written")

    monkeypatch.setattr(exporting, "Stdout", Broken)
    exporter = _exporter()

    assert not exporter.export([make_span()])
    assert not exporter.export([make_span()])

    (warning,) = caplog.records
    assert "1 spans lost" in warning.getMessage()
    assert "bytes cannot be written" in warning.getMessage()


@pytest.mark.parametrize(
    ("choice", "encoder"),
    [
        ("native", "lambda_otel_lite.export.encoder"),
        ("package", "lambda_otel_lite.export.package_output"),
    ],
)
def test_the_chosen_encoder_is_loaded_at_the_first_export(
    choice: str, encoder: str, stdout: _Stdout, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("encoder", "package_output"):
        monkeypatch.delitem(sys.modules, f"lambda_otel_lite.export.{name}", raising=False)
        monkeypatch.delattr(f"lambda_otel_lite.export.{name}", raising=False)
    formats: list[record.RecordFormat] = []

    class Counted(record.RecordFormat):
        def __init__(self, settings: Settings) -> None:
            super().__init__(settings)
            formats.append(self)

    monkeypatch.setattr(record, "RecordFormat", Counted)
    exporter = _exporter(choice)
    assert exporter.force_flush() is True
    exporter.shutdown()
    assert not _loaded_encoders()

    exporter.export([make_span()])
    exporter.export([make_span()])

    assert _loaded_encoders() == {encoder}
    assert exporter.force_flush() is True
    exporter.shutdown()
    assert len(stdout.writes) == 2
    assert len(formats) == 1


def _loaded_encoders() -> set[str]:
    encoders = {"lambda_otel_lite.export.encoder", "lambda_otel_lite.export.package_output"}
    return encoders & set(sys.modules)


@pytest.mark.parametrize("error", [ImportError("gone"), TypeError("Descriptors cannot be created")])
def test_a_package_that_cannot_be_imported_is_a_warning_and_native_takes_over(
    error: Exception,
    stdout: _Stdout,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Two versions of protobuf in one process raise a TypeError when they are imported."""

    def fail(compression_level: int) -> object:
        raise error

    monkeypatch.setattr(package_output, "PackageEncoder", fail)

    _exporter("package").export([make_span()])
    assert len(proto_spans(stdout.writes)) == 1
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert str(error) in warning.getMessage()
