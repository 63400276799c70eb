"""The X-Ray header is read in every form the platform writes it in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)

from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite.propagation.xray import XRayLambdaPropagator, XRayPropagator, parse_header
from tests.spans import XRAY_HEADER, XRAY_SPAN_ID, XRAY_TRACE_ID

_ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793"


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        (XRAY_HEADER, True),
        (f"Sampled=1; Parent=53995c3f42cd8ad8;{_ROOT};Lineage=1:a87bd80c:0", True),
        (f"Self=1-67891234-12456789abcdef012345678;{_ROOT};Parent=53995c3f42cd8ad8", False),
        (f"{_ROOT};Parent=53995c3f42cd8ad8;Sampled=0", False),
        (f"{_ROOT};Parent=53995c3f42cd8ad8;Sampled=?", False),
    ],
)
def test_a_header_with_a_parent_is_a_remote_span(header: str, *, sampled: bool) -> None:
    span = parse_header(header)

    assert span is not None
    assert (span.trace_id, span.span_id) == (XRAY_TRACE_ID, XRAY_SPAN_ID)
    assert span.is_remote
    assert span.trace_flags.sampled is sampled


@pytest.mark.parametrize(
    "header",
    [
        "",
        ";=;",
        _ROOT,
        f"{_ROOT};Lineage=1:a87bd80c:0",
        f"{_ROOT};Parent=;Sampled=1",
        f"{_ROOT};Parent=0000000000000000;Sampled=1",
        f"{_ROOT};Parent=xyz;Sampled=1",
        "Root=1-5759e988;Parent=53995c3f42cd8ad8",
        "Root=1-00000000-000000000000000000000000;Parent=53995c3f42cd8ad8",
        f"{_ROOT}ffffffffff;Parent=53995c3f42cd8ad8",
    ],
)
def test_a_header_without_a_usable_parent_is_none(header: str) -> None:
    assert parse_header(header) is None


@given(st.text() | st.text("Root=1-abcdef;Parent0123", max_size=80))
def test_no_text_raises(header: str) -> None:
    span = parse_header(header)

    assert span is None or span.is_valid


def test_the_header_is_written_and_read_back() -> None:
    span = SpanContext(XRAY_TRACE_ID, XRAY_SPAN_ID, False, TraceFlags(1))  # noqa: FBT003 - API's own
    carrier: dict[str, str] = {}

    XRayPropagator().inject(carrier, set_span_in_context(NonRecordingSpan(span)))

    assert carrier == {"X-Amzn-Trace-Id": XRAY_HEADER}
    found = get_current_span(XRayPropagator().extract(carrier)).get_span_context()
    assert found.trace_id == XRAY_TRACE_ID
    assert XRayPropagator().fields == set(carrier)


def test_nothing_is_written_without_a_span_and_nothing_read_without_a_header() -> None:
    carrier: dict[str, str] = {}

    XRayPropagator().inject(carrier, Context())

    assert carrier == {}
    assert XRayPropagator().extract(carrier, Context({"kept": 1})) == Context({"kept": 1})


def test_xray_lambda_prefers_the_carriers_header_to_the_invocations(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(env.XRAY_TRACE_HEADER, XRAY_HEADER.replace("5759", "6759"))
    propagator = XRayLambdaPropagator()

    def trace_id(carrier: dict[str, str]) -> int:
        return get_current_span(propagator.extract(carrier)).get_span_context().trace_id

    assert trace_id({"X-Amzn-Trace-Id": XRAY_HEADER}) == XRAY_TRACE_ID
    assert f"{trace_id({}):032x}".startswith("6759")
    # An unsampled one in the carrier is passed over, as without active tracing.
    assert f"{trace_id({'X-Amzn-Trace-Id': XRAY_HEADER[:-1] + '0'}):032x}".startswith("6759")


def test_xray_lambda_writes_nothing() -> None:
    carrier: dict[str, str] = {}
    span = NonRecordingSpan(SpanContext(XRAY_TRACE_ID, XRAY_SPAN_ID, is_remote=False))

    XRayLambdaPropagator().inject(carrier, set_span_in_context(span))

    assert carrier == {}
    assert XRayLambdaPropagator().fields == set()
