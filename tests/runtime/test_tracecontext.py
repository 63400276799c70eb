"""The short way through W3C Trace Context leads where the API's own propagator leads."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from lambda_otel_lite.propagation.tracecontext import TraceContextPropagator
from tests.spans import TRACEPARENT

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEX = "0123456789abcdef"


def _found(propagator: Any, headers: dict[str, str]) -> tuple[Any, dict[str, str]]:
    context = propagator.extract(headers, Context({"before": 1}))
    assert context["before"] == 1
    span = get_current_span(context).get_span_context()
    return tuple(span), dict(span.trace_state)


def _is_the_same(headers: dict[str, str]) -> None:
    own, api = TraceContextPropagator(), TraceContextTextMapPropagator()
    assert _found(own, headers) == _found(api, headers)


@given(
    st.fixed_dictionaries(
        {
            "traceparent": st.one_of(
                st.builds(
                    "{}-{}-{}-{}{}".format,
                    st.sampled_from(["00", "01", "cc", "ff", "0", "0A"]),
                    st.text(HEX, min_size=31, max_size=33) | st.sampled_from([TRACE, "0" * 32]),
                    st.text(HEX, min_size=15, max_size=17) | st.sampled_from([SPAN, "0" * 16]),
                    st.text(HEX, min_size=1, max_size=3),
                    st.sampled_from(["", "", "-", "-00", " ", "\t", "\n"]),
                ),
                st.text(),
                st.text(HEX + "-ABCDEF_+ ", max_size=60),
            )
        },
        optional={"tracestate": st.sampled_from(["", "a=1", "a=1,b=2", "=", "x" * 600])},
    )
)
def test_any_header_means_what_it_means_to_the_api(headers: dict[str, str]) -> None:
    _is_the_same(headers)


@pytest.mark.parametrize(
    "header",
    [
        TRACEPARENT,
        TRACEPARENT.upper(),
        f" {TRACEPARENT}",
        f"{TRACEPARENT} ",
        f"00-{TRACE}-{SPAN}-ff",
        f"00-{TRACE[:-2]}_1-{SPAN}-01",
        f"00-+{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"01-{TRACE}-{SPAN}-01-more",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00_{TRACE}-{SPAN}-01",
        "",
    ],
)
@pytest.mark.parametrize("state", [{}, {"tracestate": "vendor=1"}], ids=["alone", "with a state"])
def test_headers_at_the_edges_mean_what_they_mean_to_the_api(
    header: str, state: dict[str, str]
) -> None:
    _is_the_same({"traceparent": header} | state)


def test_what_is_written_is_read_again() -> None:
    propagator = TraceContextPropagator()
    carrier: dict[str, str] = {}
    propagator.inject(carrier, propagator.extract({"traceparent": TRACEPARENT}))

    assert carrier == {"traceparent": TRACEPARENT}
    assert propagator.fields == {"traceparent", "tracestate"}


def test_nothing_is_found_where_there_is_no_header() -> None:
    assert not TraceContextPropagator().extract({})
