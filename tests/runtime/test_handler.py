"""A traced handler does what the handler does; its span says what happened."""

import asyncio
import functools
import inspect
import logging
import traceback
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import Any, NoReturn

import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from lambda_otel_lite import create_traced_handler
from tests.spans import FakeContext, Telemetry, attributes_of, event, make_telemetry


def _run(telemetry: Telemetry, handler: Callable[..., Any], event: Any = None) -> Any:
    return create_traced_handler("work", telemetry.completion)(handler)(event, FakeContext())


class _UnprintableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


class _Misbehaving(dict[str, Any]):
    def get(self, key: str, default: Any = None) -> Any:
        raise RuntimeError("no value")


class _Callable:
    def __call__(self, event: Any, context: Any) -> Any:
        return event


class _Class:
    def __init__(self, event: Any, context: Any) -> None:
        self.event = event


def _respond(response: Any) -> Callable[[Any, Any], Any]:
    return lambda event, context: response


@pytest.mark.parametrize(
    "response",
    [None, object(), [], "text", {}, {"statusCode": 200}, {"statusCode": "x"}, _Misbehaving()],
)
def test_the_result_is_returned_unchanged(response: Any) -> None:
    assert _run(make_telemetry(), _respond(response)) is response


@pytest.mark.parametrize(
    ("code", "recorded", "status"),
    [
        (200, 200, StatusCode.UNSET),
        (404, 404, StatusCode.UNSET),
        (500, 500, StatusCode.ERROR),
        (503, 503, StatusCode.ERROR),
        (HTTPStatus.BAD_GATEWAY, 502, StatusCode.ERROR),
        ("200", 200, StatusCode.UNSET),
        ("503", 503, StatusCode.ERROR),
        ("9" * 5000, None, StatusCode.UNSET),
        ("OK", None, StatusCode.UNSET),
        (True, None, StatusCode.UNSET),
        (200.0, None, StatusCode.UNSET),
        (0, None, StatusCode.UNSET),
        (None, None, StatusCode.UNSET),
        ([500], None, StatusCode.UNSET),
    ],
)
def test_hazard_04_a_status_code_is_a_number_or_a_text_of_one(
    code: Any, recorded: int | None, status: StatusCode
) -> None:
    telemetry = make_telemetry()
    response = {"statusCode": code}

    assert _run(telemetry, _respond(response)) is response

    assert response == {"statusCode": code}
    attributes = attributes_of(telemetry.span)
    assert attributes.get("http.status_code") == recorded
    assert attributes.get("http.response.status_code") == recorded
    assert telemetry.span.status.status_code is status
    expected = str(recorded) if status is StatusCode.ERROR else None
    assert attributes.get("error.type") == expected


def test_a_response_that_cannot_be_read_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    telemetry = make_telemetry()
    traced = create_traced_handler("work", telemetry.completion)(_respond(_Misbehaving()))
    for _ in range(3):
        traced({}, FakeContext())

    assert len(telemetry.spans) == 3
    (warning,) = caplog.records
    assert "the response could not be read" in warning.getMessage()


@pytest.mark.parametrize("error", [ValueError("bad"), KeyboardInterrupt(), SystemExit(3)])
def test_the_exception_passes_through_with_its_traceback(error: BaseException) -> None:
    def fail(event: Any, context: Any) -> NoReturn:
        raise error

    telemetry = make_telemetry()
    with pytest.raises(type(error)) as raised:
        _run(telemetry, fail)

    assert raised.value is error
    assert error.__cause__ is None
    assert error.__context__ is None
    assert traceback.extract_tb(error.__traceback__)[-1].name == "fail"
    assert telemetry.span.status.status_code is StatusCode.ERROR


def test_hazard_13_an_exception_is_recorded_once_and_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(event: Any, context: Any) -> NoReturn:
        raise asyncio.InvalidStateError("too late")

    telemetry = make_telemetry()
    with pytest.raises(asyncio.InvalidStateError):
        _run(telemetry, fail)

    (recorded,) = telemetry.span.events
    assert recorded.name == "exception"
    assert dict(recorded.attributes or {})["exception.message"] == "too late"
    assert telemetry.span.status.description == "InvalidStateError: too late"
    name = attributes_of(telemetry.span)["error.type"]
    assert name == "asyncio.exceptions.InvalidStateError"
    assert not caplog.records


def test_hazard_13_the_status_of_a_success_stays_unset() -> None:
    telemetry = make_telemetry()
    _run(telemetry, _respond({"statusCode": 200}))

    assert telemetry.span.status.status_code is StatusCode.UNSET
    assert telemetry.span.events == ()


def test_an_exception_without_text_is_an_error_all_the_same() -> None:
    def fail(event: Any, context: Any) -> NoReturn:
        raise _UnprintableError

    telemetry = make_telemetry()
    with pytest.raises(_UnprintableError):
        _run(telemetry, fail)

    assert telemetry.span.status.status_code is StatusCode.ERROR
    assert telemetry.span.status.description == "_UnprintableError"
    assert attributes_of(telemetry.span)["error.type"].endswith("._UnprintableError")


def test_hazard_22_coroutine_functions_return_their_coroutine() -> None:
    async def handler(event: Any, context: Any) -> Any:
        return event

    telemetry = make_telemetry()
    result = _run(telemetry, handler, "sent")
    assert inspect.iscoroutine(result)
    assert asyncio.run(result) == "sent"
    assert telemetry.span.name == "work"


def test_hazard_22_generator_functions_return_their_generator() -> None:
    def handler(event: Any, context: Any) -> Iterator[Any]:
        yield event

    telemetry = make_telemetry()
    result = _run(telemetry, handler, "sent")
    assert inspect.isgenerator(result)
    assert list(result) == ["sent"]
    assert telemetry.span.name == "work"


def test_hazard_22_partials_objects_and_classes_are_called_as_they_are() -> None:
    def handler(extra: str, event: Any, context: Any) -> Any:
        return extra + event

    telemetry = make_telemetry()
    assert _run(telemetry, functools.partial(handler, "a"), "b") == "ab"
    assert _run(telemetry, _Callable(), "b") == "b"
    made = _run(telemetry, _Class, "b")
    assert isinstance(made, _Class)
    assert made.event == "b"
    assert len(telemetry.spans) == 3


def test_name_document_and_further_arguments_are_the_handlers() -> None:
    def handler(event: Any, context: Any, *rest: Any, **named: Any) -> Any:
        """Document."""
        return rest, named

    traced = create_traced_handler("work", make_telemetry().completion)(handler)

    assert traced.__name__ == "handler"
    assert traced.__doc__ == "Document."
    assert traced({}, FakeContext(), 1, two=2) == ((1,), {"two": 2})
    assert traced(event={}, context=None) == ((), {})


def test_only_the_first_invocation_is_a_cold_start() -> None:
    telemetry = make_telemetry()
    for _ in range(3):
        _run(telemetry, _respond(None))

    assert [attributes_of(span)["faas.coldstart"] for span in telemetry.spans] == [
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("kind", "cold"),
    [
        ("on-demand", True),
        ("snap-start", True),
        ("provisioned-concurrency", False),
        ("lambda-managed-instances", False),
    ],
)
def test_an_environment_started_ahead_is_never_cold(
    kind: str, *, cold: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_INITIALIZATION_TYPE", kind)
    telemetry = make_telemetry()
    _run(telemetry, _respond(None))

    assert attributes_of(telemetry.span)["faas.coldstart"] is cold


def test_a_handler_decorated_twice_is_traced_once() -> None:
    telemetry = make_telemetry()
    decorate = create_traced_handler("inner", telemetry.completion)
    outer = create_traced_handler("outer", telemetry.completion)

    assert outer(decorate(_respond(7)))({}, FakeContext()) == 7

    assert telemetry.span.name == "outer"


def test_the_span_is_current_and_what_was_current_comes_back() -> None:
    seen: list[Any] = []
    telemetry = make_telemetry()
    with trace.get_tracer("test").start_as_current_span("left over") as outer:
        _run(telemetry, lambda event, context: seen.append(trace.get_current_span()))
        assert trace.get_current_span() is outer

    (handled, left_over) = telemetry.spans
    assert seen[0].get_span_context() == handled.context
    # Not a child of what was current, which on Lambda an earlier invocation left behind.
    assert handled.parent is None
    assert left_over.name == "left over"


def test_disabled_gives_the_handler_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    telemetry = make_telemetry()
    handler = _respond(1)

    assert create_traced_handler("work", telemetry.completion)(handler) is handler


def test_stable_names_alone_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    from lambda_otel_lite import api_gateway_v2_extractor  # noqa: PLC0415

    telemetry = make_telemetry()
    traced = create_traced_handler("work", telemetry.completion, api_gateway_v2_extractor)
    traced(_respond({"statusCode": 201}))(event("api_gateway_v2"), FakeContext())

    attributes = attributes_of(telemetry.span)
    assert not {"http.method", "http.target", "http.status_code"} & set(attributes)
    assert attributes["http.request.method"] == "POST"
    assert attributes["http.response.status_code"] == 201
    assert telemetry.span.name == "POST /pets/{id}"
    assert telemetry.span.kind is SpanKind.SERVER


def test_hazard_17_the_functions_logging_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "debug")
    root = logging.getLogger()
    before = (root.level, list(root.handlers))

    _run(make_telemetry(), _respond(None))

    assert (root.level, root.handlers) == before
    assert logging.getLogger("lambda_otel_lite").level == logging.DEBUG
