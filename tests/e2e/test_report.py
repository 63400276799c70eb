"""The HTML report in a real headless Chromium, opened as a file, as by a double click."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambda_otel_lite_cdk.cli.traces.report import batch, live_page
from tests.browser import Page
from tests.cli.records import MS, span
from tests.e2e.reports import EPOCH, HOSTILE, logged, trace, write
from tests.e2e.seeing import click, rows, texts, titles, type_, visible

pytestmark = pytest.mark.once


def test_it_opens_from_a_file_without_a_single_request(page: Page) -> None:
    asked = [
        event["params"]["request"]["url"]
        for event in page.events
        if event.get("method") == "Network.requestWillBeSent"
    ]
    assert [address.partition(":")[0] for address in asked] == ["file"]
    assert titles(page) == ["POST /orders/3", "POST /orders/2", "POST /orders/1"], "newest first"
    assert texts(page, "#count") == ["3 traces"]
    assert page.evaluate("document.querySelector('#title').textContent") == "POST /orders/3"
    assert [row.removesuffix(" orders") for row in rows(page)][1:3] == ["take order", "enqueue"]


def test_search_finds_names_attributes_and_ids(page: Page) -> None:
    for words, found in (
        ("o-2", ["POST /orders/2"]),
        ("PROCESS no stock", ["POST /orders/2"]),
        (f"{1:032x}", ["POST /orders/1"]),
        ("nowhere", []),
    ):
        page.evaluate("document.querySelector('#search').select()")
        type_(page, words)
        assert titles(page) == found


def test_filters_leave_traces_with_errors_or_cold_starts(page: Page) -> None:
    for name in ("only-errors", "only-cold"):
        click(page, f"#{name}")
        assert titles(page) == ["POST /orders/2"]
        assert texts(page, "#count") == ["1 of 3 traces"]
        click(page, f"#{name}")
        assert len(titles(page)) == 3


def test_it_is_used_with_the_keyboard_alone(page: Page) -> None:
    page.press("/")
    type_(page, "orders/2")
    page.press("Enter")
    page.press("ArrowDown")
    assert page.evaluate("document.querySelector('#title').textContent") == "POST /orders/2"
    page.press("Enter")
    assert texts(page, "#details h3") == ["POST /orders/2"]
    for _ in range(3):
        page.press("ArrowDown")
    assert texts(page, "#details h3") == ["process"]
    active = page.evaluate("document.activeElement.getAttribute('aria-activedescendant')")
    assert page.accessible_name(f"#{active}") == "process worker error 180 ms"
    page.press("ArrowLeft")
    assert texts(page, "#details h3") == ["enqueue"], "left goes to the parent"
    page.press("ArrowLeft")
    assert not any("process" in row for row in rows(page)), "and folds"
    page.press("ArrowRight")
    assert any("process" in row for row in rows(page))
    page.press("Escape")
    assert not visible(page, "#details")
    page.press("?")
    assert visible(page, "#help")


def test_zooming_makes_a_range_as_wide_as_the_lane(page: Page) -> None:
    def widths() -> list[float]:
        return [
            float(width)
            for width in page.evaluate(
                "[...document.querySelectorAll('#spans .row')].map(r => "
                "{const b = r.querySelector('.bar'); return b ? b.getBoundingClientRect().width "
                "/ r.querySelector('.lane').getBoundingClientRect().width : 0})"
            )
        ]

    assert widths() == pytest.approx([1, 0.475, 0.225, 0.45], abs=0.01)
    left, top, width = page.evaluate(
        "(r => [r.left, r.top, r.width])(document.querySelector('#ticks').getBoundingClientRect())"
    )
    page.drag((left + width / 2, top + 10), (left + width * 0.75, top + 10))
    assert widths()[1:] == pytest.approx([0, 0, 0.91], abs=0.02), "200 to 300 of 400 ms"
    ticks = texts(page, "#ticks .tick")
    assert "200 ms" in ticks
    click(page, "#zoom-fit")
    assert widths() == pytest.approx([1, 0.475, 0.225, 0.45], abs=0.01)
    click(page, "#zoom-in")
    assert widths()[1] == pytest.approx(0.51, abs=0.01), "100 to 200 of 100 to 300 ms"


def test_the_shortest_span_at_the_very_end_is_visible(chromium: Page, tmp_path: Path) -> None:
    spans = [span("root"), span("blip", "root", start_ns=100 * MS - 1, end_ns=100 * MS)]
    chromium.look(1280, 800)
    chromium.open(write(tmp_path / "blip.html", *spans))
    chromium.settle()
    room = chromium.evaluate(
        "(r => document.querySelector('.lane').getBoundingClientRect().right - r.left)"
        "(document.querySelector('#spans-1 .bar').getBoundingClientRect())"
    )
    assert room >= 3


def test_details_show_all_of_a_span_and_follow_links(page: Page) -> None:
    page.evaluate("document.querySelector('#spans-3').click()")
    text = page.evaluate("document.querySelector('#details').innerText")
    for wanted in ("180 ms", "worker", "exception.message", HOSTILE, "why", "batch"):
        assert wanted in text
    page.evaluate("document.querySelector('.jump').click()")
    page.settle()
    assert page.evaluate("document.querySelector('#title').textContent") == "POST /orders/2"
    assert texts(page, "#details h3") == ["enqueue"]
    assert texts(page, ".jump.from") == ["worker: process"], "the link is known at its other end"
    page.evaluate(
        "new Promise(done => {"
        "  addEventListener('popstate', () => done(), { once: true });"
        "  history.back();"
        "})"
    )
    assert page.evaluate("document.querySelector('#title').textContent") == "POST /orders/3"


def test_log_lines_are_in_their_spans_details_by_time(page: Page) -> None:
    page.evaluate("document.querySelector('#spans-3').click()")
    lines = texts(page, "#details .logs li")
    assert [line.split(" ", 1)[1] for line in lines] == [
        "INFO in whole seconds",
        "INFO looking for stock",
        f"ERROR refused {HOSTILE}",
    ]
    assert page.evaluate("document.images.length") == 0
    page.evaluate("document.querySelector('#spans-0').click()")
    assert [line.split(" ", 1)[1] for line in texts(page, "#details .logs li")] == ["of the trace"]
    page.evaluate("document.querySelector('#spans-1').click()")
    assert texts(page, "#details .logs") == []


def test_log_lines_are_marks_on_their_spans_bar(page: Page) -> None:
    """A line that only says the second stands at the edge of its span."""
    marks = page.evaluate(
        "[...document.querySelectorAll('#spans-3 .mark.log')].map(m => "
        "[m.title.split(' ')[0], parseFloat(m.style.left)])"
    )
    assert marks == [
        ["INFO", pytest.approx(100 * 210 / 400)],
        ["INFO", pytest.approx(100 * 255 / 400)],
        ["ERROR", pytest.approx(100 * 300 / 400)],
    ]


def test_search_finds_log_lines(page: Page) -> None:
    page.press("/")
    type_(page, "looking for stock")
    assert titles(page) == ["POST /orders/3"]


def test_hostile_names_are_text(page: Page) -> None:
    page.press("/")
    type_(page, "onerror")
    assert len(titles(page)) == 3, "it stands in every trace"
    page.evaluate("document.querySelector('#traces-1').click()")
    page.settle()
    assert any(HOSTILE in row for row in rows(page))
    assert page.evaluate("document.images.length") == 0
    assert page.evaluate("document.scripts.length") == 2
    assert any(
        "not in this report" in text
        for text in page.evaluate(
            "[...document.querySelectorAll('#spans .badge.odd')].map(e => e.title)"
        )
    )


def test_the_policy_lets_no_other_script_run(page: Page) -> None:
    ran = page.evaluate(
        "new Promise(done => {"
        "  addEventListener('securitypolicyviolation', () => done(window.ran === true));"
        "  const script = document.createElement('script');"
        "  script.textContent = 'window.ran = true';"
        "  document.body.append(script);"
        "})"
    )
    assert ran is False
    # The browser logs what it did not run, which is no error here.
    page.events.clear()


def test_a_stack_trace_is_wrapped_and_can_be_made_higher(page: Page) -> None:
    line = "x" * 400
    stack = span("s", trace_id="stack", attributes={"exception.stacktrace": f"{line}\n{line}"})
    page.evaluate(f"addTraces({batch([stack])})")
    page.evaluate("location.hash = '#stack/s'")
    page.settle()
    wide, room, resize = page.evaluate(
        "(e => [e.scrollWidth, e.clientWidth, getComputedStyle(e).resize])"
        "(document.querySelector('#details .lines'))"
    )
    assert (wide, resize) == (room, "vertical")


@pytest.mark.parametrize("width", [360, 800, 1600])
def test_nothing_is_wider_than_the_window(page: Page, width: int) -> None:
    page.look(width, 700)
    for _ in ("list or trace", "trace", "details"):
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.press("Enter")
        page.evaluate("document.querySelector('#traces').focus()")
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_narrow_window_shows_the_list_or_the_trace(page: Page) -> None:
    page.look(400, 800)
    assert not visible(page, "#traces")
    click(page, "#back")
    assert visible(page, "#traces")
    assert not visible(page, "#trace")
    page.evaluate("document.querySelector('#traces-1').click()")
    page.settle()
    assert visible(page, "#trace")


def test_traces_that_come_leave_what_is_seen_as_it_is(page: Page) -> None:
    page.look(1280, 260)
    page.press("/")
    type_(page, "orders")
    page.evaluate("document.querySelector('#traces-1').click()")
    page.evaluate("document.querySelector('#spans-1').click()")
    page.evaluate("document.querySelector('#spans-2 .twisty').click()")
    page.evaluate("document.querySelector('#traces').scrollTop = 70")
    page.settle()
    top = "document.querySelector('#traces [aria-selected=true]').getBoundingClientRect().top"
    before = page.evaluate(top)
    late = span(
        "late", f"{2:04x}{'b':>012}", trace_id=f"{2:032x}", start_ns=EPOCH + 2 * 86_400_000 * MS
    )
    new = batch([*trace(4), *trace(2), late, span("other")], logged(4))
    page.evaluate(f"addTraces({new})")
    page.settle()
    assert texts(page, "#count") == ["4 of 5 traces"]
    assert page.evaluate("document.querySelector('#search').value") == "orders"
    assert page.evaluate(top) == before
    assert texts(page, "#title") == ["POST /orders/2"]
    assert texts(page, "#details h3") == ["take order"]
    shown = [row.removesuffix(" shop") for row in rows(page)]
    assert "late" in shown, "it stands in the trace that is open"
    assert not any("process" in row for row in shown), "what was folded stays folded"
    assert len(shown) == 5, "what was here already is not here twice"


def test_a_live_page_shows_what_its_script_brings(chromium: Page, tmp_path: Path) -> None:
    target = tmp_path / "live.html"
    script = f"addEventListener('online', () => addTraces({batch(trace(1))}));"
    target.write_text(live_page(script), "utf-8")
    chromium.open(f"{target.as_uri()}#{1:032x}")
    chromium.settle()
    assert texts(chromium, "#empty") == ["No traces yet. They are shown as they come."]
    chromium.evaluate("dispatchEvent(new Event('online'))")
    chromium.settle()
    assert titles(chromium) == ["POST /orders/1"]
    assert texts(chromium, "#title") == ["POST /orders/1"]


def test_a_report_of_many_spans_keeps_few_in_the_page(chromium: Page, tmp_path: Path) -> None:
    many = [
        *(span(f"{n}", trace_id=f"{n}", start_ns=EPOCH + n * MS) for n in range(20_000)),
        *(span(f"s{n}", trace_id="long", start_ns=EPOCH * 2 + n * MS) for n in range(20_000)),
    ]
    chromium.look(1280, 800)
    chromium.open(write(tmp_path / "many.html", *many))
    chromium.settle()
    assert texts(chromium, "#count") == ["20,001 traces"]
    count = "document.querySelectorAll('*').length"
    for view in ("timeline", "logs", "flame", "map"):
        click(chromium, f"#view-{view}")
        assert chromium.evaluate(count) < 2000
    click(chromium, "#view-timeline")
    chromium.press("/")
    type_(chromium, "s1999")
    assert texts(chromium, "#count") == ["1 of 20,001 traces"]
    assert texts(chromium, ".found-match .at") == ["11 matches"]
    assert chromium.evaluate(count) < 2000
    chromium.evaluate("document.querySelector('#spans').focus()")
    chromium.press("End")
    assert texts(chromium, "#details h3") == ["s19999"]
    assert chromium.evaluate("document.querySelector('#spans [aria-selected=true]').textContent")
