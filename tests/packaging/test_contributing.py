"""What CONTRIBUTING, SECURITY and the table of hazards say of the code is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests import hazards
from tests.packaging.test_sources import FLOORS

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
PACKAGES = ("runtime/lambda_otel_lite", "runtime/otlp_forwarder", "constructs/lambda_otel_lite_cdk")


@pytest.mark.parametrize("package", PACKAGES)
def test_the_page_lists_the_rooms_from_the_ground_up(package: str) -> None:
    section = PAGE.partition(f"`{package}`")[2].partition("\n#")[0]
    listed = re.findall(r"^\| `(\w+)(?:/|\.py)` \|", section, re.MULTILINE)
    floors = [line.split() for line in FLOORS[package].split("\n")]
    floor_of = {
        room: floor for floor, rooms in enumerate(floors) for room in rooms if room[0] != "_"
    }

    assert set(listed) == floor_of.keys()
    assert [floor_of[room] for room in listed] == sorted(floor_of.values())


def test_every_path_on_the_page_exists() -> None:
    named = re.findall(r"`((?:[\w.]+/)+[\w.]*|[\w/]+\.py)`", PAGE)
    homes = [ROOT, ROOT / "tests", *(ROOT / package for package in PACKAGES)]

    assert named
    assert [name for name in named if not any((home / name).exists() for home in homes)] == []


def test_the_floors_of_the_command_are_its_folders() -> None:
    named = set(re.findall(r"`cli/(\w+)/`", PAGE))
    folder = ROOT / "constructs/lambda_otel_lite_cdk/cli"

    assert named == {path.parent.name for path in folder.glob("*/__init__.py")}


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
