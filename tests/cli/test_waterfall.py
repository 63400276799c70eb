from __future__ import annotations

import io
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from lambda_otel_lite_cdk.cli.traces.spans import Event, Link, Span, traces, tree
from lambda_otel_lite_cdk.cli.traces.waterfall import format_duration, print_traces
from tests.cli.records import MS, span


def _draw(*spans: Span, width: int = 80, details: bool = False, **options: Any) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False, **options)
    print_traces(spans, console, details=details)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def _bar(line: str) -> tuple[int, int]:
    """Where a line's bar starts and how long it is, in cells."""
    return line.index("━"), line.count("━")


def test_children_are_below_their_parents_in_the_order_of_time() -> None:
    spans = [span("late", "root", start_ns=5), span("early", "root", start_ns=1), span("root")]
    spans.append(span("leaf", "early", start_ns=2))
    placed = [(place.span.name, place.depth) for place in tree(traces(spans)[0])]
    assert placed == [("root", 0), ("early", 1), ("leaf", 2), ("late", 1)]


def test_spans_of_several_traces_are_kept_apart_and_each_counts_once() -> None:
    spans = [span("b", trace_id="2", start_ns=9), span("a", trace_id="1"), span("a", trace_id="1")]
    assert [[s.name for s in trace] for trace in traces(spans)] == [["a"], ["b"]]


def test_a_circle_of_parents_leaves_no_span_out() -> None:
    spans = [span("a", "b"), span("b", "a"), span("self", "self"), span("root")]
    drawn = sorted(place.span.name for place in tree(traces(spans)[0]))
    assert drawn == ["a", "b", "root", "self"]


def test_a_very_deep_trace_is_drawn() -> None:
    chain = [span("0"), *(span(str(n), str(n - 1)) for n in range(1, 2000))]
    lines = _draw(*chain)
    assert all(cell_len(line) <= 80 for line in lines)


def test_bars_are_to_scale() -> None:
    lines = _draw(
        span("root"), span("half", "root", start_ns=50 * MS), span("dot", "root", end_ns=1)
    )
    root, half, dot = (
        _bar(next(line for line in lines if f": {name} " in line))
        for name in ("root", "half", "dot")
    )
    assert half[1] == pytest.approx(root[1] / 2, abs=1)
    assert half[0] - root[0] == pytest.approx(root[1] / 2, abs=1)
    assert dot == (root[0], 1)


def test_a_line_shows_service_duration_status_and_main_attributes() -> None:
    text = "\n".join(
        _draw(
            span(
                "GET /",
                kind="SERVER",
                status="ERROR",
                attributes={
                    "http.request.method": "GET",
                    "http.response.status_code": 500,
                    "faas.coldstart": True,
                    "messaging.system": "aws_sqs",
                    "error.type": "ValueError",
                    "uninteresting": "x",
                },
            )
        )
    )
    for wanted in (
        "shop: GET /",
        "100 ms ERROR",
        "SERVER  COLD START  http.request.method=GET",
        "http.response.status_code=500",
        "messaging.system=aws_sqs",
        "error.type=ValueError",
    ):
        assert wanted in text
    assert "uninteresting" not in text


def test_details_are_all_attributes_events_and_links() -> None:
    lines = _draw(
        span(
            "a",
            attributes={"unusual": 1},
            scope="shop.orders",
            events=(Event("exception", 5 * MS, {"exception.type": "E"}),),
            links=(Link("trace", "other", {"why": "batch"}),),
        ),
        details=True,
    )
    assert [line.strip() for line in lines[2:] if line] == [
        "INTERNAL  unusual=1",
        "span_id=a  scope=shop.orders",
        "event exception at 5 ms  exception.type=E",
        "link to other of trace  why=batch",
    ]


def test_a_missing_parent_is_shown() -> None:
    assert "  ! its parent dead is not among these spans" in _draw(span("a", "dead"))


def test_clocks_that_disagree_are_shown() -> None:
    lines = _draw(
        span("root", start_ns=10 * MS), span("early", "root"), span("neg", end_ns=-5 * MS)
    )
    why = "it was backdated, or their clocks disagree"
    assert f"    ! starts 10 ms before its parent: {why}" in lines
    assert "  ! ends before it starts" in lines
    assert any("-5 ms" in line for line in lines)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_lines_fit_the_console_whatever_the_names(width: int) -> None:
    wide = span(
        "注文を受け付ける" * 9,
        attributes={"http.route": "/注" * 200},
        resource={"service.name": "店" * 40},
    )
    lines = _draw(wide, span("x" * 300, wide.span_id), width=width)
    assert max(cell_len(line) for line in lines) <= width


def test_a_hostile_name_cannot_act_on_the_terminal() -> None:
    assert "\x1b" not in "".join(
        _draw(
            span("a\x1b[2Jb\r\n", attributes={"http.route": "\x1b]0;x\x07"}, status_message="\x9b")
        )
    )


def test_markup_in_a_name_is_text() -> None:
    assert any("[red]x[/red]" in line for line in _draw(span("[red]x[/red]")))


def test_without_colour_nothing_but_text_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    text = "".join(_draw(span("a", status="ERROR"), force_terminal=True))
    assert "\x1b[31m" not in text
    assert "ERROR" in text


def test_an_ascii_terminal_gets_ascii() -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as file:
        print_traces([span("root"), span("a", "root")], Console(file=file, width=80))
        file.flush()
        assert b"`-shop: a" in raw.getvalue()


def test_no_spans_print_nothing() -> None:
    assert _draw() == []


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (0, "0 us"),
        (1_500, "2 us"),
        (12_340_000, "12.3 ms"),
        (999_900_000, "1000 ms"),
        (61 * 10**9, "61 s"),
    ],
)
def test_durations_are_short(nanoseconds: int, text: str) -> None:
    assert format_duration(nanoseconds) == text
