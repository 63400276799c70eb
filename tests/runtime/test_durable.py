"""Invocations of durable executions: what their spans say, and the trace that they are in."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from types import ModuleType
from typing import Any

import pytest
from aws_durable_execution_sdk_python_otel.context_extractors import xray_context_extractor
from aws_durable_execution_sdk_python_otel.deterministic_id_generator import _to_otel_trace_id
from aws_durable_execution_sdk_python_otel.execution_trace_context import canonical_trace_id
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import SpanKind, StatusCode

from lambda_otel_lite import create_traced_handler
from lambda_otel_lite.bridges import switch_on
from lambda_otel_lite.configuration.variables import DURABLE_PLUGINS, XRAY_TRACE_HEADER
from lambda_otel_lite.durable import sdk
from lambda_otel_lite.durable.trace import derived_trace_id
from lambda_otel_lite.extractors import auto_extractor, durable_extractor
from lambda_otel_lite.extractors.executions import Execution
from tests.spans import (
    OTHER_TRACEPARENT,
    SPAN_ID,
    TRACE_ID,
    XRAY_HEADER,
    XRAY_SPAN_ID,
    XRAY_TRACE_ID,
    FakeContext,
    Telemetry,
    attributes_of,
    event,
)

ARN = event("durable")["DurableExecutionArn"]
STARTED_MS = 1_775_738_096_250
UNSAMPLED = XRAY_HEADER.replace("Sampled=1", "Sampled=0")


def started_with(payload: Any, *, replay: bool = False) -> Any:
    """Return an event of an execution that was started with a payload."""
    found = event("durable_replay" if replay else "durable")
    details = found["InitialExecutionState"]["Operations"][0]["ExecutionDetails"]
    details["InputPayload"] = payload if payload is None else json.dumps(payload)
    return found


def traced(telemetry: Telemetry, *, answer: Any = None) -> Callable[..., Any]:
    """Return a traced handler that gives an answer."""
    decorate = create_traced_handler("orders", telemetry.completion, auto_extractor)
    return decorate(lambda _event, _context: answer)


@pytest.mark.parametrize(
    ("name", "first", "count"), [("durable", True, 0), ("durable_replay", False, 2)]
)
def test_the_execution_and_what_started_it_are_described(
    name: str, *, first: bool, count: int
) -> None:
    found = durable_extractor(event(name), FakeContext())
    started = auto_extractor(event("sqs"), FakeContext())

    assert found.attributes == started.attributes | {
        "durable.execution.arn": ARN,
        "durable.execution.name": "order-1234",
        "durable.invocation.first": first,
        "durable.operation.count": count,
    }
    assert (found.trigger, found.span_name, found.kind) == (
        "pubsub",
        "process orders",
        SpanKind.CONSUMER,
    )
    assert found.carrier == started.carrier
    assert found.execution is not None
    assert (found.execution.arn, found.execution.started_ms) == (ARN, STARTED_MS)


def test_what_does_not_fit_into_the_event_is_no_first_run_and_not_counted() -> None:
    found = started_with({"pet": 2})
    found["InitialExecutionState"]["NextMarker"] = "page-2"

    attributes = durable_extractor(found, FakeContext()).attributes

    assert attributes["durable.invocation.first"] is False
    assert "durable.operation.count" not in attributes


@pytest.mark.parametrize("payload", [None, "", "{", "[" * 100_000, '"text"', "[]", "7"])
def test_a_payload_of_any_kind_is_a_direct_call(payload: Any) -> None:
    found = started_with(None)
    found["InitialExecutionState"]["Operations"][0]["ExecutionDetails"]["InputPayload"] = payload

    described = durable_extractor(found, FakeContext())

    assert described.trigger == "other"
    assert described.attributes["durable.execution.arn"] == ARN


@pytest.mark.parametrize(
    "state", [None, [], {"Operations": None}, {"Operations": [None, {"Type": ["EXECUTION"]}]}]
)
def test_a_malformed_state_is_no_trace(
    state: Any, make_telemetry: Callable[..., Telemetry]
) -> None:
    telemetry = make_telemetry()
    broken = {"DurableExecutionArn": "no/arn", "InitialExecutionState": state}

    traced(telemetry)(broken, FakeContext())

    assert attributes_of(telemetry.span)["durable.execution.arn"] == "no/arn"


@pytest.mark.parametrize("started_ms", [None, True, -1, float("nan"), float("inf"), "1"])
def test_a_start_that_is_no_time_is_not_used(started_ms: Any) -> None:
    found = started_with({})
    found["InitialExecutionState"]["Operations"][0]["StartTimestamp"] = started_ms

    execution = durable_extractor(found, FakeContext()).execution

    assert execution is not None
    assert derived_trace_id(execution) is None


def test_the_trace_is_derived_as_the_plugin_derives_it() -> None:
    start = datetime.fromtimestamp(STARTED_MS / 1000, UTC)

    assert derived_trace_id(Execution(ARN, STARTED_MS)) == _to_otel_trace_id(ARN, start)


@pytest.mark.parametrize(
    "header",
    [
        None,
        UNSAMPLED,
        "Root=1-5759e988-bd862e3fe1be46a994272793;Lineage=a:1",
        "Root=1-0-0;Sampled=0",
        "Root=1-00000000-000000000000000000000000",
        "Self=1",
        XRAY_HEADER,
    ],
)
def test_all_invocations_are_in_the_trace_that_the_plugin_chooses(
    header: str | None, make_telemetry: Callable[..., Telemetry], monkeypatch: pytest.MonkeyPatch
) -> None:
    if header is not None:
        monkeypatch.setenv(XRAY_TRACE_HEADER, header)
    telemetry = make_telemetry()
    handler = traced(telemetry)

    handler(started_with({"pet": 2}), FakeContext("1"))
    handler(started_with({"pet": 2}, replay=True), FakeContext("2"))

    first, second = telemetry.spans
    info: Any = None
    assert first.context is not None
    assert second.context is not None
    assert first.context.trace_id == canonical_trace_id(
        extracted=xray_context_extractor(info),
        execution_arn=ARN,
        execution_start_time=datetime.fromtimestamp(STARTED_MS / 1000, UTC),
    )
    assert second.context.trace_id == first.context.trace_id
    assert second.context.span_id != first.context.span_id
    parents = {span.parent.span_id if span.parent else None for span in (first, second)}
    assert parents == {XRAY_SPAN_ID if header == XRAY_HEADER else None}


def test_the_senders_trace_in_the_payload_wins(
    make_telemetry: Callable[..., Telemetry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(XRAY_TRACE_HEADER, UNSAMPLED)
    telemetry = make_telemetry()
    handler = traced(telemetry)

    handler(event("durable"), FakeContext("1"))
    handler(event("durable_replay"), FakeContext("2"))

    for span in telemetry.spans:
        assert span.parent is not None
        assert (span.parent.trace_id, span.parent.span_id) == (TRACE_ID, SPAN_ID)


def test_an_unsampled_sender_is_followed(make_telemetry: Callable[..., Telemetry]) -> None:
    telemetry = make_telemetry()
    unsampled = OTHER_TRACEPARENT[:-1] + "0"

    traced(telemetry)(started_with({"headers": {"traceparent": unsampled}}), FakeContext())

    assert telemetry.spans == ()


def test_only_the_span_of_the_invocation_is_given_the_trace(
    make_telemetry: Callable[..., Telemetry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(XRAY_TRACE_HEADER, UNSAMPLED)

    class Counting(IdGenerator):
        def generate_trace_id(self) -> int:
            return 5

        def generate_span_id(self) -> int:
            return 6

    telemetry = make_telemetry(id_generator=Counting())
    handler = traced(telemetry)

    handler(started_with({}), FakeContext("1"))
    handler({"pet": 2}, FakeContext("2"))

    ids = [
        (span.context.trace_id, span.context.span_id) for span in telemetry.spans if span.context
    ]
    assert ids == [(XRAY_TRACE_ID, 6), (5, 6)]


@pytest.mark.parametrize("status", ["PENDING", "SUCCEEDED"])
def test_an_execution_that_waits_or_has_succeeded_is_no_error(
    status: str, make_telemetry: Callable[..., Telemetry]
) -> None:
    telemetry = make_telemetry()
    answer = {"Status": status, "Result": '{"statusCode": 500}'}

    assert traced(telemetry, answer=answer)(event("durable"), FakeContext()) is answer

    assert telemetry.span.status.status_code is StatusCode.UNSET
    assert attributes_of(telemetry.span)["durable.invocation.status"] == status


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        ({"ErrorType": "ValueError", "ErrorMessage": "no such pet"}, "ValueError", "no such pet"),
        (None, "_OTHER", "the durable execution has failed"),
        ([], "_OTHER", "the durable execution has failed"),
    ],
)
def test_an_execution_that_has_failed_is_an_error(
    error: Any, kind: str, message: str, make_telemetry: Callable[..., Telemetry]
) -> None:
    telemetry = make_telemetry()

    traced(telemetry, answer={"Status": "FAILED", "Error": error})(event("durable"), FakeContext())

    assert telemetry.span.status.status_code is StatusCode.ERROR
    assert telemetry.span.status.description == f"{kind}: {message}"
    assert attributes_of(telemetry.span)["error.type"] == kind


def test_the_answer_of_another_function_says_nothing_of_an_execution(
    make_telemetry: Callable[..., Telemetry],
) -> None:
    telemetry = make_telemetry()

    traced(telemetry, answer={"Status": "FAILED"})({"pet": 2}, FakeContext())

    assert telemetry.span.status.status_code is StatusCode.UNSET


def test_without_its_package_the_plugin_is_not_named(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = TracerProvider()
    monkeypatch.setattr(sys, "path", [])

    switch_on(["durable"], provider)

    (warning,) = caplog.records
    assert "aws-durable-execution-sdk-python-otel" in warning.getMessage()
    assert DURABLE_PLUGINS not in os.environ


def test_another_version_of_the_plugin_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = ModuleType("plugin")
    monkeypatch.setitem(
        sys.modules, "aws_durable_execution_sdk_python_otel.invocation_plugin", plugin
    )

    sdk.prepare()

    assert [name for name in vars(plugin) if not name.startswith("__")] == []
