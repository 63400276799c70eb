"""The report for everyone: axe-core, the user's own colours, keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine
from lambda_otel_lite_cdk.cli.traces.report import batch
from tests.browser import Page
from tests.cli.records import span
from tests.e2e.seeing import click, texts, type_

pytestmark = pytest.mark.once

AXE = Path(__file__).parents[2] / "requirements/npm/node_modules/axe-core/axe.min.js"


def open_details(page: Page) -> None:
    page.evaluate("document.querySelector('#traces-1').click()")
    page.evaluate("document.querySelector('#spans-3').click()")


def fold(page: Page) -> None:
    page.evaluate("document.querySelector('#traces-1').click()")
    page.evaluate("document.querySelector('#spans-1 .twisty').click()")


def search(page: Page) -> None:
    page.press("/")
    type_(page, "stock")
    open_details(page)


def search_in_vain(page: Page) -> None:
    page.press("/")
    type_(page, "duration>fast")


def many(page: Page) -> None:
    """A long trace of more services and log lines than there is room for."""
    spans = [
        span(
            f"s{n}",
            f"s{n // 2}" if n else None,
            trace_id="many",
            status="ERROR" if n % 9 == 0 else "UNSET",
            resource={"service.name": f"a service of some length {n % 20}"},
        )
        for n in range(100)
    ]
    lines = (
        LogLine(trace_id="many", span_id=f"s{n}", time_ns=n, level="ERROR", message="refused")
        for n in range(100)
    )
    page.evaluate(f"addTraces({batch(spans, lines)})")
    page.evaluate("location.hash = '#many/s3'")
    page.settle()


def many_in(view: str) -> Callable[[Page], object]:
    def show(page: Page) -> None:
        many(page)
        click(page, f"#view-{view}")

    return show


STATES: dict[str, Callable[[Page], object]] = {
    "as it opens": lambda page: None,
    "details": open_details,
    "folded": fold,
    "found": search,
    "nothing found": search_in_vain,
    "logs": lambda page: click(page, "#view-logs"),
    "self time": lambda page: click(page, "#view-flame"),
    "services": lambda page: click(page, "#view-map"),
    "a long trace": many,
    **{f"a long trace's {view}": many_in(view) for view in ("logs", "flame", "map")},
    "names": lambda page: click(page, "#by-name"),
    "keys": lambda page: page.press("?"),
}


def faults(page: Page) -> list[str]:
    """What axe-core finds wrong, with the element."""
    page.evaluate(AXE.read_text("utf-8"))
    found = page.evaluate("axe.run({ resultTypes: ['violations'] }).then(done => done.violations)")
    return [
        f"{rule['id']}: {rule['help']}: {node['html'][:300]} {node['failureSummary']}"
        for rule in found
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(page: Page, state: str, width: int, *, dark: bool) -> None:
    page.look(width, 800, dark=dark)
    STATES[state](page)
    page.settle()
    assert faults(page) == []


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_text_is_readable_in_light_and_dark(page: Page, *, dark: bool) -> None:
    """Contrast is at least 4.5 to 1. Source: WCAG 2.1, level AA."""
    page.look(1280, 800, dark=dark)
    page.evaluate("document.querySelector('#traces-1').click()")
    page.evaluate("document.querySelector('#spans-3').click()")
    page.settle()
    worst = page.evaluate(Path(__file__).with_name("contrast.js").read_text())
    assert worst["ratio"] >= 4.5, worst
    assert (page.evaluate("getComputedStyle(document.body).color") != "rgb(28, 35, 48)") is dark


def test_colours_of_the_users_own_leave_bars_and_errors_to_see(page: Page) -> None:
    page.evaluate("document.querySelector('#traces-1').click()")
    features = [{"name": "forced-colors", "value": "active"}]
    page.call("Emulation.setEmulatedMedia", features=features)
    seen = page.evaluate(
        "['#spans-0 .bar', '#spans-3 .bar', 'body'].map(s => "
        "{const c = getComputedStyle(document.querySelector(s)); "
        "return [c.backgroundColor, c.backgroundImage]})"
    )
    plain, failed, behind = (tuple(one) for one in seen)
    assert len({plain, failed, behind}) == 3


def test_colours_of_the_users_own_leave_failed_blocks_and_calls_apart(page: Page) -> None:
    many(page)
    page.call("Emulation.setEmulatedMedia", features=[{"name": "forced-colors", "value": "active"}])
    click(page, "#view-flame")
    styles = page.evaluate(
        "['.block.has-error', '.block:not(.has-error):not(.whole)'].map(s => "
        "getComputedStyle(document.querySelector(s)).borderBottomStyle)"
    )
    assert styles == ["double", "solid"]
    click(page, "#view-map")
    assert any("✕" in text for text in texts(page, ".call-text")), "a sign, not a colour alone"
    drawn = page.evaluate(
        "[...document.querySelectorAll('.call')].map(e => getComputedStyle(e).stroke)"
    )
    assert set(drawn) == {page.evaluate("getComputedStyle(document.body).color")}
