"""The report's views beside the timeline: self time, the map of services, and what is printed."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine
from lambda_otel_lite_cdk.cli.traces.report import batch
from lambda_otel_lite_cdk.cli.traces.spans import Link
from tests.browser import Page
from tests.cli.records import MS, span
from tests.e2e.reports import trace, write
from tests.e2e.seeing import click, search, texts, titles, visible

pytestmark = pytest.mark.once


def show(page: Page, view: str, *spans: Any) -> None:
    """Add spans, and open the trace of the first of them in a view."""
    page.evaluate(f"addTraces({batch(spans)})")
    page.evaluate(f"location.hash = '#{spans[0].trace_id}'")
    page.settle()
    click(page, f"#view-{view}")


def work(page: Page) -> None:
    """10 ms of a root's own; 20 and 40 ms of `sql`; 30 ms of `render`, of which 20 of `sql`."""
    show(
        page,
        "flame",
        span("root", name="root"),
        span("a", "root", name="sql", end_ns=20 * MS),
        span("b", "root", name="sql", start_ns=20 * MS, end_ns=60 * MS, status="ERROR"),
        span("c", "root", name="render", start_ns=60 * MS, end_ns=90 * MS),
        span("d", "c", name="sql", start_ns=60 * MS, end_ns=80 * MS),
    )


def blocks(page: Page) -> dict[str, float]:
    """The blocks by name, with their parts of the width in percent, from the top down."""
    found = page.evaluate(
        "(whole => [...document.querySelectorAll('.block')].map(b => [b.dataset.depth + ' ' + "
        "b.firstChild.textContent.trim(), 100 * (b.getBoundingClientRect().width + 1) / whole]))"
        "(document.querySelector('#flame-blocks').getBoundingClientRect().width)"
    )
    return {str(name): round(float(width)) for name, width in found}


def test_blocks_are_as_wide_as_their_own_time(page: Page) -> None:
    work(page)
    assert blocks(page) == {
        "0 Whole trace": 100,
        "1 root": 100,
        "2 sql": 60,
        "2 render": 30,
        "3 sql": 20,
    }
    assert page.accessible_name(".block[data-depth='2'].has-error") == (
        "shop: sql, 60.0 ms in all, 60.0 ms of its own in 2 spans, 1 error"
    )


def test_a_block_is_zoomed_to_with_the_keyboard_and_back(page: Page) -> None:
    work(page)
    page.evaluate("document.querySelector('.block.zoomed').focus()")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
        page.press(key)
    assert blocks(page)["3 sql"] == 67, "20 of the 30 ms of render"
    assert "2 sql" not in blocks(page)
    page.press("Enter")
    page.press("Enter")
    assert blocks(page)["2 sql"] == 60, "back, a step at a time"


def test_names_are_ordered_by_their_own_time_and_lead_to_the_timeline(page: Page) -> None:
    work(page)
    first = "document.querySelector('#flame-rows tr')"
    assert page.evaluate(f"[...{first}.children].map(e => e.textContent.trim())") == [
        "sql shop",
        "3",
        "1",
        "80.0 ms",
        "80.0 %",
    ]
    page.evaluate(f"{first}.querySelector('button').click()")
    page.settle()
    assert visible(page, "#spans")
    assert texts(page, "#details h3") == ["sql"]
    assert texts(page, "#details .value")[0] == "40.0 ms", "the one with most"


def test_self_time_of_a_deep_trace_has_few_blocks(page: Page) -> None:
    chain = [span("s0", trace_id="deep", end_ns=9000 * MS)]
    chain += [
        span(f"s{n}", f"s{n - 1}", trace_id="deep", end_ns=(9000 - n) * MS) for n in range(1, 3000)
    ]
    show(page, "flame", *chain)
    assert 500 < page.evaluate("document.querySelectorAll('.block').length") <= 1100
    assert "not shown" in texts(page, "#flame-more")[0]


def service(name: str, span_id: str, parent: str | None = None, **given: Any) -> Any:
    return span(span_id, parent, **{"trace_id": "m", "resource": {"service.name": name}, **given})


def test_the_map_has_services_what_they_call_and_links(page: Page) -> None:
    show(
        page,
        "map",
        service("web", "a"),
        service("web", "b", "a", kind="CLIENT", attributes={"server.address": "seen-here"}),
        service("cart", "c", "b", status="ERROR", end_ns=20 * MS),
        service("cart", "d", "c", kind="CLIENT", attributes={"db.system.name": "redis"}),
        service("mail", "e", "gone", links=(Link("m", "c", {}),)),
        service("log", "f", links=(Link("m", "c", {}),)),
        service("log", "g", "c"),
    )
    assert sorted(texts(page, ".node .node-name")) == ["cart", "log", "mail", "redis", "web"]
    calls = [row.split("\xa0")[0] for row in texts(page, "#map-rows th")]
    assert sorted(calls) == ["cart → log", "cart → mail (link)", "cart → redis", "web → cart"]
    assert page.accessible_name(".node.failed") == "cart 2 spans, 1 error"
    row = "[...document.querySelectorAll('#map-rows tr')].find(r => /web/.test(r.textContent))"
    assert page.evaluate(f"[...{row}.children].slice(1).map(e => e.textContent)") == [
        "1",
        "1",
        *["20.0 ms"] * 3,
    ]
    page.evaluate("document.querySelector('.node.failed').click()")
    page.settle()
    assert page.evaluate("document.querySelector('#search').value") == 'service="cart"'


def test_what_comes_leaves_zoom_and_focus_where_they_are(page: Page) -> None:
    work(page)
    page.evaluate("document.querySelector('.block.zoomed').focus()")
    for key in ("ArrowDown", "ArrowDown", "ArrowRight", "Enter"):
        page.press(key)
    more = span("late", "c", name="pack", start_ns=80 * MS, end_ns=90 * MS)
    page.evaluate(f"addTraces({batch([more])})")
    assert blocks(page)["3 pack"] == 33, "10 of the 30 ms of render"
    assert texts(page, ".block:focus span") == ["render "]
    click(page, "#view-map")
    click(page, "#map-listed")
    page.evaluate("document.querySelectorAll('.node')[1].focus()")
    before = texts(page, ".node:focus .node-name")
    page.evaluate(f"addTraces({batch([service('new', 'n', trace_id='new')])})")
    assert len(before) == 1
    assert "new" in texts(page, ".node .node-name")
    assert texts(page, ".node:focus .node-name") == before


def test_log_lines_that_come_leave_those_that_are_seen(page: Page) -> None:
    def line(n: int) -> LogLine:
        return LogLine(trace_id="l", span_id="a", time_ns=n * MS, level="INFO", message=f"line {n}")

    page.evaluate(f"addTraces({batch([span('a', trace_id='l')], map(line, range(0, 200, 2)))})")
    page.evaluate("location.hash = '#l'")
    page.settle()
    click(page, "#view-logs")
    page.evaluate("document.querySelector('#lines').scrollTop = 1500")
    page.settle()
    seen = (
        "(top => [...document.querySelectorAll('#lines .row')]"
        ".find(r => r.getBoundingClientRect().bottom > top).lastChild.textContent)"
        "(document.querySelector('#lines').getBoundingClientRect().top)"
    )
    assert page.evaluate(seen) == "line 100"
    page.evaluate(f"addTraces({batch([], map(line, range(1, 200, 2)))})")
    page.settle()
    assert texts(page, "#view-logs span") == ["200"]
    assert page.evaluate(seen) == "line 100"


@pytest.mark.parametrize("view", ["timeline", "logs", "flame", "map"])
def test_long_names_make_no_view_wider_than_the_window(page: Page, view: str) -> None:
    page.look(360, 700)
    long = "x" * 300
    line = LogLine(trace_id="w", span_id="b", time_ns=0, level="", message=long)
    spans = [
        span("a", trace_id="w", name=long),
        span("b", "a", trace_id="w", name=long, resource={"service.name": long}),
    ]
    page.evaluate(f"addTraces({batch(spans, [line])})")
    page.evaluate("location.hash = '#w'")
    page.settle()
    click(page, f"#view-{view}")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    panel = {"timeline": "#spans", "logs": "#lines"}.get(view, f"#{view}")
    wide, room = page.evaluate(
        f"(e => [e.scrollWidth, e.clientWidth])(document.querySelector({panel!r}))"
    )
    assert wide == room


def overlaps(page: Page, selector: str) -> list[str]:
    boxes = page.evaluate(
        f"[...document.querySelectorAll({selector!r})].map(e => "
        "(r => [e.textContent, r.left, r.top, r.right, r.bottom])"
        "(e.getBoundingClientRect()))"
    )
    return [
        f"{a[0]} {b[0]}"
        for a, b in itertools.combinations(boxes, 2)
        if a[1] < b[3] and b[1] < a[3] and a[2] < b[4] and b[2] < a[4]
    ]


def test_services_that_call_in_a_circle_have_places_of_their_own(page: Page) -> None:
    names = "abcdefgh"
    show(
        page,
        "map",
        *(service(names[n % 8], f"s{n}", f"s{n - 1}" if n else None) for n in range(17)),
    )
    assert len(texts(page, ".node")) == 8
    assert not overlaps(page, ".node")
    lefts = page.evaluate(
        "[...document.querySelectorAll('.node')].map(e => [e.firstChild.textContent, e.offsetLeft])"
    )
    ordered = [name for name, _ in sorted(lefts, key=lambda one: one[1])]
    assert "".join(ordered) == names, "callers are left of what they call"


def test_no_number_covers_another_where_ways_cross(page: Page) -> None:
    """Each of two services calls the same three, and one of these the next."""
    calls = [(a, b) for a in ("a1", "a2") for b in ("b1", "b2", "b3")] + [("b1", "c"), ("a1", "c")]
    spans = [service("start", "root")]
    for n, (caller, callee) in enumerate(calls):
        spans.append(service(caller, f"f{n}", "root"))
        spans.append(service(callee, f"t{n}", f"f{n}"))
    show(page, "map", *spans)
    assert len(texts(page, ".call-text")) == 11
    assert not overlaps(page, ".call-text")


def test_the_map_is_of_the_trace_or_of_all_that_are_listed(page: Page) -> None:
    show(page, "map", service("alone", "a"))
    assert texts(page, ".node .node-name") == ["alone"]
    assert visible(page, "#map-none")
    click(page, "#map-listed")
    assert sorted(texts(page, ".node .node-name")) == ["alone", "api", "orders", "shop", "worker"]
    assert texts(page, "#map-rows td:nth-child(2)") == ["3", "3"], (
        "a link beside a parent is no more"
    )
    click(page, "#only-cold")
    assert texts(page, "#map-rows td:nth-child(2)") == ["1", "1"]
    click(page, "#only-cold")
    search(page, "o-2")
    assert sorted(texts(page, ".node .node-name")) == ["api", "orders", "shop", "worker"]


def test_print_has_all_rows_on_white_and_no_controls(chromium: Page, tmp_path: Path) -> None:
    many = [span(f"s{n}", start_ns=n * MS, end_ns=(n + 1) * MS) for n in range(300)]
    chromium.look(1000, 700, dark=True)
    chromium.open(write(tmp_path / "print.html", *many))
    chromium.settle()
    chromium.evaluate("document.querySelector('#spans-2').click()")
    rows = "document.querySelectorAll('#spans .row').length"
    assert chromium.evaluate(rows) < 100
    chromium.evaluate(f"addEventListener('beforeprint', () => {{ window.printed = {rows}; }})")
    chromium.call("Page.printToPDF")
    assert chromium.evaluate("window.printed") == 300
    assert chromium.evaluate(rows) < 100, "on the screen there are few again"
    chromium.look(760, 1000, dark=True)
    chromium.call("Emulation.setEmulatedMedia", media="print")
    try:
        chromium.settle()
        assert chromium.evaluate(rows) == 300
        assert chromium.evaluate("getComputedStyle(document.body).backgroundColor") == (
            "rgb(255, 255, 255)"
        )
        assert chromium.evaluate("document.documentElement.scrollWidth") == 760
        for hidden in ("header", "#traces", "#zoom-in", ".copy", "#views"):
            assert not visible(chromium, hidden)
        last = "document.querySelector('#spans-299').getBoundingClientRect().bottom"
        details = "document.querySelector('#details').getBoundingClientRect().top"
        assert chromium.evaluate(f"{last} <= {details}"), "the details come after all rows"
    finally:
        chromium.call("Emulation.setEmulatedMedia", media="")


def test_without_a_trace_the_list_is_printed(chromium: Page, tmp_path: Path) -> None:
    spans = [one for number in range(2100) for one in trace(number)]
    chromium.look(700, 700)
    chromium.open(write(tmp_path / "print.html", *spans))
    chromium.settle()
    chromium.call("Emulation.setEmulatedMedia", media="print")
    try:
        chromium.settle()
        assert len(titles(chromium)) == 2000
        assert texts(chromium, "#traces .more") == ["and 100 more"]
    finally:
        chromium.call("Emulation.setEmulatedMedia", media="")
