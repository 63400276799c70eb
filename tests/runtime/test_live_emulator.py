"""The official emulator: every mode, and many invocations in a row."""

import os
from pathlib import Path
from typing import Any

import pytest

from tests.platform.environment import spans_in

from .live import MODES, emulator, request_ids


@pytest.mark.parametrize("mode", MODES)
def test_handlers_of_all_kinds(mode: str, tmp_path: Path) -> None:
    """Good, raising and timed-out invocations, and the first one after a restart."""
    os.mkfifo(tmp_path / "never")
    events: list[dict[str, Any]] = [
        {"answer": 1},
        {"raise": "boom"},
        {"wait_for": str(tmp_path / "never")},
        {"answer": 2},
    ]
    with emulator(mode, timeout=2) as function:
        results = [function.invoke(event) for event in events]
    assert [result.payload and result.payload["answer"] for result in results] == [1, None, None, 2]
    assert [result.error and result.error["errorType"] for result in results] == [
        None,
        "ValueError",
        "Sandbox.Timedout",
        None,
    ]
    if mode == "finalize":
        # What has piled up comes out at the deadline; after the last one nobody says SIGTERM.
        spans = spans_in(results[2].log_lines)
        assert request_ids(spans) == [result.request_id for result in results[:3]]
        assert [span.status for span in spans] == ["UNSET", "ERROR", "ERROR"]
    else:
        for result, status in zip(results, ["UNSET", "ERROR", "ERROR", "UNSET"], strict=True):
            (span,) = spans_in(result.log_lines)
            assert span.status == status
            assert span.attributes["faas.invocation_id"] == result.request_id
    (timed_out,) = [
        span
        for span in spans_in(results[2].log_lines)
        if span.attributes["faas.invocation_id"] == results[2].request_id
    ]
    assert timed_out.attributes["error.type"] == "timeout"


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_hazard_02_undecorated_handler(mode: str) -> None:
    """A handler that only calls init_telemetry ends in time, and its spans come out."""
    with emulator(mode, "functions.manual.undecorated") as function:
        for _ in range(3):
            result = function.invoke({})
            assert result.error is None
            assert request_ids(spans_in(result.log_lines)) == [result.request_id]


def test_500_invocations_in_async_mode() -> None:
    """Exactly one root span comes out of each, in its own section of the log."""
    kinds: list[dict[str, Any]] = [{}, {"raise": "boom"}, {"seconds": 0.003}, {"keep": True}]
    exported, invoked = [], []
    with emulator("async") as function:
        for number in range(500):
            result = function.invoke(kinds[number % 4])
            assert request_ids(spans_in(result.log_lines)) == [result.request_id]
            exported += request_ids(spans_in(result.log_lines))
            invoked.append(result.request_id)
    assert exported == invoked
    assert len(set(exported)) == 500
