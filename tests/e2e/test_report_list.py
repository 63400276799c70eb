"""The report's list and search: what is found, counted, ordered and marked."""

from __future__ import annotations

import pytest

from tests.browser import Page
from tests.e2e.seeing import click, rows, search, texts, titles, visible

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("service:work status:error", [2]),
        ("status:error service=api", []),
        ("STATUS:error service=Worker duration>=180ms", [2]),
        ("duration>399ms", [3, 2, 1]),
        ("duration>0.4s", []),
        ("order.id=o-2", [2]),
        ("order.id:o- order.id!=o-2", [3, 1]),
        ("faas.coldstart=true", [2]),
        ('"no stock"', [2]),
        ('message:"for stock" level:info', [3]),
        ("name:nothing", []),
        ("no:field", []),
    ],
)
def test_fields_hold_for_one_span_of_a_trace(page: Page, text: str, found: list[int]) -> None:
    search(page, text)
    assert titles(page) == [f"POST /orders/{number}" for number in found]
    assert visible(page, "#none") is (not found)


def test_no_match_says_so_and_a_wrong_search_why(page: Page) -> None:
    search(page, "nowhere")
    assert "No span matches nowhere" in texts(page, "#none")[0]
    search(page, "duration>fast")
    assert "500ms" in texts(page, "#none")[0]
    click(page, "#none-clear")
    assert len(titles(page)) == 3


def test_what_is_found_is_marked_in_list_trace_and_details(page: Page) -> None:
    search(page, "stock")
    assert texts(page, "#traces mark") == ["stock", "stock"]
    page.evaluate("document.querySelector('#traces-1').click()")
    assert texts(page, "#spans .hit .name") == ["process worker"]
    page.press("Escape")
    page.press("n")
    assert texts(page, "#details mark") == ["stock"]
    search(page, "name:proc")
    assert texts(page, "#spans mark") == ["proc"]


def test_keys_go_to_the_next_match_and_error_and_around(page: Page) -> None:
    search(page, "service:orders")
    page.evaluate("document.querySelector('#traces-1').click()")
    page.press("Escape")
    seen = []
    for key in ("n", "n", "n", "N", "e"):
        page.press(key)
        seen += texts(page, "#details h3")
    assert seen == ["take order", "enqueue", "take order", "enqueue", "process"]


def test_a_folded_row_says_that_an_error_is_inside(page: Page) -> None:
    page.evaluate("document.querySelector('#traces-1').click()")
    assert not texts(page, ".inside-badge")
    page.evaluate("document.querySelector('#spans-1 .twisty').click()")
    assert texts(page, ".inside-badge") == ["1 error inside"]
    page.press("e")
    assert texts(page, "#details h3") == ["process"], "what is folded is found too"
    assert any("process" in row for row in rows(page))


def test_names_are_counted_and_lead_to_their_spans(page: Page) -> None:
    click(page, "#by-name")
    page.evaluate("document.querySelector('#sort').value = 'errors'")
    page.evaluate("document.querySelector('#sort').dispatchEvent(new Event('change'))")
    first = texts(page, "#names-0")[0]
    assert first.startswith("process1 error3\N{MULTIPLICATION SIGN}worker")
    assert "p50 180 ms" in first
    page.evaluate("document.querySelector('#names-0').click()")
    assert page.evaluate("document.querySelector('#search').value") == (
        'service="worker" name="process"'
    )
    assert len(titles(page)) == 3


def test_a_name_is_chosen_with_the_keyboard(page: Page) -> None:
    click(page, "#by-name")
    page.evaluate("document.querySelector('#names').focus()")
    page.press("ArrowDown")
    page.press("ArrowDown")
    name = texts(page, "#names [aria-selected=true] .name")[0]
    assert page.evaluate("document.querySelector('#search').value") == "", "keys only move"
    page.press("Enter")
    assert page.evaluate("document.querySelector('#search').value").endswith(f'name="{name}"')
    assert page.evaluate("document.activeElement.id") == "traces"


def test_percentiles_are_of_the_nearest_rank(page: Page) -> None:
    spans = ",".join(
        f'{{trace_id:"p",span_id:"{n}",parent_id:null,name:"p",kind:"",start_ns:"0",'
        f'end_ns:"{n * 1_000_000}",status:"",status_message:"",attributes:{{}},events:[],links:[],'
        'resource:0,scope:""}'
        for n in range(1, 101)
    )
    page.evaluate(f"addTraces({{spans:[{spans}],resources:[{{}}],logs:[]}})")
    search(page, "name=p")
    click(page, "#by-name")
    assert texts(page, "#names .quantiles span") == [
        "p50 50.0 ms",
        "p95 95.0 ms",
        "p99 99.0 ms",
        "max 100 ms",
    ]


def test_a_part_of_time_is_chosen_by_mouse_and_by_keys(page: Page) -> None:
    x, y, width = page.evaluate(
        "(r => [r.left, r.top + 10, r.width])"
        "(document.querySelector('#times .histogram-lane').getBoundingClientRect())"
    )
    page.drag((x + width * 0.7, y), (x + width - 1, y))
    assert titles(page) == ["POST /orders/3"]
    assert texts(page, "#count") == ["1 of 3 traces"]
    click(page, "#times .clear")
    assert len(titles(page)) == 3
    page.evaluate("document.querySelector('#times input').focus()")
    page.press("ArrowUp")
    assert titles(page) == ["POST /orders/3", "POST /orders/2"]


def test_times_are_of_the_readers_zone_or_utc(page: Page) -> None:
    page.call("Emulation.setTimezoneOverride", timezoneId="Asia/Kolkata")
    try:
        click(page, "#zone")
        assert "2026-09-24 14:13:20.000 UTC" in texts(page, "#subtitle")[0]
        click(page, "#zone")
        assert "2026-09-24 19:43:20.000 UTC+05:30" in texts(page, "#subtitle")[0]
        assert texts(page, "#traces time")[0] == "24 Sep 19:43:20.000"
    finally:
        page.call("Emulation.setTimezoneOverride", timezoneId="")


def test_traces_are_sorted(page: Page) -> None:
    for order, numbers in (("oldest", [1, 2, 3]), ("errors", [2, 3, 1])):
        page.evaluate(f"document.querySelector('#sort').value = '{order}'")
        page.evaluate("document.querySelector('#sort').dispatchEvent(new Event('change'))")
        assert titles(page) == [f"POST /orders/{number}" for number in numbers]
