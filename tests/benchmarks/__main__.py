"""Measure everything, print the table, keep the figures and draw them: ``make bench``."""

import argparse
import platform
import sys
from pathlib import Path

from lambda_otel_lite_cdk.layer.interpreters import SUPPORTED_VERSIONS
from tests.benchmarks import overhead, plots, report
from tests.benchmarks.figures import collect
from tests.pages import README

RESULTS = Path(__file__).parent / "results"


def main() -> int:
    """Run the benchmarks; exit with 0 whatever the figures are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="measurements of each figure")
    parser.add_argument(
        "--save", action="store_true", help="keep figures and plots, and write the bars into README"
    )
    parser.add_argument("--before", type=Path, help="layer of an older commit, measured as well")
    options = parser.parse_args()
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    python = running if running in SUPPORTED_VERSIONS else SUPPORTED_VERSIONS[-1]
    figures = collect(python, options.rounds, options.before)
    text = f"Python {python} on {platform.machine()}, medians of {options.rounds} rounds\n"
    text += report.table(figures)
    print(text)
    earlier = report.load(RESULTS / "figures.json")
    for line in report.worse(figures, earlier):
        print(line)
    if options.save:
        RESULTS.mkdir(exist_ok=True)
        report.save(figures, RESULTS / "figures.json")
        (RESULTS / "table.md").write_text(text)
        README.write_text(report.with_bars(README.read_text("utf-8"), text), "utf-8")
        plots.draw(figures, RESULTS)
        overhead.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
