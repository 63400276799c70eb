"""The table of `--summary`: spans counted by service and name."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from lambda_otel_lite_cdk.cli.traces.spans import Span
from lambda_otel_lite_cdk.cli.traces.summary import Summary
from tests.cli.records import MS, span


def _table(spans: Iterable[Span], width: int = 80) -> list[str]:
    summary = Summary()
    for one in spans:
        summary.add(one)
    console = Console(file=io.StringIO(), width=width, highlight=False)
    summary.print(console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def _numbered(durations_ms: Iterable[int], **given: Any) -> list[Span]:
    return [
        span(f"{given.get('name', 'work')} {number}", end_ns=took * MS, **{"name": "work", **given})
        for number, took in enumerate(durations_ms)
    ]


def _row(lines: list[str], name: str) -> str:
    (row,) = (line for line in lines if line.strip().startswith(name))
    return " ".join(row[:-9].split())


def test_percentiles_are_durations_that_so_many_spans_did_not_exceed() -> None:
    lines = _table(_numbered(range(100, 0, -1)))

    assert lines[0].split()[:7] == ["count", "errors", "p50", "p95", "p99", "max", "cold"]
    assert _row(lines, "work") == "work 100 50 ms 95 ms 99 ms 100 ms"


def test_one_span_is_all_percentiles() -> None:
    assert _row(_table(_numbered([7])), "work") == "work 1 7 ms 7 ms 7 ms 7 ms"


def test_errors_and_cold_starts_are_counted() -> None:
    lines = _table(
        [
            *_numbered([1, 1, 1]),
            span("x", name="work", end_ns=MS, status="ERROR"),
            span("y", name="work", end_ns=MS, attributes={"faas.coldstart": True}),
            span("z", name="work", end_ns=MS, attributes={"faas.coldstart": False}),
        ]
    )

    assert _row(lines, "work") == "work 6 1 1 ms 1 ms 1 ms 1 ms 1"


def test_a_span_that_came_twice_counts_once() -> None:
    assert _row(_table(_numbered([1, 2]) * 2), "work").startswith("work 2 ")


def test_services_and_names_are_in_the_order_of_their_time() -> None:
    bank = {"resource": {"service.name": "bank"}}
    spans = [
        *_numbered([1]),
        *_numbered([5], name="slow", **bank),
        *_numbered([2], name="b", **bank),
    ]

    assert [line.split()[0] for line in _table(spans)[1:-1]] == [
        "bank",
        "slow",
        "b",
        "shop",
        "work",
    ]


def test_a_histogram_shows_where_durations_are_on_one_scale() -> None:
    lines = _table(
        [*_numbered([1] * 30, name="fast"), *_numbered([1000], name="slow"), *_numbered([1, 1000])]
    )

    assert [line[-8:] for line in lines if line.startswith("  ")][1:] == [
        "█      █",
        "       █",
        "█       ",
    ]
    assert lines[-1] == "durations are from 1 ms to 1 s, logarithmic"


@pytest.mark.parametrize("durations", [[0], [0, 0], [-5], [1], [0, 2**40]])
def test_any_duration_has_a_place(durations: list[int]) -> None:
    spans = [span(str(n), name="work", end_ns=took) for n, took in enumerate(durations)]

    assert f"work {len(durations)} " in _row(_table(spans), "work")


@pytest.mark.parametrize("width", [20, 40, 60, 80, 200])
def test_the_table_fits_whatever_the_names(width: int) -> None:
    lines = _table([span("注文を受け付ける" * 20), span("\x1b[2J\n[red]")], width)

    assert max(cell_len(line) for line in lines) <= width
    assert not any("\x1b" in line for line in lines)
    assert lines[0].split()[0] == "count"
