"""A browser, and the report in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Page, browser, find_chromium
from tests.cli.records import MS, span
from tests.e2e.reports import EPOCH, HOSTILE, logged, trace, write


@pytest.fixture(scope="session")
def chromium() -> Iterator[Page]:
    program = find_chromium()
    if program is None:
        why = "Chromium is not installed: run `make chromium`, or set CHROMIUM to its program"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(why)
    with browser(program) as page:
        yield page


@pytest.fixture
def page(chromium: Page, tmp_path: Path) -> Iterator[Page]:
    """A report of three traces in a wide light window, in which no test may cause an error."""
    spans = [
        *trace(1),
        *trace(2, failed=True, cold=True),
        *trace(3),
        span(
            "lost", "gone", name=HOSTILE, trace_id=f"{2:032x}", start_ns=EPOCH + 2 * 86_400_000 * MS
        ),
    ]
    chromium.look(1280, 800)
    chromium.open(write(tmp_path / "report.html", *spans, lines=logged(3)))
    chromium.settle()
    yield chromium
    wrong = [
        event
        for event in chromium.events
        if event.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")
        or event.get("method") == "Page.javascriptDialogOpening"
    ]
    assert not wrong
