"""What CONTRIBUTING, SECURITY and the table of hazards say of the code is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import hazards

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
#: The packages, and the folders that rooms named on the page are looked for in.
PACKAGES = ("runtime/lambda_otel_lite", "runtime/otlp_forwarder", "constructs/lambda_otel_lite_cdk")


def folders_of(package: str) -> set[str]:
    folder = ROOT / package
    return {path.name for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__"}


@pytest.mark.parametrize("package", PACKAGES)
def test_the_page_has_a_row_for_each_room(package: str) -> None:
    section = PAGE.partition(f"`{package}`")[2].partition("\n#")[0]
    rooms = re.findall(r"^\| \d* ?\| ((?:`[\w./]+`(?:, )?)+) \|", section, re.MULTILINE)
    named = [name for room in rooms for name in re.findall(r"`([\w./]+)`", room)]

    assert {name.rstrip("/") for name in named if name.endswith("/")} == folders_of(package)
    assert [name for name in named if not (ROOT / package / name).exists()] == []


def test_every_path_on_the_page_exists() -> None:
    named = re.findall(r"`((?:[\w.]+/)+[\w.]*|[\w/]+\.py)`", PAGE)
    homes = [ROOT, ROOT / "tests", *(ROOT / package for package in PACKAGES)]

    assert named
    assert [name for name in named if not any((home / name).exists() for home in homes)] == []


def test_the_floors_of_the_command_are_its_folders() -> None:
    named = set(re.findall(r"`cli/(\w+)/`", PAGE))

    assert named == folders_of("constructs/lambda_otel_lite_cdk/cli")


@pytest.mark.parametrize("document", ["SECURITY.md", "tests/HAZARDS.md"])
def test_every_test_that_is_named_exists(document: str) -> None:
    named = re.findall(r"`(test_\w+)`", (ROOT / document).read_text("utf-8"))

    assert named
    assert set(named) - set(hazards.names_of_tests()) == set()


def test_each_promise_has_a_test() -> None:
    rows = re.findall(
        r"^\| (?!promise|---)(.+) \| (.+) \|$", (ROOT / "SECURITY.md").read_text(), re.MULTILINE
    )

    assert len(rows) >= 10
    assert [promise for promise, tests in rows if "`test_" not in tests] == []
