"""A log record holds what the forwarder and the platform's log filter look for."""

import base64
import gzip
import json
import re

import pytest

from lambda_otel_lite import __version__
from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.export.record import RecordFormat


def _record(environ: dict[str, str], request: bytes = b"request") -> dict[str, object]:
    form = RecordFormat(Settings.from_environ(environ))
    record: dict[str, object] = json.loads(form.line(form.payload(request), spans=3))
    return record


def test_the_fields_are_those_of_the_format() -> None:
    record = _record({env.SERVICE_NAME: 'a "quoted" näme'})

    payload = record.pop("payload")
    assert isinstance(payload, str)
    assert gzip.decompress(base64.b64decode(payload)) == b"request"
    assert record == {
        "__otel_otlp_stdout": __version__,
        "source": 'a "quoted" näme',
        "endpoint": "http://localhost:4318/v1/traces",
        "method": "POST",
        "content-type": "application/x-protobuf",
        "content-encoding": "gzip",
        "base64": True,
        "spans": 3,
    }


@pytest.mark.parametrize(("level", "expected"), [("WARN", "WARN"), ("INFO", "INFO")])
def test_hazard_19_level_and_timestamp_are_written_in_the_json_format(
    level: str, expected: str
) -> None:
    """The platform takes a line without both for INFO, and drops it where the level is WARN."""
    record = _record({env.LOG_FORMAT: "JSON", env.AWS_LOG_LEVEL: level})

    assert record["level"] == expected
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", str(record["timestamp"]))


def test_a_level_can_be_asked_for_in_the_text_format() -> None:
    record = _record({env.RECORD_LOG_LEVEL: "debug"})

    assert record["level"] == "DEBUG"
    assert "timestamp" not in record


def test_no_compression_is_gzip_too() -> None:
    payload = _record({env.COMPRESSION_LEVEL: "0"}, bytes(1000))["payload"]

    assert isinstance(payload, str)
    assert len(payload) > 1000
    assert gzip.decompress(base64.b64decode(payload)) == bytes(1000)


def test_the_same_spans_make_the_same_payload() -> None:
    """No time of compression in it, so that lines can be compared."""
    form = RecordFormat(Settings.from_environ({}))

    assert form.payload(b"x") == form.payload(b"x")
    assert base64.b64decode(form.payload(b"x"))[4:8] == bytes(4)


def test_a_line_fits_up_to_the_limit_with_its_newline() -> None:
    form = RecordFormat(Settings.from_environ({env.LINE_LIMIT: "1024"}))

    assert form.fits("x" * 1023 + "\n")
    assert not form.fits("x" * 1024 + "\n")
