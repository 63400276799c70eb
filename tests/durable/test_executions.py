"""Whole executions: one trace, and every span of it once, with AWS's plugin and without."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lambda_otel_lite_cdk.cli.traces.spans import Span
from tests.platform.environment import Environment, Invocation
from tests.runtime.live import environment
from tests.spans import SPAN_ID, TRACE_ID, XRAY_HEADER, XRAY_SPAN_ID, XRAY_TRACE_ID, event

from .runner import Runner, running

pytestmark = pytest.mark.once

CODE = Path(__file__).parent
RESULT = '{"charged": 12, "packed": ["box", "bag"], "shipped": "shipped"}'
#: What the function's own code makes in each of the three invocations of an execution: `charge` is
#: tried again, and the wait ends the second.
OWN = [
    ["validate", "charge card"],
    ["validate", "charge card"],
    ["validate", "pack box", "pack bag", "call carrier"],
]
#: What AWS's plugins make of all three, each once.
OPERATIONS = Counter(
    """
    Workflow, charge attempt 1, charge attempt 2, packing, parallel-branch-0, parallel-branch-1,
    pack-box, pack-box attempt 1, pack-bag, pack-bag attempt 1, shipping, carrier, carrier attempt 1
    """.strip()
    .replace("\n    ", " ")
    .split(", ")
)
#: In the invocations' view an operation that goes on in the next has a span in each.
BY_PLUGIN = {
    None: Counter[str](),
    "otel-invocation": OPERATIONS + Counter({"Invocation": 3, "charge": 2, "cool-down": 2}),
    "otel-execution": OPERATIONS + Counter({"Invocation": 3, "charge": 1, "cool-down": 1}),
}


@dataclass
class Execution:
    """What came of an execution.

    Args:
        answer: The last one.
        platform: Where it ran.
        invocations: All of them.
    """

    platform: Environment
    answer: Any = None
    invocations: list[Invocation] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        """What was exported by the end of any invocation."""
        return [span for one in self.invocations for span in self.platform.spans(one)]

    @property
    def trace_ids(self) -> set[str]:
        """The traces of all spans."""
        return {span.trace_id for span in self.spans}

    def orphans(self, *known: str) -> list[str]:
        """Return the names of spans whose parent nobody made; of some it is known who did."""
        made = {span.span_id for span in self.spans} | set(known)
        return [span.name for span in self.spans if span.parent_id not in (None, *made)]


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    """The local runner."""
    with running() as one:
        yield one


def execute(
    runner: Runner,
    platform: Environment,
    payload: Any,
    headers: Mapping[str, str] | None = None,
) -> Execution:
    """Run an execution to its end."""
    execution = Execution(platform)

    def invoke(sent: Any) -> tuple[Any, bool]:
        invocation = platform.invoke(sent, headers=headers)
        execution.invocations.append(invocation)
        return invocation.error or invocation.response, invocation.error is not None

    execution.answer = runner.run(payload, invoke)
    # The last is answered before it has ended: in mode async it still exports.
    platform.state.wait_until(platform.state.is_idle, "the end of the last invocation")
    return execution


def function(
    runner: Runner, mode: str = "sync", extra: Mapping[str, str] | None = None, seconds: float = 20
) -> Environment:
    """Make an environment of the durable function, with a timeout in s."""
    variables = {**runner.variables, **(extra or {})}
    options = {"timeout": seconds}
    return environment(mode, module="functions.orders", code=CODE, extra=variables, options=options)


@pytest.mark.parametrize("plugin", BY_PLUGIN)
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_an_execution_is_one_trace_of_all_its_spans(
    mode: str, plugin: str | None, runner: Runner
) -> None:
    chosen = {"DURABLE_EXECUTION_PLUGINS": plugin} if plugin else {}
    with function(runner, mode, chosen) as platform:
        execution = execute(runner, platform, {"pet": 2})

        assert execution.answer == {"Status": "SUCCEEDED", "Result": RESULT}
        assert len(execution.trace_ids) == 1
        assert execution.orphans() == []
        assert len({span.span_id for span in execution.spans}) == len(execution.spans)
        own = [name for names in OWN for name in names]
        assert Counter(span.name for span in execution.spans) == (
            Counter([*own, *["orders"] * 3]) + BY_PLUGIN[plugin]
        )
        for invocation, names in zip(execution.invocations, OWN, strict=True):
            spans = platform.spans(invocation)
            (handler,) = [span for span in spans if span.name == "orders"]
            assert handler.attributes["faas.invocation_id"] == invocation.request_id
            assert handler.status == "UNSET"
            assert set(names) <= {span.name for span in spans}
            # The plugin exports nothing by itself: one record for each, in mode async a late one.
            records = [line for line in platform.lines(invocation) if "__otel" in line]
            assert len(records) == 1
            before = platform.exported_before_answer(invocation)
            assert len(before) == (len(spans) if mode == "sync" else 0)


def test_an_execution_says_how_far_it_has_come(runner: Runner) -> None:
    with function(runner) as platform:
        execute(runner, platform, {"pet": 1})
        execution = execute(runner, platform, {"pet": 2})

        handlers = [span.attributes for span in execution.spans if span.name == "orders"]
        assert [one["durable.invocation.first"] for one in handlers] == [True, False, False]
        assert [one["durable.operation.count"] for one in handlers] == [0, 1, 2]
        assert [one["durable.invocation.status"] for one in handlers] == [
            *("PENDING", "PENDING", "SUCCEEDED")
        ]
        # The environment is warm, whatever the execution is.
        assert [one["faas.coldstart"] for one in handlers] == [False, False, False]
        assert len({one["durable.execution.arn"] for one in handlers}) == 1


@pytest.mark.parametrize("plugin", BY_PLUGIN)
def test_an_execution_that_fails_is_an_error_and_its_wait_none(
    plugin: str | None, runner: Runner
) -> None:
    chosen = {"DURABLE_EXECUTION_PLUGINS": plugin} if plugin else {}
    with function(runner, extra=chosen) as platform:
        execution = execute(runner, platform, {"wrong": True})

        assert execution.answer["Status"] == "FAILED"
        (handler,) = [span for span in execution.spans if span.name == "orders"]
        assert handler.status == "ERROR"
        assert handler.attributes["error.type"] == "ValueError"
        assert execution.orphans() == []
        assert len(execution.trace_ids) == 1


@pytest.mark.parametrize("plugin", [None, "otel-invocation"])
def test_at_the_deadline_the_spans_of_a_step_are_ended(
    plugin: str | None, runner: Runner, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "never")
    chosen = {"DURABLE_EXECUTION_PLUGINS": plugin} if plugin else {}
    with function(runner, extra=chosen, seconds=3) as platform:
        invocations = []

        def invoke(sent: Any) -> tuple[Any, bool]:
            invocations.append(platform.invoke(sent))
            # In place of the platform, which would invoke it again.
            return {"Status": "FAILED", "Error": {"ErrorType": "Timeout"}}, False

        runner.run({"wait_for": str(tmp_path / "never")}, invoke)

        spans = platform.spans(invocations[0])
        ended = {span.name for span in spans if span.attributes.get("error.type") == "timeout"}
        by_plugin = {"Invocation", "hang attempt 1"} if plugin else set()
        assert ended == {"orders", "hang", *by_plugin}
        assert len({span.trace_id for span in spans}) == 1
        known = {span.span_id for span in spans}
        assert {span.name for span in spans if span.parent_id not in {None, *known}} == set()


@pytest.mark.parametrize("plugin", [None, "otel-invocation"])
def test_an_execution_is_in_the_trace_of_its_header_and_whole(
    plugin: str | None, runner: Runner
) -> None:
    chosen = {"DURABLE_EXECUTION_PLUGINS": plugin} if plugin else {}
    with function(runner, extra=chosen) as platform:
        for header, parent in (
            (XRAY_HEADER, f"{XRAY_SPAN_ID:016x}"),
            (XRAY_HEADER.replace("Sampled=1", "Sampled=0"), None),
            (XRAY_HEADER.partition(";")[0] + ";Lineage=a:0", None),
        ):
            headers = {"Lambda-Runtime-Trace-Id": header}
            execution = execute(runner, platform, {"pet": 2}, headers)

            assert execution.trace_ids == {f"{XRAY_TRACE_ID:032x}"}
            handlers = [span for span in execution.spans if span.name == "orders"]
            assert [span.parent_id for span in handlers] == [parent] * 3
            assert execution.orphans(parent or "") == []
            names = Counter(span.name for span in execution.spans)
            assert BY_PLUGIN[plugin] <= names
            assert names["charge card"] == 2


@pytest.mark.parametrize("plugin", [None, "otel-execution"])
def test_an_execution_continues_the_trace_of_the_message_that_started_it(
    plugin: str | None, runner: Runner
) -> None:
    chosen = {"DURABLE_EXECUTION_PLUGINS": plugin} if plugin else {}
    with function(runner, extra=chosen) as platform:
        execution = execute(runner, platform, event("sqs"))

        assert execution.trace_ids == {f"{TRACE_ID:032x}"}
        assert execution.orphans(f"{SPAN_ID:016x}") == []
        handlers = [span for span in execution.spans if span.kind == "CONSUMER"]
        assert [span.name for span in handlers] == ["process orders"] * 3
        assert {span.parent_id for span in handlers} == {f"{SPAN_ID:016x}"}


def test_the_plugin_is_switched_on_by_name(runner: Runner) -> None:
    with function(runner, extra={"LAMBDA_OTEL_INSTRUMENTATIONS": "durable"}) as platform:
        execution = execute(runner, platform, {"pet": 2})

        names = Counter(span.name for span in execution.spans)
        assert BY_PLUGIN["otel-invocation"] <= names
        assert len(execution.trace_ids) == 1


def test_the_users_own_choice_of_a_plugin_stays(runner: Runner) -> None:
    chosen = {"DURABLE_EXECUTION_PLUGINS": "", "LAMBDA_OTEL_INSTRUMENTATIONS": "durable"}
    with function(runner, extra=chosen) as platform:
        execution = execute(runner, platform, {"pet": 2})

        assert "Workflow" not in {span.name for span in execution.spans}
        assert execution.orphans() == []


def test_code_that_registers_the_plugin_itself_runs_and_one_warning_says_so(
    runner: Runner,
) -> None:
    named = {**runner.variables, "LAMBDA_OTEL_INSTRUMENTATIONS": "durable"}
    with environment("sync", module="functions.registering", code=CODE, extra=named) as platform:
        execution = execute(runner, platform, {"pet": 2})

        assert execution.answer == {"Status": "SUCCEEDED", "Result": '{"pet": 2}'}
        names = Counter(span.name for span in execution.spans)
        once = ("orders", "Invocation", "echo", "echo attempt 1", "Workflow")
        assert names == Counter(once)
        assert (len(execution.trace_ids), execution.orphans()) == (1, [])
        (warning,) = [line for line in platform.output.lines if "'durable' is left out" in line]
        assert "Remove 'durable'" in warning
