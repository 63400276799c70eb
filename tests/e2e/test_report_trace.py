"""The report's view of one trace: what it is made of, and the ways through it."""

from __future__ import annotations

from typing import Any

import pytest

from lambda_otel_lite_cdk.cli.traces.report import batch
from lambda_otel_lite_cdk.cli.traces.spans import Event
from tests.browser import Page
from tests.cli.records import MS, span
from tests.e2e.reports import HOSTILE
from tests.e2e.seeing import click, rows, search, texts, visible

pytestmark = pytest.mark.once

STACK = 'Traceback (most recent call last):\n  File "app.py", line 1\nValueError: no'


def add(page: Page, *spans: Any) -> None:
    page.evaluate(f"addTraces({batch(spans)})")


def show(page: Page, address: str) -> None:
    page.evaluate(f"location.hash = {address!r}")
    page.settle()


def long_trace(page: Page) -> None:
    """100 spans in a row, of which the last but one failed."""
    root = span("root", trace_id="long", end_ns=1000 * MS)
    children = (
        span(
            f"c{n}",
            "root",
            trace_id="long",
            start_ns=n * 10 * MS,
            end_ns=(n + 1) * 10 * MS,
            status="ERROR" if n == 98 else "UNSET",
        )
        for n in range(100)
    )
    add(page, root, *children)
    show(page, "#long")


def pixels(page: Page, colour: str) -> list[list[int]]:
    """The places in the overview, in % of its width and height, that have a style's colour."""
    return list(
        page.evaluate(
            "(() => {"
            "  const canvas = document.querySelector('#minimap canvas');"
            "  const { width, height } = canvas;"
            "  const copy = new OffscreenCanvas(width, height);"
            "  const context = copy.getContext('2d', { willReadFrequently: true });"
            "  context.drawImage(canvas, 0, 0);"
            "  const { data } = context.getImageData(0, 0, width, height);"
            f"  const probe = document.createElement('i'); probe.className = {colour!r};"
            "  document.querySelector('#minimap').append(probe);"
            "  const wanted = getComputedStyle(probe).backgroundColor.match(/\\d+/g).slice(0, 3);"
            "  probe.remove();"
            "  const found = [];"
            "  for (let at = 0; at < data.length; at += 4) {"
            "    if (data[at + 3] === 255 && wanted.every((v, i) => Number(v) === data[at + i]))"
            "      found.push([Math.floor(at / 4) % width / width * 100,"
            "        Math.floor(at / 4 / width) / height * 100].map(Math.round));"
            "  }"
            "  return found;"
            "})()"
        )
    )


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_long_trace_has_an_overview_that_shows_errors(page: Page, *, dark: bool) -> None:
    assert not visible(page, "#minimap"), "a short one is seen as a whole"
    page.look(1280, 800, dark=dark)
    long_trace(page)
    assert visible(page, "#minimap")
    failed = pixels(page, "fill failed")
    assert failed
    assert all(x >= 97 and y >= 95 for x, y in failed)
    colour = page.evaluate("document.querySelector('#legend .dot').className")
    usual = pixels(page, colour)
    assert {x for x, y in usual if y == 0} >= set(range(100)), "the first span is as wide as all"
    assert {x for x, y in usual if 49 <= y <= 51} <= set(range(45, 56)), "the fiftieth is not"


def test_in_the_overview_nothing_covers_an_error(page: Page) -> None:
    def crowd(trace_id: str, *, failed: bool) -> list[Any]:
        status = {1000: "ERROR"} if failed else {}
        return [
            span(f"s{n}", trace_id=trace_id, status=status.get(n, "UNSET")) for n in range(2000)
        ]

    add(page, *crowd("bad", failed=True), *crowd("good", failed=False))
    show(page, "#bad")
    failed = pixels(page, "fill failed")
    assert {x for x, _ in failed} >= set(range(1, 100))
    assert {y for _, y in failed} <= set(range(47, 56))
    show(page, "#good")
    assert not pixels(page, "fill failed")


def test_the_overview_moves_what_is_seen(page: Page) -> None:
    long_trace(page)
    assert "c98" not in " ".join(rows(page))
    left, top, width, height = page.evaluate(
        "(r => [r.left, r.top, r.width, r.height])"
        "(document.querySelector('#minimap').getBoundingClientRect())"
    )
    click(page, "#zoom-in")
    click(page, "#zoom-in")
    end = (left + width - 1, top + height - 1)
    page.drag(end, end)
    assert "c98" in " ".join(rows(page))
    assert texts(page, "#ticks .tick")[-1] in ("1,000 ms", "1000 ms", "1.00 s", "")
    frame = page.evaluate(
        "(r => [r.left, r.right, r.bottom])"
        "(document.querySelector('.minimap-frame').getBoundingClientRect())"
    )
    seen = [left + width * 3 / 4, left + width, top + height]
    assert frame == pytest.approx(seen, abs=2), "the last quarter, at the bottom"


def test_ids_and_values_are_copied_as_they_are(page: Page) -> None:
    page.call("Browser.grantPermissions", permissions=["clipboardReadWrite"])
    stack = Event("exception", 0, {"exception.stacktrace": STACK})
    add(page, span("s", trace_id="copied", attributes={"long": "x" * 500}, events=(stack,)))
    show(page, "#copied/s")
    for name, text in (
        ("trace id", "copied"),
        ("Span", "s"),
        ("long", "x" * 500),
        ("exception.stacktrace", STACK),
    ):
        page.evaluate(f"document.querySelector('[aria-label=\"Copy {name}\"]').click()")
        page.evaluate("new Promise(done => setTimeout(done))")
        assert page.evaluate("navigator.clipboard.readText()") == text
        assert texts(page, "#said") == [f"Copied {name}"]
    assert not page.evaluate("document.querySelector('[aria-label=\"Copy Parent\"]')")


def test_an_exception_stands_before_all_that_is_not(page: Page) -> None:
    events = (Event("retry", 0, {}), Event("exception", 0, {"exception.stacktrace": STACK}))
    add(page, span("s", trace_id="order", attributes={"a": 1}, events=events))
    show(page, "#order/s")
    titles = [text.partition(" 0 ")[0] for text in texts(page, "#details h4")]
    assert titles[:3] == ["Event: exception", "Attributes", "Event: retry"]


def test_details_are_made_wider_by_mouse_and_keys(page: Page) -> None:
    def width() -> float:
        return float(page.evaluate("document.querySelector('#details').offsetWidth"))

    assert not visible(page, "#splitter"), "there are no details yet"
    page.evaluate("document.querySelector('#spans-1').click()")
    x, y = page.evaluate(
        "(r => [r.left + 3, r.top + 200])"
        "(document.querySelector('#splitter').getBoundingClientRect())"
    )
    before = width()
    page.drag((x, y), (x - 200, y))
    assert width() == pytest.approx(before + 200, abs=5)
    page.evaluate("document.querySelector('#splitter').focus()")
    page.press("ArrowRight")
    assert width() == pytest.approx(before + 160, abs=5)
    for _ in range(20):
        page.press("ArrowLeft")
    assert visible(page, "#spans-1 .bar"), "the timeline keeps a part"
    page.look(390, 800)
    assert width() == 390
    page.press("Escape")
    assert not visible(page, "#splitter")


def test_it_is_said_where_among_matches_and_errors_one_is(page: Page) -> None:
    search(page, "service:orders")
    page.evaluate("document.querySelector('#traces-1').click()")
    assert [text for text in texts(page, "#finder .at") if text] == ["2 matches", "1 error"]
    click(page, "#next-match")
    click(page, "#next-match")
    assert texts(page, ".found-match .at") == ["2 of 2 matches"]
    assert texts(page, "#details h3") == ["enqueue"]
    click(page, "#previous-error")
    assert texts(page, "#details h3") == ["process"]
    assert page.evaluate("document.activeElement.id") == "previous-error"


def test_that_there_is_no_match_or_error_is_said(page: Page) -> None:
    page.evaluate("document.querySelector('#traces').focus()")
    for key, said in (("n", "Nothing is searched for"), ("e", "No error in this trace")):
        page.press(key)
        assert texts(page, "#said") == [said]
    assert not visible(page, ".no-match")
    search(page, "o-2")
    assert texts(page, "#title") == ["POST /orders/3"], "what is open stays open"
    assert visible(page, ".no-match")
    page.evaluate("document.querySelector('#traces').focus()")
    page.press("N")
    assert texts(page, "#said") == ["No match in this trace"]


def test_the_traces_log_lines_stand_by_time_and_lead_to_their_spans(page: Page) -> None:
    click(page, "#view-logs")
    assert not visible(page, "#spans")
    assert [row.split() for row in texts(page, "#lines .row")] == [
        ["-800", "ms", "INFO", "process", "in", "whole", "seconds"],
        ["10.0", "ms", "POST", "/orders/3", "of", "the", "trace"],
        ["255", "ms", "INFO", "process", "looking", "for", "stock"],
        ["300", "ms", "ERROR", "process", "refused", *HOSTILE.split()],
    ]
    page.evaluate("document.querySelector('#lines').focus()")
    for _ in range(3):
        page.press("ArrowDown")
    assert texts(page, "#details h3") == ["process"]
    assert texts(page, "#lines [aria-selected=true] .said-line")[0] == "looking for stock"
    click(page, "#view-timeline")
    page.evaluate("document.querySelector('#spans-1').click()")
    click(page, "#view-logs")
    assert not texts(page, "#lines [aria-selected=true]"), "another span was chosen since"
    page.evaluate("document.querySelector('#traces-1').click()")
    page.settle()
    assert visible(page, "#no-lines"), "this trace has none"
    page.press("e")
    assert visible(page, "#spans-3"), "an error is shown where it is in the trace"


def test_views_are_chosen_with_the_arrow_keys(page: Page) -> None:
    page.evaluate("document.querySelector('#view-timeline').focus()")
    page.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "view-logs"
    assert visible(page, "#lines")
    page.evaluate("document.querySelector('#traces').focus()")
    page.press("Enter")
    assert page.evaluate("document.activeElement.id") == "lines", "the view stays"
    page.press("Escape")
    assert page.evaluate("document.activeElement.id") == "lines", "details are left for the view"
    page.evaluate("document.querySelector('#view-logs').focus()")
    page.press("ArrowLeft")
    assert visible(page, "#spans")
