"""The page of `receive --view` in a browser, while a real exporter sends."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser import Page
from tests.cli.receiving import export, receiving
from tests.e2e.seeing import search, titles

pytestmark = pytest.mark.once


def _wait_for(page: Page, expression: str) -> None:
    """Wait until an expression of the page is true."""
    page.evaluate(
        "new Promise(done => {"
        f"  const look = () => ({expression}) ? done() : requestAnimationFrame(look);"
        "  look();"
        "})"
    )


def _wait_for_traces(page: Page, number: int) -> None:
    _wait_for(page, f"document.querySelectorAll('#traces .row').length === {number}")


@pytest.fixture
def live(chromium: Page) -> Iterator[tuple[Page, str]]:
    with receiving("--view", "--no-open") as (process, endpoint):
        assert process.stderr is not None
        chromium.look(1280, 800)
        chromium.open(process.stderr.readline().split()[3].rstrip(";"))
        yield chromium, endpoint
        assert not [
            event
            for event in chromium.events
            if event.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")
        ]


def test_the_page_grows_as_traces_come_and_keeps_what_is_typed(live: tuple[Page, str]) -> None:
    page, endpoint = live
    export(endpoint, "one")
    _wait_for_traces(page, 1)
    search(page, "name:two")
    export(endpoint, "two", "three")
    _wait_for_traces(page, 1)
    _wait_for(page, "document.querySelector('#traces .row .name')?.textContent === 'two'")
    search(page, "")
    _wait_for_traces(page, 3)
    assert sorted(titles(page)) == ["one", "three", "two"]


def test_a_page_that_is_opened_again_has_all_of_it(live: tuple[Page, str]) -> None:
    page, endpoint = live
    export(endpoint, "one", "two")
    _wait_for_traces(page, 2)
    page.open(str(page.evaluate("location.href")))
    _wait_for_traces(page, 2)
    assert sorted(titles(page)) == ["one", "two"]
