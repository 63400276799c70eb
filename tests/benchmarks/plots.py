"""The figures that README shows, drawn as PNG and SVG."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt

from tests.benchmarks.figure import Figure
from tests.benchmarks.subjects import BARE, OWN, OWN_UNCOMPILED

SHOWN = {"cold start to first response": "cold-start", "warm call, sync, 21 spans": "warm-call"}


def draw(figures: Sequence[Figure], folder: Path) -> None:
    """Draw what README shows.

    Args:
        figures: All figures of one run.
        folder: Where the pictures go.
    """
    mpl.use("Agg")
    # Without these an SVG is another one at every run.
    mpl.rcParams["svg.hashsalt"] = "lambda-otel-lite"
    for figure in figures:
        if figure.name in SHOWN:
            _draw(figure, folder / SHOWN[figure.name])


def _draw(figure: Figure, path: Path) -> None:
    names = sorted(figure.values, key=lambda name: figure.values[name].median, reverse=True)
    medians = [figure.values[name].median for name in names]
    low = [figure.values[name].median - figure.values[name].low for name in names]
    high = [figure.values[name].high - figure.values[name].median for name in names]
    colours = {OWN: "#0b6e4f", OWN_UNCOMPILED: "#6fb98f", BARE: "#9aa0a6"}
    drawing, axes = plt.subplots(figsize=(8, 0.45 * len(names) + 1.2))
    bars = axes.barh(
        names,
        medians,
        xerr=(low, high),
        color=[colours.get(name, "#c9ced6") for name in names],
        error_kw={"ecolor": "#5f6368", "capsize": 2},
    )
    axes.bar_label(bars, [f"{median:.0f}" for median in medians], padding=14, fontsize=9)
    axes.set_xlabel(f"{figure.name} [{figure.unit}], median and quartiles")
    axes.spines[["top", "right"]].set_visible(False)
    axes.margins(x=0.1)
    drawing.tight_layout()
    for kind, metadata in (("png", {"Software": None}), ("svg", {"Date": None})):
        drawing.savefig(path.with_suffix(f".{kind}"), dpi=150, metadata=metadata)
    plt.close(drawing)
