"""Whether a variable or an argument is used is one rule, which the page on settings tells."""

import inspect
import re
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from lambda_otel_lite import TelemetryCompletionHandler, init_telemetry
from tests.pages import page_with
from tests.spans import TRACE_ID, TRACEPARENT, XRAY_HEADER

_PAGE = page_with("| argument | variables | what is used |").read_text("utf-8")
_ROWS = {
    argument: (re.findall(r"`([^`]+)`", variables), used)
    for argument, variables, used in re.findall(
        r"^\| `(\w+)` \| ([^|]+) \| (the (?:variable|argument)[^|]*) \|$", _PAGE, re.MULTILINE
    )
}


class _Processor(SpanProcessor):
    def __init__(self) -> None:
        self.ended = 0

    def on_end(self, span: object) -> None:
        self.ended += 1


def _mode(completion: TelemetryCompletionHandler, _: Any) -> bool:
    return completion.settings.mode == "finalize"


def _team(completion: TelemetryCompletionHandler, _: Any) -> bool:
    found: Any = completion.tracer_provider
    attributes = found.resource.attributes
    assert attributes["tier"] == "variable"
    return bool(attributes["team"] == attributes["service.name"] == "argument")


def _parent(completion: TelemetryCompletionHandler, _: Any) -> bool:
    carrier = {"traceparent": TRACEPARENT, "X-Amzn-Trace-Id": XRAY_HEADER}
    parent = get_current_span(completion.propagation.parent(carrier))
    return parent.get_span_context().trace_id == TRACE_ID


def _sampled(completion: TelemetryCompletionHandler, _: Any) -> bool:
    return completion.get_tracer().start_span("x").is_recording()


def _ended(completion: TelemetryCompletionHandler, processors: Any) -> bool:
    completion.get_tracer().start_span("x").end()
    return bool(processors[0].ended)


#: For each argument: its value, those of the variables, and whether the argument was used.
_CASES: dict[str, tuple[Any, dict[str, str], Callable[[TelemetryCompletionHandler, Any], bool]]] = {
    "processor_mode": (
        "finalize",
        {"LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE": "sync"},
        _mode,
    ),
    "resource": (
        Resource({"team": "argument", "service.name": "argument"}),
        {
            "OTEL_RESOURCE_ATTRIBUTES": "team=variable,tier=variable",
            "OTEL_SERVICE_NAME": "variable",
            "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "otel",
        },
        _team,
    ),
    "propagators": (
        [TraceContextTextMapPropagator()],
        {"OTEL_PROPAGATORS": "xray"},
        _parent,
    ),
    "sampler": (
        ALWAYS_ON,
        {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0"},
        _sampled,
    ),
    "span_processors": (
        [_Processor()],
        {"LAMBDA_SPAN_PROCESSOR_QUEUE_SIZE": "1", "LAMBDA_SPAN_PROCESSOR_BATCH_SIZE": "1"},
        _ended,
    ),
}


@pytest.mark.parametrize("argument", _CASES)
def test_readme_says_which_of_the_two_is_used(
    argument: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    value, variables, argument_is_used = _CASES[argument]
    listed, used = _ROWS[argument]
    for name, text in variables.items():
        monkeypatch.setenv(name, text)

    _, completion = init_telemetry(**{argument: value})

    assert sorted(listed) == sorted(variables)
    assert argument_is_used(completion, value) is used.startswith("the argument")


def test_page_and_docstring_speak_of_every_argument_that_has_a_variable() -> None:
    said = inspect.getdoc(init_telemetry) or ""
    arguments = inspect.signature(init_telemetry).parameters

    assert sorted(_ROWS) == sorted(_CASES)
    # No variable asks for an id generator.
    assert set(arguments) - set(_ROWS) == {"id_generator"}
    for argument, (variables, _) in _ROWS.items():
        entry = re.split(rf"^    {argument}: ", said, flags=re.MULTILINE)[1]
        entry = re.split(r"\n    \w+: |\n\w", entry)[0]
        assert [name for name in variables if f"``{name}``" not in entry] == []
    assert "A variable wins over the argument that says the same as a word" in said
    assert "a variable wins over the argument of `init_telemetry()` that says the same" in _PAGE
