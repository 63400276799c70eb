"""Draw what ways cost by the size of a fleet, as an SVG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from xml.sax.saxutils import escape

from lambda_otel_lite_cdk.cli.cost.load import Load
from lambda_otel_lite_cdk.cli.cost.overhead import Overhead
from lambda_otel_lite_cdk.cli.cost.prices import Prices
from lambda_otel_lite_cdk.cli.cost.show import amount
from lambda_otel_lite_cdk.cli.cost.ways import WayCost, rows
from lambda_otel_lite_cdk.cli.errors import UsageProblem

#: Sizes of the fleet: a function to ten thousand, ten steps for ten times as many.
_DECADES, _STEPS = 4, 10
_SIZES = [10 ** (step / _STEPS) for step in range(_DECADES * _STEPS + 1)]
_WIDTH, _HEIGHT = 860, 420
#: Of the lines, in the picture.
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 520, 20, 370
_LEGEND, _LEGEND_STEP = 540, 24
#: Told apart by people who do not see red and green as well.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
#: By turns, so that of two lines that nearly fall together both are seen.
_DASHES = ("none", "7 5")
_HEAD = (
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
    f'font-family="sans-serif" font-size="12" role="img">'
)


def draw(load: Load, prices: Prices, overheads: Mapping[str, Overhead]) -> str:
    """Return a picture with a line for each way, and on it where its first quota is reached.

    Args:
        load: What a month brings; the size of its fleet is what changes.
        prices: Of a region. A way whose price is not known is left out.
        overheads: What is added to the functions.

    Raises:
        UsageProblem: No way costs anything.
    """
    by_size = [rows(_sized(load, size), prices, overheads) for size in _SIZES]
    lines = _distinct([[found[place] for found in by_size] for place in range(len(by_size[0]))])
    if not lines:
        raise UsageProblem(
            "--plot has nothing to draw, for all that is known to cost anything is 0"
        )
    lines.sort(key=lambda line: -line[-1].total)
    # Whole decades, so that each has a mark.
    low = math.floor(math.log10(min(row.total for line in lines for row in line)))
    high = math.ceil(math.log10(max(row.total for line in lines for row in line)))
    high = max(high, low + 1)
    title = "Dollars a month by the size of the fleet"
    parts = [
        _HEAD,
        f"<title>{title}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        *_axes(load, low, high),
        *(part for number, line in enumerate(lines) for part in _line(number, line, low, high)),
        _text(_LEGEND, _legend_y(len(lines)) + 4, "dot: the first quota is reached"),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _sized(load: Load, functions: float) -> Load:
    """Return the load of another number of functions, of the same kinds."""
    scale = functions / load.functions
    groups = (replace(group, functions=group.functions * scale) for group in load.groups)
    return replace(load, groups=tuple(groups))


def _distinct(lines: Sequence[list[WayCost]]) -> list[list[WayCost]]:
    """Return the lines that can be drawn, and of those that fall together the first."""
    found: dict[tuple[float, ...], list[WayCost]] = {}
    for line in lines:
        totals = tuple(row.total and float(f"{row.total:.9g}") for row in line)
        # The scale has no place for 0.
        if all(total > 0 for total in totals):
            found.setdefault(totals, line)
    return list(found.values())


def _axes(load: Load, low: int, high: int) -> Iterator[str]:
    for decade in range(_DECADES + 1):
        x = _x(10**decade)
        yield _rule(x, _TOP, x, _BOTTOM)
        yield _text(x, _BOTTOM + 18, f"{10**decade:,}", "middle")
    for power in range(low, high + 1):
        y = _y(10.0**power, low, high)
        yield _rule(_LEFT, y, _RIGHT, y)
        yield _text(_LEFT - 6, y + 4, f"${amount(10.0**power)}", "end")
    below = f"functions, each with {amount(load.invocations)} invocations a month"
    yield _text((_LEFT + _RIGHT) / 2, _BOTTOM + 38, below, "middle")


def _line(number: int, line: list[WayCost], low: int, high: int) -> Iterator[str]:
    colour = _COLOURS[number % len(_COLOURS)]
    dashes = f'stroke-dasharray="{_DASHES[number % len(_DASHES)]}"'
    places = [(_x(size), _y(row.total, low, high)) for size, row in zip(_SIZES, line, strict=True)]
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" {dashes}/>'
    reached = next((place for place, row in enumerate(line) if row.quota.factor <= 1), None)
    if reached is not None:
        x, y = places[reached]
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>'
    y = _legend_y(number)
    yield (
        f'<line x1="{_LEGEND}" y1="{y}" x2="{_LEGEND + 24}" y2="{y}" stroke="{colour}" '
        f'stroke-width="2" {dashes}/>'
    )
    yield _text(_LEGEND + 30, y + 4, f"{line[0].way}, {line[0].exported}")


def _legend_y(number: int) -> int:
    return _TOP + 10 + number * _LEGEND_STEP


def _x(functions: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * math.log10(functions) / _DECADES


def _y(dollars: float, low: int, high: int) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * (math.log10(dollars) - low) / (high - low)


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#e5e7eb"/>'


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
