"""Log lines that name their span are found in every kind of log, and shown with it."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from lambda_otel_lite_cdk.cli.traces.gather import Gatherer
from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine, in_order, log_lines
from lambda_otel_lite_cdk.cli.traces.waterfall import print_trace
from tests.cli.records import MS, span

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
IDS = {"trace_id": TRACE, "span_id": SPAN, "trace_flags": "01"}
TEXT_IDS = f"trace_id={TRACE} span_id={SPAN} trace_flags=01"
AT = datetime(2026, 11, 26, 0, 56, 1, 123000, tzinfo=UTC)
AT_NS = int(AT.timestamp() * 1000) * MS
STREAM = "2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef"
PLATFORM_TEXT = (
    "[INFO]\t2026-11-26T00:56:01.123Z\t8f507cfc-0000-4697-b07a-ac58fc914c95"
    f"\t{TEXT_IDS}\tcharged 42"
)
PLATFORM_JSON = json.dumps(
    {"timestamp": "2026-11-26T00:56:01Z", "level": "INFO", "message": "charged 42", **IDS}
)
POWERTOOLS = json.dumps(
    {
        "level": "INFO",
        "location": "handler:7",
        "message": "charged 42",
        "timestamp": "2026-11-26 00:56:01,123+0000",
        **IDS,
    }
)


def read(text: str) -> list[LogLine]:
    return list(log_lines(f"{text}\n".encode()))


@pytest.mark.parametrize(
    "line",
    [
        PLATFORM_TEXT,
        f"2026-11-26T00:56:01.123000+00:00 {STREAM} {PLATFORM_TEXT}",
        f"2026-11-26T00:56:01.123Z {PLATFORM_JSON}",
        POWERTOOLS,
        json.dumps({"event": "charged 42", "level": "info", "timestamp": AT_NS // MS, **IDS}),
        json.dumps({"msg": "charged 42", "level": "INFO", "time": AT_NS, **IDS}),
        f'          "message": {json.dumps(PLATFORM_TEXT)},',
        json.dumps({"events": [{"message": POWERTOOLS}]}),
        json.dumps({"message": json.dumps({"inner": POWERTOOLS})}),
        f"INFO 2026-11-26T00:56:01.123Z charged 42 trace_id: {TRACE.upper()} span_id: {SPAN}",
    ],
)
def test_a_line_is_found_in_every_kind_of_log(line: str) -> None:
    (found,) = read(line)

    assert (found.trace_id, found.span_id, found.level) == (TRACE, SPAN, "INFO")
    assert found.message.endswith("charged 42")
    assert found.time_ns == AT_NS


@pytest.mark.parametrize("line", [PLATFORM_TEXT, PLATFORM_JSON, POWERTOOLS])
def test_the_message_is_without_what_the_format_adds(line: str) -> None:
    assert [found.message for found in read(line)] == ["charged 42"]


@pytest.mark.parametrize(
    "line",
    [
        "charged 42",
        "START RequestId: 8f507cfc",
        "trace_id=",
        f"trace_id={TRACE[:-1]}",
        f"my_trace_id={TRACE}",
        json.dumps({"trace_id": 42, "message": "x"}),
        json.dumps({"traceId": TRACE}),
        '{"trace_id": "' + "[" * 100_000,
        "[" * 100_000 + '"trace_id"',
    ],
    ids=range(9),
)
def test_a_line_that_names_no_trace_is_none(line: str) -> None:
    assert read(line) == []


@pytest.mark.parametrize(
    "time", ["later", None, True, float("nan"), float("inf"), -1e300, 10**400, {}, "9999-99-99"]
)
def test_a_time_that_is_none_costs_the_time_alone(time: object) -> None:
    (found,) = read(json.dumps({"timestamp": time, "message": "charged", **IDS}))

    assert (found.time_ns, found.message) == (None, "charged")


def test_a_message_that_is_no_text_is_written_as_json() -> None:
    (found,) = read(json.dumps({"message": {"order": 42}, **IDS}))

    assert found.message == '{"order": 42}'


def line(message: str, time_ns: int | None = None, span_id: str | None = "a") -> LogLine:
    return LogLine(trace_id="t", span_id=span_id, time_ns=time_ns, level="INFO", message=message)


def test_lines_are_ordered_by_time_and_stay_in_place_without_one() -> None:
    lines = [line("c", 3), line("d"), line("a", 1), line("b", 1)]

    assert [one.message for one in in_order(lines)] == ["a", "b", "c", "d"]


def drawn(*lines: LogLine) -> str:
    file = io.StringIO()
    spans = [span("root"), span("a", "root", start_ns=10 * MS)]
    print_trace(spans, Console(file=file, width=100), lines=lines)
    return file.getvalue()


def test_a_line_is_drawn_below_its_span_by_its_start() -> None:
    rows = drawn(line("second", 30 * MS), line("first", 12 * MS)).splitlines()

    (place,) = [number for number, row in enumerate(rows) if "━" in row and "a " in row]
    assert [row.strip() for row in rows[place + 1 : place + 3]] == [
        "> 2 ms INFO first",
        "> 20 ms INFO second",
    ]


def test_a_line_without_a_known_span_is_drawn_below_the_trace() -> None:
    rows = drawn(line("lost", 30 * MS, "gone"), line("unknown", None, None)).splitlines()

    assert [row for row in rows if row.startswith(">")] == [
        "> 30 ms INFO lost",
        "> INFO unknown",
    ]


def test_a_line_cannot_act_on_the_terminal() -> None:
    shown = drawn(line("\x1b[2Jgone [bold]not markup[/bold]"))

    assert "\x1b" not in shown
    assert "[bold]not markup[/bold]" in shown


def test_lines_are_yielded_with_their_traces_spans_once() -> None:
    gatherer = Gatherer()
    gatherer.add_line(line("one"))
    list(gatherer.add(span("a")))

    assert [[one.message for one in trace.lines] for trace in gatherer.rest()] == [["one"]]
    list(gatherer.add(span("b")))
    assert [trace.lines for trace in gatherer.rest()] == [[]]


def test_lines_of_traces_without_spans_do_not_fill_the_memory() -> None:
    gatherer = Gatherer()
    for number in range(50_000):
        gatherer.add_line(
            LogLine(trace_id=str(number), span_id=None, time_ns=None, level="", message="")
        )
    gatherer.add_line(line("kept"))
    list(gatherer.add(span("a")))
    list(gatherer.add(span("x", trace_id="0")))

    assert {trace.spans[0].trace_id: len(trace.lines) for trace in gatherer.rest()} == {
        "t": 1,
        "0": 0,
    }
