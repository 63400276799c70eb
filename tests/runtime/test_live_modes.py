"""Every mode in an environment of the tests' own, with good, raising, slow and ending handlers."""

import os
from pathlib import Path
from typing import Any

import pytest

from .live import MODES, environment, request_ids, roots

EVENTS: tuple[dict[str, Any], ...] = (
    {},
    {"raise": "boom"},
    {"seconds": 0.02},
    {"slow_response": 1},
    {"keep": True},
    {},
)
STATUSES = ["UNSET", "ERROR", "UNSET", "UNSET", "UNSET", "UNSET"]


def test_sync_exports_before_the_answer() -> None:
    """Sync mode needs no extension and has exported when the function answers."""
    with environment("sync") as function:
        invocations = [function.invoke(event) for event in EVENTS]
        for invocation, status in zip(invocations, STATUSES, strict=True):
            (span,) = function.spans(invocation)
            assert span.status == status
            assert span.attributes["faas.invocation_id"] == invocation.request_id
            assert function.exported_before_answer(invocation) == [span]
        assert function.state.calls["register"] == 0


def test_async_answers_before_the_export_begins() -> None:
    """Async mode exports within the invocation, and nothing of it before the answer has left."""
    with environment("async") as function:
        invocations = [function.invoke(event) for event in EVENTS]
        for invocation, status in zip(invocations, STATUSES, strict=True):
            (span,) = function.spans(invocation)
            assert span.status == status
            assert span.attributes["faas.invocation_id"] == invocation.request_id
            assert function.exported_before_answer(invocation) == []
        # One for init and one at the end of each invocation.
        assert function.next_calls == len(EVENTS) + 1


def test_finalize_exports_at_shutdown() -> None:
    """Finalize mode holds everything back until the platform sends SIGTERM."""
    with environment("finalize") as function:
        invocations = [function.invoke(event) for event in EVENTS]
        assert [function.spans(invocation) for invocation in invocations] == [[]] * len(EVENTS)
        before = function.output.count()
        function.shut_down()
        assert request_ids(function.spans_since(before)) == [one.request_id for one in invocations]


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_a_retry_has_the_same_request_id(mode: str) -> None:
    """The platform retries a failed asynchronous invocation under its request id."""
    with environment(mode) as function:
        first = function.invoke({"raise": "boom"}, request_id="one-and-the-same")
        second = function.invoke({}, request_id="one-and-the-same")
        assert [span.status for span in function.spans(first)] == ["ERROR"]
        assert [span.status for span in function.spans(second)] == ["UNSET"]


@pytest.mark.parametrize("mode", MODES)
def test_a_forked_process_exports_nothing(mode: str) -> None:
    """A child that is forked and terminated in a handler has no part in its parent's spans."""
    with environment(mode, options={"timeout": 6}) as function:
        invocation = function.invoke({"fork": True})
        assert invocation.response is not None
        function.shut_down()
        spans = function.spans_since(0)
        assert [span.status for span in spans] == ["UNSET"]


@pytest.mark.parametrize("mode", MODES)
def test_hazard_06_exit_in_the_handler_does_not_hang(mode: str) -> None:
    """``sys.exit`` ends the process, with its exit code and after its spans were exported."""
    with environment(mode) as function:
        function.invoke({})
        invocation = function.invoke({"exit": 3})
        assert invocation.outcome == "exited"
        assert function.wait_for_exit() == 3
        assert function.spans_since(0)[-1].attributes["error.type"] == "SystemExit"


@pytest.mark.parametrize("mode", MODES)
def test_hazard_06_a_timeout_loses_no_span(mode: str, tmp_path: Path) -> None:
    """Shortly before the deadline, open spans are ended as errors and exported."""
    os.mkfifo(tmp_path / "never")
    with environment(mode, "functions.manual.traced", options={"timeout": 1.5}) as function:
        function.invoke({})
        invocation = function.invoke({"wait_for": str(tmp_path / "never")})
        assert invocation.outcome == "timed out"
        exported = function.spans(invocation)
        (trace_id,) = [
            span.trace_id
            for span in exported
            if span.attributes.get("faas.invocation_id") == invocation.request_id
        ]
        spans = {span.name: span for span in exported if span.trace_id == trace_id}
        assert set(spans) == {"first", "second", "traced"}
        assert spans["first"].status == "UNSET"
        for name in ("second", "traced"):
            assert spans[name].status == "ERROR"
            assert spans[name].attributes["error.type"] == "timeout"
            assert spans[name].end_ns <= invocation.deadline_ms * 1_000_000


@pytest.mark.parametrize("mode", MODES)
def test_hazard_06_no_thread_for_each_invocation(mode: str) -> None:
    """However many invocations: the same threads, and none that keeps the process alive."""
    with environment(mode) as function:
        threads = [function.invoke({"threads": True}).response for _ in range(5)]
        assert threads[1] == threads[4]
        assert [name for name, daemon in threads[4] if not daemon] == ["MainThread"]


def test_hazard_03_complete_twice_splits_nothing() -> None:
    """However often the user completes, each invocation's spans come out in it, all together."""
    with environment("async", "functions.manual.traced") as function:
        for _ in range(3):
            invocation = function.invoke({})
            spans = function.spans(invocation)
            assert sorted(span.name for span in spans) == ["first", "second", "traced"]
            assert request_ids(spans) == [invocation.request_id]
            assert function.exported_before_answer(invocation) == []


def test_hazard_03_complete_twice_without_a_traced_handler() -> None:
    """The same where the user alone completes."""
    with environment("async", "functions.manual.completing") as function:
        for _ in range(3):
            invocation = function.invoke({})
            assert invocation.outcome == "ended"
            assert [span.name for span in roots(function.spans(invocation))] == ["work"]


def test_hazard_02_undecorated_handler_does_not_hold_the_invocation() -> None:
    """The invocation of a handler that nobody decorated ends, with its spans exported in it."""
    with environment("async", "functions.manual.undecorated") as function:
        for event in ({}, {}, {"raise": "boom"}):
            invocation = function.invoke(event)
            assert invocation.outcome == "ended"
            assert request_ids(function.spans(invocation)) == [invocation.request_id]
        assert function.next_calls == 4


def test_hazard_23_log_records_stay_whole_beside_another_writer() -> None:
    """A thread that prints while the extension exports puts nothing onto a record's line."""
    with environment("async", module="functions.noisy") as function:
        for _ in range(20):
            invocation = function.invoke({})
            lines = function.lines(invocation)
            assert len(function.spans(invocation)) == 51
            assert {line for line in lines if "__otel_otlp_stdout" not in line} <= {"noise"}
            assert all(line.startswith("{") for line in lines if "__otel_otlp_stdout" in line)
