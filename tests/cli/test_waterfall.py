from __future__ import annotations

import io
import time
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine
from lambda_otel_lite_cdk.cli.traces.spans import Event, Link, Span, traces, tree
from lambda_otel_lite_cdk.cli.traces.text import format_duration
from lambda_otel_lite_cdk.cli.traces.waterfall import print_trace, print_traces
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
        _bar(next(line for line in lines if f"{name} " in line and "━" in line))
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
            attributes={"unusual": "x" * 100},
            scope="shop.orders",
            events=(Event("retried", 5 * MS, {"n": 2}),),
            links=(Link("trace", "other", {"why": "batch"}),),
        ),
        details=True,
        width=160,
    )
    assert [line.strip() for line in lines[3:] if line] == [
        f"unusual={'x' * 100}",
        "span_id=a  scope=shop.orders",
        "event retried at 5 ms  n=2",
        "link to other of trace  why=batch",
    ]


def test_the_header_says_when_how_often_it_failed_and_what_was_slowest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began = 1_764_238_772_500 * MS
    times: dict[str, Any] = {"start_ns": began, "end_ns": began + 900 * MS}
    trace = [
        span("a", status="ERROR", **times),
        span("b", "a", **times | {"end_ns": began + 700 * MS}),
        span("c", "b", start_ns=began + 600 * MS, end_ns=began + 650 * MS),
    ]
    headers = []
    for zone in ("UTC", "Pacific/Auckland", "Asia/Kolkata"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        headers.append(_draw(*trace, width=120)[1])
    monkeypatch.undo()
    time.tzset()

    slowest = "slowest: shop: b, 650 ms by itself"
    assert headers == [
        f"1 error  2025-11-27 10:19:32.500 UTC  {slowest}",
        f"1 error  2025-11-27 10:19:32.500 UTC (23:19:32 NZDT)  {slowest}",
        f"1 error  2025-11-27 10:19:32.500 UTC (15:49:32 IST)  {slowest}",
    ]


@pytest.mark.parametrize("start_ns", [2**64 - 1, -(2**62)])
def test_a_time_that_no_calendar_has_is_shown_all_the_same(start_ns: int) -> None:
    assert _draw(span("a", start_ns=start_ns, end_ns=start_ns))[0].startswith("Trace t")


_TRACE = """Traceback (most recent call last):
  File "/var/task/app.py", line 12, in handler
    charge(event["card"], event["amount"], currency=event["currency"], retries=3, more=True)
InsufficientFunds: card 4242 has insufficient funds"""
_FAILED: dict[str, Any] = {
    "status": "ERROR",
    "status_message": "InsufficientFunds: card 4242 has insufficient funds",
    "events": (
        Event(
            "exception",
            MS,
            {
                "exception.type": "InsufficientFunds",
                "exception.message": "card 4242 has insufficient funds",
                "exception.stacktrace": _TRACE,
            },
        ),
    ),
}


@pytest.mark.parametrize("width", [40, 80, 200])
def test_an_error_is_told_whole(width: int) -> None:
    lines = _draw(span("a", **_FAILED), width=width)

    assert all(cell_len(line) <= width for line in lines)
    told = " ".join(" ".join(line.strip(" │!") for line in lines).split())
    assert "InsufficientFunds: card 4242 has insufficient funds Traceback" in told
    assert " ".join(_TRACE.split()) in told


def test_an_error_that_went_through_several_spans_has_its_stack_trace_once() -> None:
    text = "\n".join(_draw(span("a", **_FAILED), span("b", "a", **_FAILED)))

    assert text.count("Traceback") == 1
    assert text.count("! InsufficientFunds: card 4242") == 2
    assert text.index("Traceback") < text.index("its stack trace is above")


def test_what_a_status_says_beside_the_exception_is_told_too() -> None:
    lines = _draw(span("a", **_FAILED | {"status_message": "gave up after 3 tries"}))

    assert any("! gave up after 3 tries" in line for line in lines)


def test_an_error_looks_like_one_and_what_is_secondary_is_dim() -> None:
    raw = "\n".join(
        _draw(
            span("a", kind="SERVER", **_FAILED),
            span("b", "a"),
            force_terminal=True,
            color_system="standard",
        )
    )

    assert "\x1b[1;31m! InsufficientFunds: card 4242 has insufficient funds\x1b[0m" in raw
    assert "\x1b[1;31mshop: a" in raw
    assert "\x1b[1;31m ERROR\x1b[0m" in raw
    assert "\x1b[2mSERVER\x1b[0m" in raw
    assert "\x1b[1mb" in raw


def test_a_service_is_named_once_for_a_group_of_spans() -> None:
    lines = _draw(
        span("a"),
        span("b", "a"),
        span("c", "b", resource={"service.name": "bank"}),
        span("d", "c", resource={"service.name": "bank"}),
        span("e", "d"),
    )

    names = [line.split("━")[0].strip(" │├└─") for line in lines if "━" in line]
    assert names == ["shop: a", "b", "bank: c", "d", "shop: e"]


def test_guides_of_the_tree_are_not_broken_by_what_stands_below_a_span() -> None:
    lines = _draw(span("a", **_FAILED), span("b", "a", **_FAILED), span("c", "a"))
    first = next(number for number, line in enumerate(lines) if "shop: a" in line and "━" in line)
    last = next(number for number, line in enumerate(lines) if line.startswith("└─c"))

    assert {line[0] for line in lines[first + 1 : last]} == {"│", "├"}


def test_an_ordinary_span_has_neither_kind_nor_status() -> None:
    text = "\n".join(_draw(span("a")))

    assert "INTERNAL" not in text
    assert "UNSET" not in text


@pytest.mark.parametrize(
    ("encoding", "ellipsis"), [("utf-8", "…"), ("ascii", "..."), ("cp1252", "...")]
)
def test_a_name_that_is_cut_says_so(encoding: str, ellipsis: str) -> None:
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding=encoding) as file:
        print_traces([span("x" * 200)], Console(file=file, width=80))
        file.flush()
        assert f"x{ellipsis} " in raw.getvalue().decode(encoding)


def test_a_name_has_room_however_deep_its_span_is() -> None:
    lines = _draw(
        span("0"),
        *(span(f"name {n}", str(n - 1) if n == 1 else f"name {n - 1}") for n in range(1, 100)),
    )

    assert all(any(f"name {n}" in line for line in lines) for n in range(1, 100))


@pytest.mark.parametrize(("level", "rows"), [("INFO", 3), ("ERROR", 15)])
def test_a_long_log_line_is_wrapped_and_that_of_an_error_is_whole(level: str, rows: int) -> None:
    console = Console(file=io.StringIO(), width=80, highlight=False)
    message = "word " * 200
    print_trace(
        [span("a")],
        console,
        lines=[LogLine(trace_id="t", span_id="a", time_ns=5 * MS, level=level, message=message)],
    )

    assert isinstance(console.file, io.StringIO)
    shown = [line for line in console.file.getvalue().splitlines() if "word" in line]
    assert len(shown) == rows
    assert shown[-1].endswith("…") == (level == "INFO")


def test_a_missing_parent_is_shown() -> None:
    assert "  ! its parent dead is not among these spans" in _draw(span("a", "dead"))


def test_a_circle_of_parents_is_told_apart_from_a_missing_parent() -> None:
    lines = _draw(span("a", "b"), span("b", "a"), span("root"))
    (said,) = [line for line in lines if "!" in line]
    assert "its parent b descends from itself" in said


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
        assert b"`-a  " in raw.getvalue()


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
