"""Under the official emulator, a function's log lines are found by the spans that they are from."""

import json
from collections.abc import Mapping

import pytest

from lambda_otel_lite_cdk.cli.emulator.emulator import InvocationResult
from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine, log_lines
from tests.platform.environment import spans_in

from .live import emulator

CORRELATED = {"LAMBDA_OTEL_LOG_CORRELATION": "true"}
#: Sampled, and in later releases of the SDK that the trace id is random.
FLAGS = ("01", "03")
FORMATS = {"text": {}, "json": {"AWS_LAMBDA_LOG_FORMAT": "JSON"}}


def invoked(extra: Mapping[str, str]) -> InvocationResult:
    with emulator("sync", module="functions.logging_lines", extra=extra) as function:
        return function.invoke({"id": "42"})


def found(result: InvocationResult) -> list[LogLine]:
    return [one for line in result.log_lines for one in log_lines(line.encode())]


@pytest.mark.parametrize("form", FORMATS)
def test_lines_are_found_by_their_spans(form: str) -> None:
    result = invoked(CORRELATED | FORMATS[form])

    spans = {span.name: span for span in spans_in(result.log_lines)}
    charge = spans.pop("charge")
    (root,) = spans.values()
    assert [(line.message, line.trace_id, line.span_id) for line in found(result)] == [
        ("received 42", root.trace_id, root.span_id),
        ("charged 42", root.trace_id, charge.span_id),
    ]
    assert {line.level for line in found(result)} == {"WARNING"}
    # Before there is a span.
    (loaded,) = [line for line in result.log_lines if "loaded" in line]
    assert "trace_id" not in loaded


def test_the_platforms_json_line_has_the_ids_beside_the_users_own_fields() -> None:
    result = invoked(CORRELATED | FORMATS["json"])

    (line,) = [json.loads(line) for line in result.log_lines if "charged" in line]
    assert line["requestId"] == result.request_id
    assert line["amount"] == 7
    assert line["trace_flags"] in FLAGS


def test_the_platforms_text_line_has_the_ids_after_the_request_id() -> None:
    result = invoked(CORRELATED)

    (line,) = [line.split("\t") for line in result.log_lines if "charged" in line]
    assert line[2] == result.request_id
    assert line[3].startswith("trace_id=")
    assert line[3].endswith(tuple(f"trace_flags={flags}" for flags in FLAGS))
    assert line[4] == "charged 42"


@pytest.mark.parametrize("form", FORMATS)
def test_without_the_setting_lines_are_as_they_were(form: str) -> None:
    result = invoked(FORMATS[form])

    assert found(result) == []
    assert len(spans_in(result.log_lines)) == 2
