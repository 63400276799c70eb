"""Write what `lambda-otel cost` says of the demo and of 200 functions into README: ``make docs``.

The 200 are those that ``make bench-synth`` synthesizes. A test compares.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from lambda_otel_lite_cdk.cli.assembly.synth import synthesize as synthesize_module
from lambda_otel_lite_cdk.cli.cost.show import dollars, times
from tests.benchmarks.synth import INSTRUMENTED, synthesize
from tests.pages import DOCS, README, ROOT

PLOT = DOCS / "cost.svg"
#: Stacks of the fleet, and functions in each.
FLEET = (10, 20)
#: The rows of the table, by way and by what is exported.
_SHOWN = (
    ("this, direct", "all"),
    ("this, Kinesis", "all"),
    ("this, direct", "ratio=0.05"),
    ("this, direct", "errors"),
    ("lambda-otel-lite 0.15", "all"),
    ("ADOT layer", "all"),
    ("X-Ray SDK", "all"),
    ("Datadog's extension", "all"),
)
_HEAD = "| | demo | 200 functions | first quota of the 200, at |\n|---|---|---|---|"
_TABLE = re.compile(r"<!-- costs, written by make docs -->\n(.*?)<!-- end of costs -->", re.DOTALL)

_Ways = dict[tuple[str, str], dict[str, Any]]


def main() -> None:
    """Write the table and the plot where they are not as the command prints them."""
    for path, text in written().items():
        if not path.exists() or text != path.read_text("utf-8"):
            path.write_text(text, "utf-8")
            print(f"docs: wrote {path.relative_to(ROOT)}")  # noqa: T201 - for whoever runs it


def written() -> dict[Path, str]:
    """Return README and the plot as the command has them."""
    with tempfile.TemporaryDirectory() as folder:
        demo, fleet = Path(folder, "demo"), Path(folder, "fleet")
        synthesize_module("lambda_otel_lite_cdk.demo.app", demo)
        synthesize(fleet, *FLEET, INSTRUMENTED)
        plot = Path(folder, "cost.svg")
        table = _table(_ways(demo), _ways(fleet, "--plot", str(plot)))
        drawn = plot.read_text("utf-8")
    text = README.read_text("utf-8")
    (found,) = _TABLE.finditer(text)
    return {README: text[: found.start(1)] + table + text[found.end(1) :], PLOT: drawn}


def _ways(assembly: Path, *options: str) -> _Ways:
    start = "from lambda_otel_lite_cdk.cli.main import main; main()"
    command = [sys.executable, "-c", start, "cost", str(assembly), "--json", *options]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return {(way["way"], way["exported"]): way for way in json.loads(done.stdout)["ways"]}


def _table(demo: _Ways, fleet: _Ways) -> str:
    rows = [
        (_name(*row), _total(demo[row]), _total(fleet[row]), _quota(fleet[row])) for row in _SHOWN
    ]
    return "\n".join((_HEAD, *(f"| {' | '.join(cells)} |" for cells in rows), ""))


def _name(way: str, exported: str) -> str:
    return way if exported == "all" else f"{way}, {exported}"


def _total(way: dict[str, Any]) -> str:
    total = way["usd"]["total"]
    return "?" if total is None else f"${dollars(total)}"


def _quota(way: dict[str, Any]) -> str:
    quota = way["quota"]
    return f"{quota['name']}, {times(quota['times'])}"


if __name__ == "__main__":
    main()
