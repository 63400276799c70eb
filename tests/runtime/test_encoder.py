"""The native bytes are what OpenTelemetry's own encoder makes of the same spans."""

import logging
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.attributes import BoundedAttributes
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans as reference
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from lambda_otel_lite.export.encoder import encode_spans
from tests.spans import SPAN_ID, TRACE_ID, make_span

_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_key = _text.filter(bool)
_scalar = (
    st.none()
    | st.booleans()
    | _text
    | st.integers(-(1 << 65), 1 << 65)
    | st.sampled_from([0, 127, 128, -1, (1 << 63) - 1, -(1 << 63), 1 << 63])
    | st.floats()
    | st.binary(max_size=12)
)
_value = st.recursive(
    _scalar,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_key, inner, max_size=3),
    max_leaves=6,
)
_attributes = st.none() | st.dictionaries(_key, _value, max_size=4)
_bounded = st.builds(
    BoundedAttributes, maxlen=st.none() | st.integers(0, 3), attributes=_attributes
)
_state = st.lists(
    st.tuples(st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True), st.sampled_from(["v", "w=x"])),
    max_size=3,
).map(TraceState)
_context = st.builds(
    SpanContext,
    st.integers(1, (1 << 128) - 1),
    st.integers(1, (1 << 64) - 1),
    st.booleans(),
    st.sampled_from([TraceFlags(0), TraceFlags(1)]),
    _state,
)
_time = st.none() | st.integers(0, (1 << 64) - 1)
_event = st.builds(Event, _text, _bounded, st.integers(0, (1 << 64) - 1))
_link = st.builds(Link, _context, _bounded)
_status = st.builds(
    lambda code, text: Status(code, text if code is StatusCode.ERROR else None),
    st.sampled_from(StatusCode),
    st.none() | _text,
)
_plain = st.dictionaries(_key, _text | st.integers(-5, 5), max_size=2)
_url = st.none() | st.sampled_from(["", "https://opentelemetry.io/schemas/1.30.0"])
_scope = st.none() | st.builds(InstrumentationScope, _text, st.none() | _text, _url, _plain)
_resource = st.builds(Resource, _plain, _url)


@st.composite
def _spans(draw: st.DrawFn) -> list[ReadableSpan]:
    # Few resources and scopes, and equal ones that are not the same object.
    resources = st.sampled_from(draw(st.lists(_resource, min_size=1, max_size=2))).map(
        lambda one: Resource(dict(one.attributes), one.schema_url)
    )
    scopes = st.sampled_from(draw(st.lists(_scope, min_size=1, max_size=2)))
    one = st.builds(
        ReadableSpan,
        name=_text,
        context=_context,
        parent=st.none() | _context,
        resource=resources,
        attributes=_bounded,
        events=st.lists(_event, max_size=3).map(lambda items: BoundedList.from_seq(2, items)),
        links=st.lists(_link, max_size=3).map(lambda items: BoundedList.from_seq(2, items)),
        kind=st.sampled_from(SpanKind),
        status=_status,
        start_time=_time,
        end_time=_time,
        instrumentation_scope=scopes,
    )
    return draw(st.lists(one, max_size=4))


def _decoded(spans: list[ReadableSpan]) -> ExportTraceServiceRequest:
    request: ExportTraceServiceRequest = ExportTraceServiceRequest()
    request.ParseFromString(encode_spans(spans))
    return request


@pytest.mark.newest
@given(_spans())
def test_the_message_equals_that_of_the_opentelemetry_encoder(spans: list[ReadableSpan]) -> None:
    # As bytes, since a NaN makes a message unequal to itself.
    expected = reference(spans).SerializeToString(deterministic=True)

    assert _decoded(spans).SerializeToString(deterministic=True) == expected


def test_spans_of_equal_scopes_and_resources_share_a_group() -> None:
    spans = [
        make_span(span_id=number, instrumentation_scope=InstrumentationScope("library", "1"))
        for number in (1, 2, 3)
    ]

    (resource,) = _decoded(spans).resource_spans
    (scope,) = resource.scope_spans
    assert len(scope.spans) == 3


class _BrokenText:
    def __str__(self) -> str:
        raise RuntimeError("no text")


def _nested(depth: int, kind: type) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value] if kind is list else {"k": value}
    return value


def _endless() -> list[Any]:
    endless: list[Any] = []
    endless.append(endless)
    return endless


@pytest.mark.parametrize(
    "value",
    [
        1 << 63,
        10**5000,
        object(),
        [1 << 63],
        {"a": object()},
        {_BrokenText(): 1},
        _nested(47, list),
        _nested(32, dict),
        _nested(5000, list),
        _endless(),
    ],
    ids=["int", "huge", "object", "list", "map", "key", "lists", "maps", "very deep", "endless"],
)
def test_an_attribute_that_cannot_be_encoded_is_left_out_with_a_warning(
    value: Any, caplog: pytest.LogCaptureFixture
) -> None:
    span = make_span(attributes={"bad": value, "good": 1})

    (encoded,) = _decoded([span]).resource_spans[0].scope_spans[0].spans
    assert [attribute.key for attribute in encoded.attributes] == ["good"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "'bad'" in record.getMessage()


@pytest.mark.parametrize("value", [_nested(46, list), _nested(31, dict)], ids=["lists", "maps"])
def test_what_is_nested_as_deep_as_decoders_read_is_kept(value: Any) -> None:
    """In an event too, which is one message deeper than the span."""
    event = Event("e", {"deep": value})

    (encoded,) = _spans_of(_decoded([make_span(attributes={"deep": value}, events=[event])]))
    assert encoded.attributes[0].value == encoded.events[0].attributes[0].value
    assert encoded.attributes[0].value.WhichOneof("value")


def test_a_lone_surrogate_becomes_a_question_mark_wherever_it_is() -> None:
    """JSON can bring one, and the whole batch must not be lost for it."""
    attributes: dict[str, Any] = {
        "text": "a\ud800",
        "k\ud800": 1,
        "list": ["\udfff"],
        "map": {"\ud800": "\ud800"},
    }
    span = make_span("a\ud800b", attributes=attributes, events=[Event("\ud800", attributes)])

    (encoded,) = _spans_of(_decoded([span]))
    assert encoded.name == "a?b"
    assert encoded.events[0].name == "?"
    for found in (encoded.attributes, encoded.events[0].attributes):
        text, key, listed, mapped = found
        assert text.value.string_value == "a?"
        assert key.key == "k?"
        assert listed.value.array_value.values[0].string_value == "?"
        (pair,) = mapped.value.kvlist_value.values
        assert (pair.key, pair.value.string_value) == ("?", "?")


def test_numbers_that_are_none_are_kept_as_keys_and_values() -> None:
    attributes = {"map": {float("nan"): float("inf")}, "nan": float("nan")}

    (encoded,) = _spans_of(_decoded([make_span(attributes=attributes)]))
    (pair,) = encoded.attributes[0].value.kvlist_value.values
    assert (pair.key, pair.value.double_value) == ("nan", float("inf"))
    assert encoded.attributes[1].value.double_value != encoded.attributes[1].value.double_value


@pytest.mark.parametrize(("name", "expected"), [(7, "7"), (None, ""), (b"x", "b'x'")])
def test_a_name_that_is_no_text_costs_nothing_but_itself(name: Any, expected: str) -> None:
    (encoded,) = _spans_of(_decoded([make_span(name)]))

    assert encoded.name == expected


def _spans_of(request: ExportTraceServiceRequest) -> Any:
    return request.resource_spans[0].scope_spans[0].spans


def test_a_span_without_context_is_an_error() -> None:
    with pytest.raises(ValueError, match="'lost' has no context"):
        encode_spans([ReadableSpan("lost")])


def test_no_spans_are_no_bytes() -> None:
    assert encode_spans([]) == b""


def test_remote_and_local_parents_are_told_apart() -> None:
    def flags(*, is_remote: bool) -> int:
        parent = SpanContext(TRACE_ID, SPAN_ID, is_remote=is_remote)
        (encoded,) = _decoded([make_span(parent=parent)]).resource_spans[0].scope_spans[0].spans
        assert encoded.parent_span_id == SPAN_ID.to_bytes(8)
        return int(encoded.flags)

    assert flags(is_remote=True) == 0x300
    assert flags(is_remote=False) == 0x100
