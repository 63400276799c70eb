"""The caller's context is found in whatever headers it comes in, by the order that is asked for."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import propagate
from opentelemetry.baggage import get_all
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context, attach, detach
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    TraceFlags,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.propagation.carriers import CarrierGetter, Headers
from lambda_otel_lite.propagation.propagation import (
    MAX_LINKS,
    LambdaPropagator,
    from_propagators,
    from_settings,
)
from tests.spans import (
    OTHER_TRACEPARENT,
    SPAN_ID,
    TRACE_ID,
    TRACEPARENT,
    XRAY_HEADER,
    XRAY_SPAN_ID,
    XRAY_TRACE_ID,
)

_B3 = f"{TRACE_ID:032x}-{SPAN_ID:016x}-1"


def _parent(carrier: Any, propagators: str | None = None) -> SpanContext:
    environ = {} if propagators is None else {env.PROPAGATORS: propagators}
    context = from_settings(Settings.from_environ(environ)).parent(carrier)
    return get_current_span(context).get_span_context()


@pytest.mark.parametrize("name", ["traceparent", "Traceparent", "TRACEPARENT", "TraceParent"])
@pytest.mark.parametrize("value", [TRACEPARENT, [TRACEPARENT], (TRACEPARENT,)])
def test_hazard_10_a_header_is_found_in_any_case_single_or_multi_value(
    name: str, value: Any
) -> None:
    parent = _parent({name: value, 7: "no name"})

    assert (parent.trace_id, parent.span_id) == (TRACE_ID, SPAN_ID)
    assert parent.is_remote


@pytest.mark.parametrize("listed", [None, "xray-lambda,tracecontext", "xray,baggage,tracecontext"])
@pytest.mark.parametrize("sampled", ["1", "0"])
def test_hazard_11_w3c_wins_over_x_ray(
    listed: str | None, sampled: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = XRAY_HEADER[:-1] + sampled
    monkeypatch.setenv(env.XRAY_TRACE_HEADER, header)

    parent = _parent({"traceparent": TRACEPARENT, "x-amzn-trace-id": header}, listed)

    assert parent.trace_id == TRACE_ID
    assert parent.trace_flags.sampled


def test_hazard_11_the_order_of_the_list_decides_between_the_others() -> None:
    carrier = {"b3": _B3, "X-Amzn-Trace-Id": XRAY_HEADER}

    assert _parent(carrier, "b3,xray").trace_id == TRACE_ID
    assert _parent(carrier, "xray,b3").trace_id == XRAY_TRACE_ID


def test_hazard_11_an_unsampled_x_ray_header_does_not_erase_the_span(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(env.XRAY_TRACE_HEADER, XRAY_HEADER[:-1] + "0")

    assert not _parent({}).is_valid


def test_the_invocations_own_x_ray_header_is_the_parent_of_last_resort(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(env.XRAY_TRACE_HEADER, XRAY_HEADER)

    assert _parent(None).span_id == XRAY_SPAN_ID
    assert not _parent(None, "none").is_valid
    assert not _parent(None, "tracecontext").is_valid


@pytest.mark.parametrize("listed", ["b3", "b3multi"])
@pytest.mark.parametrize(
    "carrier",
    [
        {"B3": _B3},
        {"X-B3-TraceId": f"{TRACE_ID:032x}", "X-B3-SpanId": f"{SPAN_ID:016x}", "x-b3-sampled": "1"},
    ],
)
def test_b3_reads_one_header_and_several(listed: str, carrier: Mapping[str, str]) -> None:
    assert _parent(carrier, listed).trace_id == TRACE_ID


def test_b3_without_its_package_is_one_warning_that_names_the_package(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)

    assert _parent({"traceparent": TRACEPARENT}, "b3,tracecontext").is_valid
    assert _parent({"b3": _B3}, "b3,tracecontext").is_valid is False

    (warning,) = caplog.records
    assert "opentelemetry-propagator-b3" in warning.getMessage()


def test_a_package_whose_parent_is_missing_counts_as_not_installed(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("importlib.util.find_spec", fail)

    _parent({}, "b3multi")
    assert "opentelemetry-propagator-b3" in caplog.text


def test_an_unknown_name_is_one_warning_and_the_others_are_used(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(2):  # the zero-code entry point and init_telemetry
        assert _parent({"traceparent": TRACEPARENT}, "zipkin,tracecontext").is_valid

    (warning,) = caplog.records
    assert "'zipkin' is not known" in warning.getMessage()
    assert (
        "tracecontext, baggage, xray, xray-lambda, b3, b3multi, jaeger, ottrace, none"
        in warning.getMessage()
    )


@pytest.mark.parametrize("name", ["jaeger", "ottrace"])
def test_a_known_name_without_its_package_is_one_warning_that_names_the_package(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert _parent({"traceparent": TRACEPARENT}, f"{name},tracecontext").is_valid

    (warning,) = caplog.records
    package = {"jaeger": "jaeger", "ottrace": "ot-trace"}[name]
    assert f"needs the package opentelemetry-propagator-{package} in" in warning.getMessage()


def _offer(folder: Path, entry_points: str, code: str = "") -> None:
    """Install a package that offers something."""
    (folder / "gcp_propagator-1.0.dist-info").mkdir()
    (folder / "gcp_propagator-1.0.dist-info" / "entry_points.txt").write_text(entry_points)
    (folder / "gcp_propagator.py").write_text(
        "from opentelemetry.trace.propagation.tracecontext import *\n" + code
    )


@pytest.mark.parametrize("distribution", ["gcp_propagator", "something_else"])
def test_a_name_that_an_installed_package_offers_is_used(
    distribution: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _offer(
        tmp_path,
        "[console_scripts]\ncloud_trace = no_such_module:main\n\n[opentelemetry_propagator]\n"
        "cloud_trace = gcp_propagator:TraceContextTextMapPropagator\n",
    )
    (tmp_path / "gcp_propagator-1.0.dist-info").rename(tmp_path / f"{distribution}-1.0.dist-info")
    monkeypatch.syspath_prepend(tmp_path)

    assert _parent({"traceparent": TRACEPARENT}, "cloud_trace").trace_id == TRACE_ID
    assert propagate.get_global_textmap().fields == {"traceparent", "tracestate"}


def test_an_offered_propagator_that_cannot_be_loaded_is_one_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _offer(tmp_path, "[opentelemetry_propagator]\nbroken = gcp_propagator:Missing\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert _parent({"traceparent": TRACEPARENT}, "broken,tracecontext").is_valid

    (warning,) = caplog.records
    assert "OTEL_PROPAGATORS: 'broken' cannot be loaded (AttributeError(" in warning.getMessage()


class _OneHeader(TraceContextTextMapPropagator):
    """Reads nothing but its own header."""

    def extract(self, carrier: Any, context: Any = None, getter: Any = None) -> Context:
        found = getter.get(carrier, "x-company-trace")
        return super().extract({"traceparent": found[0]} if found else {}, context)


@pytest.mark.parametrize("listed", [None, "tracecontext,xray"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_the_propagator_that_the_users_code_makes_global_is_the_one(
    moment: str, listed: str | None
) -> None:
    settings = Settings.from_environ({env.PROPAGATORS: listed} if listed else {})
    if moment == "before":
        propagate.set_global_textmap(_OneHeader())
    propagation = from_settings(settings)
    if moment == "after":
        propagate.set_global_textmap(_OneHeader())
    carrier = {"traceparent": OTHER_TRACEPARENT, "X-Company-Trace": TRACEPARENT}

    parent = get_current_span(propagation.parent(carrier)).get_span_context()

    assert parent.trace_id == TRACE_ID
    assert [span.trace_id for span in propagation.senders([carrier]).spans] == [TRACE_ID]
    assert type(propagate.get_global_textmap()) is _OneHeader


def test_what_the_api_has_at_first_is_nobodys_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own default knows nothing of X-Ray."""
    first = CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])
    propagate.set_global_textmap(first)
    monkeypatch.setenv(env.XRAY_TRACE_HEADER, XRAY_HEADER)

    assert _parent({}).trace_id == XRAY_TRACE_ID


def test_baggage_is_read_beside_the_trace_context() -> None:
    carrier = {"traceparent": TRACEPARENT, "Baggage": "tenant=blue"}

    context = from_settings(Settings.from_environ({})).parent(carrier)

    assert get_all(context) == {"tenant": "blue"}
    assert get_current_span(context).get_span_context().trace_id == TRACE_ID


@pytest.mark.parametrize(
    "carrier", [None, {}, "x", ["traceparent"], 7, {"traceparent": 7}, {"traceparent": "00-x"}]
)
def test_a_carrier_of_any_shape_gives_no_parent_and_no_error(carrier: Any) -> None:
    assert not _parent(carrier, "tracecontext,baggage,xray,b3").is_valid


def test_the_context_that_is_current_is_never_the_parent() -> None:
    """On Lambda it could only be one that an earlier invocation left behind."""
    token = attach(Context({"current": "left over"}))
    try:
        assert from_settings(Settings.from_environ({})).parent({}) == {}
    finally:
        detach(token)


def test_the_global_propagator_changes_only_where_the_user_chose_one() -> None:
    before = propagate.get_global_textmap()
    from_settings(Settings.from_environ({}))
    assert propagate.get_global_textmap() is before

    from_settings(Settings.from_environ({env.PROPAGATORS: "xray,b3"}))
    headers: dict[str, str] = {}
    span = SpanContext(TRACE_ID, SPAN_ID, False, TraceFlags(1))  # noqa: FBT003 - API's own
    propagate.inject(headers, set_span_in_context(NonRecordingSpan(span)))
    assert set(headers) == {"X-Amzn-Trace-Id", "b3"}
    assert propagate.get_global_textmap().fields == {"X-Amzn-Trace-Id", "b3"}


def test_the_global_propagator_extracts_what_it_injected_with_the_apis_own_getter() -> None:
    from_settings(Settings.from_environ({env.PROPAGATORS: "xray"}))

    context = propagate.extract({"X-Amzn-Trace-Id": XRAY_HEADER})

    assert get_current_span(context).get_span_context().trace_id == XRAY_TRACE_ID


def test_propagators_given_as_arguments_are_used_and_made_global() -> None:
    chosen = from_propagators([TraceContextTextMapPropagator(), W3CBaggagePropagator()])

    context = chosen.parent({"TraceParent": [TRACEPARENT]})
    assert get_current_span(context).get_span_context().span_id == SPAN_ID
    assert propagate.get_global_textmap().fields >= {"traceparent", "baggage"}


def test_a_batch_gives_each_distinct_sender_once_and_no_shared_context() -> None:
    carriers = [{"traceparent": one} for one in (TRACEPARENT, OTHER_TRACEPARENT, TRACEPARENT)]

    senders = from_settings(Settings.from_environ({})).senders([*carriers, {}])

    assert [f"{span.trace_id:032x}" for span in senders.spans] == [
        TRACEPARENT.split("-")[1],
        OTHER_TRACEPARENT.split("-")[1],
    ]
    assert senders.shared is None


@pytest.mark.parametrize(("others", "shared"), [([], True), ([{}], False)])
def test_a_context_is_shared_only_if_every_message_carries_it(
    *, others: list[dict[str, str]], shared: bool
) -> None:
    carriers = [{"traceparent": TRACEPARENT}, {"traceparent": TRACEPARENT}, *others]

    senders = from_settings(Settings.from_environ({})).senders(carriers)

    assert len(senders.spans) == 1
    assert (senders.shared is not None) is shared


def test_a_messages_x_ray_header_is_read_and_the_invocations_own_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(env.XRAY_TRACE_HEADER, XRAY_HEADER.replace("5759", "6759"))

    senders = from_settings(Settings.from_environ({})).senders(
        [{"x-amzn-trace-id": XRAY_HEADER}, {}]
    )

    assert [span.trace_id for span in senders.spans] == [XRAY_TRACE_ID]


def test_no_more_senders_are_looked_for_than_a_span_has_links() -> None:
    carriers = [{"traceparent": f"00-{number:032x}-{1:016x}-01"} for number in range(1, 300)]

    assert len(from_settings(Settings.from_environ({})).senders(carriers).spans) == MAX_LINKS


def test_the_getter_names_the_headers() -> None:
    getter = CarrierGetter()
    assert getter.keys(Headers({"A": 1, 2: "b"})) == ["a"]


def test_extraction_starts_from_the_context_it_is_given() -> None:
    context = LambdaPropagator(["tracecontext"]).extract({}, Context({"kept": 1}))

    assert context["kept"] == 1
    assert LambdaPropagator([]).extract({}) == Context()


@pytest.mark.parametrize("listed", ["xray-lambda,unheard-of", "none,also-unheard-of"])
def test_unknown_names_do_not_break_the_users_import_of_the_api(listed: str) -> None:
    """The API raises at import for a name that no installed package claims."""
    code = "import lambda_otel_lite.autowrap, opentelemetry.propagate, sys; print('imported')"
    environ = dict(os.environ) | {env.PROPAGATORS: listed, env.HANDLER: "tests.spans.event"}
    done = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, env=environ
    )

    assert done.stdout.endswith("imported\n"), done.stderr
