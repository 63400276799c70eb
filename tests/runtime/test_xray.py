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


def _trace_id(context: Context) -> str:
    return f"{get_current_span(context).get_span_context().trace_id:032x}"


@pytest.mark.parametrize(
    ("of_environment", "of_carrier", "found"),
    [
        pytest.param("1", "1", "6759", id="the function's own segment is below the caller's"),
        pytest.param("1", "0", "6759", id="an unsampled one in the carrier is passed over"),
        pytest.param("1", None, "6759", id="nothing in the carrier"),
        pytest.param("0", "1", "5759", id="without active tracing the carrier's"),
        pytest.param(None, "1", "5759", id="not on Lambda"),
        pytest.param("0", "0", "0000", id="nobody samples"),
    ],
)
def test_hazard_11_xray_lambda_takes_the_invocations_own_header_before_the_carriers(
    of_environment: str | None,
    of_carrier: str | None,
    found: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the FaaS semantic conventions have it, "xray-lambda propagator functionality"."""
    if of_environment is not None:
        header = XRAY_HEADER.replace("5759", "6759")[:-1] + of_environment
        monkeypatch.setenv(env.XRAY_TRACE_HEADER, header)
    carrier = {} if of_carrier is None else {"X-Amzn-Trace-Id": XRAY_HEADER[:-1] + of_carrier}

    assert _trace_id(XRayLambdaPropagator().extract(carrier)).startswith(found)


def test_xray_lambda_leaves_a_span_that_is_known_already(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be that of another propagator, or one that a link is made for."""
    monkeypatch.setenv(env.XRAY_TRACE_HEADER, XRAY_HEADER)
    known = NonRecordingSpan(SpanContext(7, 8, is_remote=True))

    context = XRayLambdaPropagator().extract({}, set_span_in_context(known, Context()))

    assert _trace_id(context) == f"{7:032x}"


def test_xray_lambda_writes_nothing() -> None:
    carrier: dict[str, str] = {}
    span = NonRecordingSpan(SpanContext(XRAY_TRACE_ID, XRAY_SPAN_ID, is_remote=False))

    XRayLambdaPropagator().inject(carrier, set_span_in_context(span))

    assert carrier == {}
    assert XRayLambdaPropagator().fields == set()
