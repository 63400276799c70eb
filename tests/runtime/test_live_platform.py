"""What the platform does to a function: freeze, snapshot, refuse, lose connections, shut down."""

import itertools
import os
from pathlib import Path

import pytest

from tests.platform.environment import Fault

from .live import MODES, environment, request_ids


def test_hazard_01_slow_init_and_long_freeze() -> None:
    """Init and idle times beyond any client's timeout: each span in its own invocation."""
    with environment("async", "functions.late.handler") as function:
        invocations = [function.invoke({})]
        function.freeze(seconds=2.3)
        invocations += [function.invoke({}), function.invoke({})]
        for invocation in invocations:
            assert request_ids(function.spans(invocation)) == [invocation.request_id]
        assert function.next_calls == 4


def test_hazard_01_a_refusing_api_is_asked_ever_less_often() -> None:
    """No busy loop: the waits between the calls grow."""
    refusals = [Fault(status=403)] * 3 + [Fault(status=500), Fault(body=b'{"eventType": "?"}')]
    with environment("async", options={"faults": refusals}) as function:
        invocation = function.invoke({})
        assert request_ids(function.spans(invocation)) == [invocation.request_id]
        times = function.state.next_times
        gaps = [later - sooner for sooner, later in itertools.pairwise(times[:6])]
        # A wait never ends early, so that these are no matter of the machine's speed.
        assert all(gap >= wait for gap, wait in zip(gaps, (0.1, 0.2, 0.4, 0.8, 1.0), strict=True))
        assert function.next_calls == 7


@pytest.mark.parametrize("mode", ["async", "finalize"])
@pytest.mark.parametrize(
    "refusal", [{"refuses_registration": True}, {"taken_names": ["lambda-otel-lite"]}]
)
def test_hazard_07_registration_refused(mode: str, refusal: dict[str, object]) -> None:
    """The function runs without its extension, in sync mode, and says so."""
    with environment(mode, options=refusal) as function:
        invocation = function.invoke({"answer": 42})
        assert invocation.response["answer"] == 42
        (span,) = function.exported_before_answer(invocation)
        assert span.attributes["faas.invocation_id"] == invocation.request_id
        warnings = [line for line in function.output.lines if "cannot be registered" in line]
        assert len(warnings) == 1


def test_hazard_08_copies_of_one_state_have_ids_of_their_own() -> None:
    """Two environments that start from the same random state repeat no id."""
    ids = []
    for _ in range(2):
        with environment("sync", module="functions.noisy") as function:
            spans = function.spans(function.invoke({}))
            ids += [span.span_id for span in spans] + [spans[0].trace_id]
    assert len(set(ids)) == 2 * 52


@pytest.mark.parametrize("mode", ["async", "finalize"])
def test_hazard_09_managed_instances(mode: str) -> None:
    """Where one environment serves several invocations at once: sync, and one line that says so."""
    managed = {
        "AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances",
        "AWS_LAMBDA_MAX_CONCURRENCY": "2",
    }
    with environment(mode, options={"workers": 2}, extra=managed) as function:
        invocations = [function.invoke({}) for _ in range(4)]
        for invocation in invocations:
            (span,) = function.exported_before_answer(invocation)
            assert span.attributes["faas.invocation_id"] == invocation.request_id
            assert span.attributes["faas.coldstart"] is False
        assert function.state.calls["register"] == 0
        said = [line for line in function.output.lines if "Managed Instances" in line]
        assert len(said) == 1  # Though there are two processes.


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_snapstart(mode: str) -> None:
    """A restored environment traces like any other; its first invocation is its cold start."""
    with environment(mode, extra={"AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start"}) as function:
        invocations = [function.invoke({}), function.invoke({})]
        spans = [function.spans(invocation)[0] for invocation in invocations]
        assert function.state.restored
        assert [span.attributes["faas.coldstart"] for span in spans] == [True, False]


def test_provisioned_concurrency_is_never_cold() -> None:
    """Nobody waited for an init that was done ahead."""
    kind = {"AWS_LAMBDA_INITIALIZATION_TYPE": "provisioned-concurrency"}
    with environment("async", extra=kind) as function:
        (span,) = function.spans(function.invoke({}))
        assert span.attributes["faas.coldstart"] is False


@pytest.mark.parametrize("mode", ["async", "finalize"])
@pytest.mark.parametrize(("module", "code"), [("functions.plain", -15), ("functions.polite", 7)])
def test_hazard_17_sigterm_between_invocations(mode: str, module: str, code: int) -> None:
    """The process goes as it would have gone: by the signal, or by the user's own handler."""
    with environment(mode, module=module) as function:
        function.invoke({})
        function.invoke({})
        assert function.shut_down() == code
        assert len(function.spans_since(0)) == 2
        assert (function.output.lines[-1] == "goodbye") is (code == 7)


@pytest.mark.parametrize("mode", ["async", "finalize"])
@pytest.mark.parametrize(("module", "code"), [("functions.plain", -15), ("functions.polite", 7)])
def test_sigterm_amid_a_handler(mode: str, module: str, code: int, tmp_path: Path) -> None:
    """Open spans are ended as errors and exported before anything else happens."""
    os.mkfifo(tmp_path / "never")
    with environment(mode, module=module) as function:
        function.start({"wait_for": str(tmp_path / "never")})
        function.output.wait_for("waiting")
        assert function.shut_down() == code
        (span,) = function.spans_since(0)
        assert span.status == "ERROR"
        assert span.attributes["error.type"] == "shutdown"
        assert (function.output.lines[-1] == "goodbye") is (code == 7)


def test_api_lost_before_the_handler_ends(tmp_path: Path) -> None:
    """A handler whose extension has lost the API exports by itself; the next one need not."""
    os.mkfifo(tmp_path / "gate")
    with environment("async") as function:
        function.inject(Fault(), Fault(breaks=True))
        function.invoke({})
        invocation = function.start({"wait_for": str(tmp_path / "gate")})
        function.wait_for_next_calls(3)
        (tmp_path / "gate").write_text("", "utf-8")
        function.finish(invocation)
        assert request_ids(function.exported_before_answer(invocation)) == [invocation.request_id]
        after = function.invoke({})
        assert request_ids(function.spans(after)) == [after.request_id]
        later = function.invoke({})
        assert request_ids(function.spans(later)) == [later.request_id]
        assert function.exported_before_answer(later) == []


def test_api_lost_after_the_handler_ended() -> None:
    """An invocation whose event never comes has been handed over; it is exported all the same."""
    with environment("async", options={"faults": [Fault(breaks=True, late=True)]}) as function:
        invocation = function.invoke({})
        assert request_ids(function.spans(invocation)) == [invocation.request_id]
        after = function.invoke({})
        assert request_ids(function.spans(after)) == [after.request_id]


@pytest.mark.parametrize("mode", MODES)
def test_disabled(mode: str) -> None:
    """With the SDK disabled nothing is registered and nothing written."""
    with environment(mode, extra={"OTEL_SDK_DISABLED": "true"}) as function:
        invocation = function.invoke({"answer": 42})
        assert invocation.response["answer"] == 42
        assert function.output.lines == []
        assert function.state.calls["register"] == 0
