"""Figures as text, and figures of an earlier run to hold them against."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.benchmarks.figure import Figure
from tests.benchmarks.measure import Spread
from tests.benchmarks.subjects import BARE, OWN

#: A ratio that is this much larger than it was is pointed out.
WORSE = 1.15
#: Around the bars in README.
BEGIN, END = "<!-- bars, written by make bench -->", "<!-- end of bars -->"


def table(figures: Sequence[Figure]) -> str:
    """Return a table in Markdown: every figure, then the bars.

    A figure is given as median (lower quartile to upper quartile), as ratio to the bare handler
    where that was measured too, and as what this project takes of it.
    """
    lines = [
        "",
        "| figure | subject | median (quartiles) | unit | x bare | this / it |",
        "|---|---|---|---|---|---|",
    ]
    for figure in figures:
        bare, own = figure.values.get(BARE), own_of(figure)
        for name, spread in figure.values.items():
            to_bare = f"{spread.median / bare.median:.2f}" if bare else ""
            to_it = f"{own.median / spread.median:.2f}"
            middle = f"{spread.median:.1f} ({spread.low:.1f}-{spread.high:.1f})"
            lines.append(
                f"| {figure.name} | {name} | {middle} | {figure.unit} | {to_bare} | {to_it} |"
            )
    return "\n".join(lines) + "\n\n" + bars(figures)


def bars(figures: Sequence[Figure]) -> str:
    """Return a table in Markdown: what the project asks of itself, bold where it is not met."""
    lines = ["| bar | measured | at most | floor |", "|---|---|---|---|"]
    for figure in figures:
        for bar in figure.bars:
            measured = f"{bar.measured:.2f}" if bar.met else f"**{bar.measured:.2f}**"
            floor = "" if bar.floor is None else f"{bar.floor:.2f}"
            lines.append(f"| {bar.text} | {measured} | {bar.limit:.2f} | {floor} |")
    return "\n".join(lines) + "\n"


def bars_of(table_text: str) -> str:
    """Return the bars of a table that `table` made."""
    return table_text.rpartition("\n\n")[2]


def with_bars(page: str, table_text: str) -> str:
    """Return a page whose block of bars has those of a table.

    Raises:
        ValueError: The page has no such block.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"the page has no block from {BEGIN} to {END}")
    return f"{before}{begin}\n{bars_of(table_text)}{end}{after}"


def own_of(figure: Figure) -> Spread:
    """Return this project's value: by its name, else the first."""
    return figure.values.get(OWN) or next(iter(figure.values.values()))


def save(figures: Sequence[Figure], path: Path) -> None:
    """Keep the figures for the next run."""
    kept = {
        figure.name: {
            "unit": figure.unit,
            "medians": {name: round(spread.median, 3) for name, spread in figure.values.items()},
        }
        for figure in figures
    }
    path.write_text(json.dumps(kept, indent=2) + "\n")


def load(path: Path) -> dict[str, dict[str, float]]:
    """Return the medians of an earlier run by figure and subject; empty where there was none."""
    if not path.exists():
        return {}
    kept = json.loads(path.read_text())
    return {figure: dict(found["medians"]) for figure, found in kept.items()}


def worse(figures: Sequence[Figure], earlier: dict[str, dict[str, float]]) -> Iterator[str]:
    """Yield a line for each of this project's figures that is worse than it was.

    Ratios are compared, not times: the machine may be another one.
    """
    for figure in figures:
        before = earlier.get(figure.name, {})
        reference = BARE if BARE in figure.values else list(figure.values)[-1]
        own = OWN if OWN in figure.values else next(iter(figure.values))
        if not {own, reference} <= before.keys() or not before[reference]:
            continue
        now = figure.values[own].median / figure.values[reference].median
        then = before[own] / before[reference]
        if now > then * WORSE:
            yield (
                f"worse than before: {figure.name}: {now:.2f} x {reference}, it was {then:.2f} x"
            )
