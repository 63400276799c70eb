"""The tests of each row in `HAZARDS.md`; ``make docs`` writes them down there."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

TABLE = Path(__file__).with_name("HAZARDS.md")
_TEST = re.compile(r"^ *(?:async )?def (test_\w+)", re.MULTILINE)
_HAZARD = re.compile(r"test_hazard_(\d\d)_(\w+)")
_ROW = re.compile(r"^\| (?P<number>\d+) \|(?P<texts>.*\|)(?P<tests>[^|]*)\|$", re.MULTILINE)


def names_of_tests() -> list[str]:
    """Return the name of each test function."""
    modules = sorted(TABLE.parent.rglob("test_*.py"))
    return [name for module in modules for name in _TEST.findall(module.read_text("utf-8"))]


def hazards(names: list[str]) -> dict[int, list[str]]:
    """Return the tests of each hazard, without the prefix that they share."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for match in filter(None, map(_HAZARD.fullmatch, names)):
        found[int(match[1])].append(match[2])
    return {number: sorted(tests) for number, tests in found.items()}


def numbers_of_rows(table: str) -> list[int]:
    """Return the numbers of all rows, in their order."""
    return [int(match["number"]) for match in _ROW.finditer(table)]


def with_tests(table: str, tests: dict[int, list[str]]) -> str:
    """Return the document with the given tests in its rows."""

    def written(row: re.Match[str]) -> str:
        cell = "<br>".join(f"`{name}`" for name in tests.get(int(row["number"]), []))
        return f"| {row['number']} |{row['texts']} {cell} |"

    return _ROW.sub(written, table)


def main() -> None:
    """Write the last column."""
    tests = hazards(names_of_tests())
    TABLE.write_text(with_tests(TABLE.read_text("utf-8"), tests), "utf-8")


if __name__ == "__main__":
    main()
