"""Nothing that the user plugs into tracing can stop or change the handler."""

import functools
import json
import logging
from contextlib import nullcontext
from typing import Any

import pytest
from opentelemetry.context import Context
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanContext, StatusCode, get_current_span

from lambda_otel_lite import (
    LambdaSpanProcessor,
    SpanAttributes,
    create_traced_handler,
    init_telemetry,
)
from lambda_otel_lite.extractors import Extractor, api_gateway_v1_extractor, sqs_extractor
from tests.spans import (
    OTHER_TRACE_ID,
    OTHER_TRACEPARENT,
    SPAN_ID,
    TRACE_ID,
    TRACEPARENT,
    XRAY_TRACE_ID,
    FakeContext,
    Telemetry,
    attributes_of,
    event,
    make_telemetry,
)

from .waiting import until


def _run(telemetry: Telemetry, extractor: Any = None, sent: Any = None, context: Any = None) -> Any:
    traced = create_traced_handler("work", telemetry.completion, extractor)
    return traced(lambda event, context: 7)(sent, context or FakeContext())


@pytest.mark.parametrize("failure", [KeyError("headers"), SystemExit(1), GeneratorExit()])
def test_hazard_05_a_failing_extractor_is_logged_once_and_the_default_one_is_used(
    failure: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(event: Any, context: Any) -> SpanAttributes:
        raise failure

    telemetry = make_telemetry()

    @create_traced_handler("work", telemetry.completion, fail)
    def traced(event: Any, context: Any) -> Any:
        return event

    assert [traced(7, FakeContext()) for _ in range(3)] == [7, 7, 7]

    assert all("faas.invocation_id" in attributes_of(span) for span in telemetry.spans)
    (warning,) = caplog.records
    assert warning.levelno == logging.WARNING
    assert warning.exc_info is not None


def test_hazard_05_a_partial_is_an_extractor(caplog: pytest.LogCaptureFixture) -> None:
    def read(prefix: str, event: Any, context: Any) -> SpanAttributes:
        return SpanAttributes("custom", {}, span_name=prefix + "name")

    telemetry = make_telemetry()
    assert _run(telemetry, functools.partial(read, "a-")) == 7

    assert telemetry.span.name == "a-name"
    assert attributes_of(telemetry.span)["faas.trigger"] == "custom"
    assert not caplog.records


@pytest.mark.parametrize(
    "extracted",
    [
        None,
        7,
        SpanAttributes("x", None),  # type: ignore[arg-type]
        SpanAttributes("x", {}, links=[7]),  # type: ignore[list-item]
        SpanAttributes("x", {}, link_carriers=7),  # type: ignore[arg-type]
    ],
    ids=["none", "number", "attributes", "links", "carriers"],
)
def test_an_extractors_nonsense_leaves_a_span_with_its_name(extracted: Any) -> None:
    telemetry = make_telemetry()

    assert _run(telemetry, lambda event, context: extracted) == 7
    assert telemetry.span.name == "work"


@pytest.mark.parametrize("carrier", ["x", 7, ["traceparent"]])
def test_hazard_05_a_carrier_that_is_no_object_costs_no_attributes(carrier: Any) -> None:
    telemetry = make_telemetry()

    _run(telemetry, lambda event, context: SpanAttributes("x", {"kept": 1}, carrier=carrier))

    assert attributes_of(telemetry.span)["kept"] == 1


def test_values_that_are_none_are_left_out_and_an_empty_trigger_is_other() -> None:
    telemetry = make_telemetry()

    _run(telemetry, lambda event, context: SpanAttributes("", {"a": None, "b": 0}))

    attributes = attributes_of(telemetry.span)
    assert "a" not in attributes
    assert attributes["b"] == 0
    assert attributes["faas.trigger"] == "other"


def test_hazard_05_values_of_other_types_leave_the_rest_readable() -> None:
    telemetry = make_telemetry()
    sample = event("api_gateway_v1") | {"headers": "x", "requestContext": None}

    _run(telemetry, api_gateway_v1_extractor, sample)

    assert telemetry.span.name == "GET /pets/{id}"
    assert telemetry.span.parent is not None
    assert telemetry.span.parent.span_id == SPAN_ID


class _Context:
    @property
    def aws_request_id(self) -> str:
        raise RuntimeError

    def get_remaining_time_in_millis(self) -> int:
        raise RuntimeError


class _Odd:
    aws_request_id = 7

    def get_remaining_time_in_millis(self) -> str:
        return "soon"


@pytest.mark.parametrize("context", [_Context(), _Odd(), object(), "x"])
def test_any_context_object_will_do(context: Any) -> None:
    telemetry = make_telemetry()

    assert _run(telemetry, context=context) == 7
    assert telemetry.span.name == "work"


class _Processor(SpanProcessor):
    def __init__(self, failing: str) -> None:
        self._failing = failing

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        if self._failing == "start":
            raise RuntimeError

    def on_end(self, span: ReadableSpan) -> None:
        if self._failing == "end":
            raise RuntimeError

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        if self._failing == "flush":
            raise RuntimeError
        return True


class _Sampler(Sampler):
    def should_sample(self, *args: Any, **kwargs: Any) -> SamplingResult:
        raise RuntimeError

    def get_description(self) -> str:
        return "failing"


class _Propagator(TextMapPropagator):
    def extract(self, *args: Any, **kwargs: Any) -> Context:
        raise RuntimeError

    def inject(self, *args: Any, **kwargs: Any) -> None:
        raise RuntimeError

    @property
    def fields(self) -> set[str]:
        return set()


@pytest.mark.parametrize(
    "arguments",
    [
        {"span_processors": [_Processor("start")]},
        {"span_processors": [_Processor("end")]},
        {"span_processors": [_Processor("flush")]},
        {"sampler": _Sampler()},
        {"propagators": [_Propagator()]},
    ],
    ids=["start", "end", "flush", "sampler", "propagator"],
)
def test_what_the_user_plugs_in_may_fail(
    arguments: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    _, completion = init_telemetry(**arguments)

    traced = create_traced_handler("work", completion)
    assert traced(lambda event, context: 7)({}, FakeContext()) == 7
    assert caplog.records


def test_an_unsampled_span_is_not_exported() -> None:
    telemetry = make_telemetry(sampler=ALWAYS_OFF)

    assert _run(telemetry) == 7
    assert telemetry.spans == ()


@pytest.mark.parametrize("raises", [False, True])
def test_a_span_that_the_deadline_ended_is_not_touched_again(
    caplog: pytest.LogCaptureFixture, *, raises: bool
) -> None:
    telemetry = make_telemetry()

    class Late(FakeContext):
        def get_remaining_time_in_millis(self) -> int:
            return 0

    def late(event: Any, context: Any) -> Any:
        until(lambda: not get_current_span().is_recording())
        if raises:
            raise LookupError
        return {"statusCode": 500}

    with pytest.raises(LookupError) if raises else nullcontext():
        create_traced_handler("work", telemetry.completion)(late)({}, Late())

    assert attributes_of(telemetry.span)["error.type"] == "timeout"
    assert telemetry.span.status.status_code is StatusCode.ERROR
    assert not caplog.records


def test_a_batch_has_a_link_for_each_distinct_context_and_no_parent() -> None:
    telemetry = make_telemetry()

    _run(telemetry, sqs_extractor, event("sqs_batch"))

    assert telemetry.span.parent is None
    assert [link.context.trace_id for link in telemetry.span.links] == [
        TRACE_ID,
        OTHER_TRACE_ID,
        XRAY_TRACE_ID,
    ]


def test_a_link_says_which_message_it_came_from() -> None:
    sample = event("sqs_batch")
    ids = [message["messageId"] for message in sample["Records"]]
    telemetry = make_telemetry()

    # Its fourth message has the context of its first, and the last one has none.
    sample["Records"].insert(0, sample["Records"].pop())
    _run(telemetry, sqs_extractor, sample)

    assert [dict(link.attributes or {}) for link in telemetry.span.links] == [
        {"messaging.message.id": message_id} for message_id in ids[:3]
    ]


@pytest.mark.parametrize("described", [[], [{"messaging.message.id": "1"}], [None]])
def test_an_extractor_may_describe_fewer_messages_than_there_are(described: Any) -> None:
    carriers: Any = [{"traceparent": TRACEPARENT}, {"traceparent": OTHER_TRACEPARENT}]
    telemetry = make_telemetry()

    _run(
        telemetry,
        lambda *_: SpanAttributes(
            "x", {}, "named", link_carriers=carriers, link_attributes=described
        ),
    )

    assert len(telemetry.span.links) == 2
    assert telemetry.span.name == "named"


@pytest.mark.parametrize(("flags", "continued"), [("01", True), ("00", False)])
def test_a_batch_from_one_sampled_sender_continues_its_trace(
    flags: str, *, continued: bool
) -> None:
    sample = event("sqs_batch")
    for message in sample["Records"]:
        traceparent = {"stringValue": TRACEPARENT[:-2] + flags, "dataType": "String"}
        message["messageAttributes"] = {"traceparent": traceparent}
        message["attributes"].pop("AWSTraceHeader", None)
    telemetry = make_telemetry()

    _run(telemetry, sqs_extractor, sample)

    assert len(telemetry.span.links) == 1
    assert (telemetry.span.parent is not None) is continued


@pytest.mark.parametrize("name", ["sqs", "sns", "sns_through_sqs", "api_gateway_v2", "appsync"])
def test_a_single_sender_is_the_parent(name: str) -> None:
    from lambda_otel_lite import auto_extractor  # noqa: PLC0415

    extractor: Extractor = auto_extractor
    telemetry = make_telemetry()

    _run(telemetry, extractor, event(name))

    parent = telemetry.span.parent
    assert parent is not None
    assert (parent.trace_id, parent.span_id) == (TRACE_ID, SPAN_ID)
    assert parent.is_remote
    assert telemetry.span.links == ()


def test_an_extractors_own_links_are_kept() -> None:
    context = SpanContext(1, 2, is_remote=True)
    telemetry = make_telemetry()

    _run(telemetry, lambda event, _: SpanAttributes("x", {}, links=[Link(context)]))

    assert [link.context for link in telemetry.span.links] == [context]


def test_hazard_16_a_carrier_is_never_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    exporter = InMemorySpanExporter()
    _, completion = init_telemetry(span_processors=[LambdaSpanProcessor(exporter)])
    sample = event("api_gateway_v1")
    sample["headers"]["authorization"] = sample["headers"]["cookie"] = "s3cret"

    create_traced_handler("work", completion, api_gateway_v1_extractor)(lambda event, _: event)(
        sample, FakeContext()
    )

    assert "s3cret" not in caplog.text
    assert "s3cret" not in json.dumps(attributes_of(exporter.get_finished_spans()[0]))
