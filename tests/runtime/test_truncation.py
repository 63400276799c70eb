"""A span that is too long becomes smaller step by step, and says so."""

from typing import Any

from opentelemetry.sdk.trace import Event
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode

from lambda_otel_lite.export.encoder import encode_spans
from lambda_otel_lite.export.truncation import TRUNCATED, smaller_spans
from tests.spans import attributes_of, make_span


def _big() -> Any:
    value = "ä" * 10_000
    context = SpanContext(1, 2, is_remote=True)
    return make_span(
        name=value,
        parent=context,
        attributes={
            "nested": {"list": [value] * 10, "bytes": b"x" * 10_000, "number": 7},
            "k" * 9_000: value,
            **{f"key{number}": value for number in range(500)},
        },
        events=[Event(value, {"text": value}, 5) for _ in range(40)],
        links=[Link(context, {"text": value}) for _ in range(40)],
        status=Status(StatusCode.ERROR, value),
        kind=SpanKind.CONSUMER,
    )


def test_each_step_is_smaller_marked_and_keeps_its_place_in_the_trace() -> None:
    big = _big()
    sizes = [len(encode_spans([big]))]

    for smaller in smaller_spans(big):
        sizes.append(len(encode_spans([smaller])))
        assert attributes_of(smaller)[TRUNCATED] is True
        assert smaller.context == big.context
        assert smaller.parent == big.parent
        assert (smaller.start_time, smaller.end_time) == (big.start_time, big.end_time)
        assert smaller.kind is SpanKind.CONSUMER
        assert smaller.status.status_code is StatusCode.ERROR
        assert smaller.resource is big.resource
        assert smaller.instrumentation_scope is big.instrumentation_scope

    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes)
    assert sizes[-1] < 600


def test_values_keep_their_type_and_lists_their_last_items() -> None:
    first = next(smaller_spans(_big()))

    attributes = attributes_of(first)
    assert attributes["nested"]["number"] == 7
    assert attributes["nested"]["bytes"] == b"x" * 4096
    assert [len(text) for text in attributes["nested"]["list"]] == [4096] * 10
    assert len(first.events) == 32
    assert first.dropped_events == 8
    assert len(first.links) == 32
    assert first.dropped_links == 8
    assert len(first.status.description or "") == 4096


def test_a_span_without_any_of_it_is_only_marked() -> None:
    plain = make_span(attributes=None)

    for smaller in smaller_spans(plain):
        assert attributes_of(smaller) == {TRUNCATED: True}
        assert smaller.name == "work"
        assert smaller.status.description is None
