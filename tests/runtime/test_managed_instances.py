"""Several invocations at once in one environment, each in a process of its own."""

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lambda_otel_lite_cdk.cli.traces.spans import Span
from tests.platform.environment import spans_in
from tests.platform.slots import Connection, ManagedInstance
from tests.platform.state import Invocation

from .live import CODE, ZERO_CODE, variables

TENANTS = ("blue", "green", "", "red")
SLOTS = len(TENANTS)
ROUNDS = 3
SPANS = 40
_OWN_LINE = re.compile(r"(begin|waiting|end|err) [0-9a-f-]{36}")


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ManagedInstance]:
    """An environment that was asked for mode async, which is not to be had."""
    own = variables(
        "async", "functions.slots", LAMBDA_OTEL_LINE_LIMIT="2048", LAMBDA_OTEL_TENANT_ID="true"
    )
    folder = tmp_path_factory.mktemp("slots")
    with ManagedInstance(CODE, ZERO_CODE, own, SLOTS, folder) as one:
        yield one


@pytest.fixture(scope="module")
def invocations(
    instance: ManagedInstance, tmp_path_factory: pytest.TempPathFactory
) -> list[Invocation]:
    """All slots at work at the same time, several times."""
    folder = tmp_path_factory.mktemp("gates")
    started: list[Invocation] = []
    for _ in range(ROUNDS):
        gates = [folder / f"{len(started) + number}" for number in range(SLOTS)]
        for gate, tenant in zip(gates, TENANTS, strict=True):
            os.mkfifo(gate)
            headers = {"Lambda-Runtime-Aws-Tenant-Id": tenant} if tenant else {}
            started.append(instance.start({"gate": str(gate), "spans": SPANS}, headers=headers))
        instance.wait_for(len(started), "waiting ")
        for gate in gates:
            gate.write_text("", "utf-8")
        instance.finish()
    return started


def spans_of(lines: Sequence[str]) -> list[Span]:
    return spans_in([line for line in lines if line.startswith("{")])


def request_id_of(span: Span) -> Any:
    return span.attributes.get("request_id") or span.attributes.get("faas.invocation_id")


def by_slot(instance: ManagedInstance) -> dict[int, list[Connection]]:
    slots: dict[int, list[Connection]] = {}
    for connection in instance.connections:
        slots.setdefault(connection.process, []).append(connection)
    return slots


def test_every_slot_is_a_process_with_two_streams(
    instance: ManagedInstance, invocations: list[Invocation]
) -> None:
    assert [len(streams) for streams in by_slot(instance).values()] == [2] * SLOTS
    assert len(invocations) == SLOTS * ROUNDS
    assert all(one.error is None for one in invocations)


def test_every_line_is_whole(instance: ManagedInstance, invocations: list[Invocation]) -> None:
    assert invocations
    records = 0
    for connection in instance.connections:
        assert connection.taken.endswith(b"\n")
        for line in connection.lines:
            if line.startswith("{"):
                json.loads(line)
                records += 1
            else:
                assert _OWN_LINE.fullmatch(line) or "Managed Instances" in line, line
    assert records > len(invocations)


def test_every_span_is_in_the_export_of_its_own_invocation(
    instance: ManagedInstance, invocations: list[Invocation]
) -> None:
    seen: list[str] = []
    for connection in instance.connections:
        current = ""
        exported: dict[str, list[Span]] = {}
        for line in connection.lines:
            if line.startswith("begin "):
                current = line.removeprefix("begin ")
            elif line.startswith("{"):
                exported.setdefault(current, []).extend(spans_of([line]))
        for request_id, spans in exported.items():
            assert len(spans) == SPANS + 2
            assert {request_id_of(span) for span in spans} == {request_id}
            assert len({span.trace_id for span in spans}) == 1
            seen.append(request_id)
    assert sorted(seen) == sorted(one.request_id for one in invocations)


def test_ids_are_disjoint_and_nothing_is_cold(
    instance: ManagedInstance, invocations: list[Invocation]
) -> None:
    spans = [span for one in instance.connections for span in spans_of(one.lines)]

    assert len({span.span_id for span in spans}) == len(spans)
    assert len({span.trace_id for span in spans}) == len(invocations)
    cold = [span.attributes["faas.coldstart"] for span in spans if span.name == "orders"]
    assert cold == [False] * len(invocations)


def test_the_tenant_is_that_of_the_invocation(
    instance: ManagedInstance, invocations: list[Invocation]
) -> None:
    sent = {one.request_id: one.headers.get("Lambda-Runtime-Aws-Tenant-Id") for one in invocations}
    handlers = [
        span
        for one in instance.connections
        for span in spans_of(one.lines)
        if span.name == "orders"
    ]

    assert {one.request_id: one.response["tenant"] for one in invocations} == sent
    assert {
        request_id_of(span): span.attributes.get("aws.lambda.tenant_id") for span in handlers
    } == sent


def test_async_is_sync_and_one_slot_says_so(
    instance: ManagedInstance, invocations: list[Invocation]
) -> None:
    assert invocations
    said = [line for one in instance.connections for line in one.lines if "Managed" in line]
    assert len(said) == 1
    assert "using sync" in said[0]
    assert instance.state.calls["register"] == 0


def test_a_deadline_ends_the_spans_of_its_own_invocation(
    instance: ManagedInstance, invocations: list[Invocation], tmp_path: Path
) -> None:
    assert invocations
    gates = [tmp_path / "late", tmp_path / "good"]
    for gate in gates:
        os.mkfifo(gate)
    before = {id(one): len(one.lines) for one in instance.connections}
    late = instance.start({"gate": str(gates[0]), "spans": 0}, seconds=0.6)
    good = instance.start({"gate": str(gates[1]), "spans": 0})
    instance.wait_for(2 + len(invocations), "waiting ")

    def written() -> list[Span]:
        new = [line for one in instance.connections for line in one.lines[before.get(id(one), 0) :]]
        return spans_of([line for line in new if line.endswith("}")])

    instance.state.wait_until(lambda: len(written()) == 2, "the export at the deadline")
    spans = written()
    assert {request_id_of(span) for span in spans} == {late.request_id}
    assert [span.attributes["error.type"] for span in spans] == ["timeout"] * 2
    for gate in gates:
        gate.write_text("", "utf-8")
    instance.finish()
    rest = [span for span in written() if request_id_of(span) == good.request_id]
    assert [span.status for span in rest] == ["UNSET"] * 2
