"""The table of hazards names the tests that hold it."""

from __future__ import annotations

import re

import pytest

from tests import hazards

pytestmark = pytest.mark.once


def test_each_row_names_its_tests_and_no_other() -> None:
    table = hazards.TABLE.read_text("utf-8")

    written = hazards.with_tests(table, hazards.hazards(hazards.names_of_tests()))

    assert table == written, "run `make docs`"


def test_each_test_has_a_row_and_each_row_a_test() -> None:
    rows = hazards.numbers_of_rows(hazards.TABLE.read_text("utf-8"))

    assert rows == sorted(set(rows))
    assert set(rows) == hazards.hazards(hazards.names_of_tests()).keys()


def test_the_tests_of_the_specification_are_all_named() -> None:
    section = hazards.TABLE.read_text("utf-8").partition("## The specification\n")[2]
    named = re.findall(r"`(test_\w+)`", section)
    module = hazards.TABLE.parent / "runtime/test_specification.py"

    assert set(re.findall(r"^def (test_\w+)", module.read_text("utf-8"), re.MULTILINE)) <= set(
        named
    )
