"""Show what ways cost: as a table and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from lambda_otel_lite_cdk.cli.console import PIPE_COLUMNS, Terminal, wide_terminal
from lambda_otel_lite_cdk.cli.cost.load import Load
from lambda_otel_lite_cdk.cli.cost.overhead import Overhead
from lambda_otel_lite_cdk.cli.cost.prices import Prices
from lambda_otel_lite_cdk.cli.cost.ways import WayCost

_THOUSAND = 1000
_STEPS = ("", "k", "M", "bn")
#: Numbers below this have a digit behind the point.
_FEW = 10
_DOLLARS = ("functions", "logs", "forwarding", "backend")


def print_table(rows: Sequence[WayCost], load: Load, prices: Prices) -> None:
    """Print the ways with their cost, below what was asked; its parts where there is room.

    Args:
        rows: The ways.
        load: What a month brings.
        prices: What was reckoned with.
    """
    console = wide_terminal()
    table = _table(rows, _DOLLARS)
    if Terminal(width=PIPE_COLUMNS).measure(table).maximum > console.width:
        table = _table(rows, ())
    click.echo(asked(load, prices))
    console.print(table)
    click.echo(said_of(prices))


def _table(rows: Sequence[WayCost], parts: Sequence[str]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("way", "exported"):
        table.add_column(column)
    for column in (*parts, "$/month"):
        table.add_column(column, justify="right")
    table.add_column("first quota, times load", overflow="fold")
    for row in rows:
        table.add_row(
            Text(row.way),
            Text(row.exported),
            *(dollars(getattr(row, part)) for part in parts),
            Text(dollars(row.total), "bold"),
            Text(f"{row.quota.name}, {times(row.quota.factor)}"),
        )
    return table


def asked(load: Load, prices: Prices) -> str:
    """Return in a few sentences what is reckoned with."""
    memory = sorted({group.memory_mb for group in load.groups})
    sizes = f"{memory[0]}" if len(memory) == 1 else f"{memory[0]} to {memory[-1]}"
    plural = "s" * (load.functions != 1)
    return (
        f"{amount(load.functions)} function{plural} of {sizes} MB, each with "
        f"{amount(load.invocations)} invocations a month of {load.duration_ms:g} ms and "
        f"{load.spans:.3g} spans, in {prices.region}.\n"
        f"Dollars a month beyond what the functions cost untraced. ADOT, X-Ray and Datadog include "
        f"their backend, none the time waiting for one."
    )


def said_of(prices: Prices) -> str:
    """Return in a sentence where prices are from."""
    read = sorted({price.read for price in prices.prices.values()} - {"given"})
    parts = [f"Prices read on {', '.join(read)}; --json has each page, --price sets yours."]
    if unknown := prices.unknown():
        parts.append(f"Found on no page, so give --price: {', '.join(unknown)}.")
    return " ".join(parts)


def as_json(
    rows: Sequence[WayCost], load: Load, prices: Prices, overheads: Mapping[str, Overhead]
) -> dict[str, Any]:
    """Return everything for a program; what is not known is None.

    Args:
        rows: The ways.
        load: What a month brings.
        prices: What was reckoned with.
        overheads: What is added to the functions.
    """
    groups = [
        {**asdict(group), "keep": group.keep.written() if group.keep else None}
        for group in load.groups
    ]
    return {
        "load": {**asdict(load), "groups": groups},
        "ways": [_row(row) for row in rows],
        "region": prices.region,
        "prices": {name: asdict(price) for name, price in prices.prices.items()},
        "overheads": {name: asdict(overhead) for name, overhead in overheads.items()},
    }


def _row(row: WayCost) -> dict[str, Any]:
    quota = row.quota
    return {
        "way": row.way,
        "exported": row.exported,
        "share": round(row.share, 6),
        "usd": {name: _known(getattr(row, name), 4) for name in (*_DOLLARS, "total")},
        "quota": {
            "name": quota.name,
            "limit": quota.limit,
            "used": round(quota.used, 4),
            "times": _known(quota.factor, 2),
        },
    }


def _known(number: float, digits: int) -> float | None:
    return round(number, digits) if math.isfinite(number) else None


def dollars(number: float) -> str:
    """Return an amount of dollars; ``?`` if it is not known."""
    if math.isnan(number):
        return "?"
    return f"{number:,.2f}" if number < _THOUSAND else f"{number:,.0f}"


def times(factor: float) -> str:
    """Return how many times a load there could be; below 1 there is too much of it."""
    if factor < 1:
        return f"{factor:.1g}x"
    return f"{factor:,.1f}x" if factor < _FEW else f"{factor:,.0f}x"


def amount(number: float) -> str:
    """Return a number as people say it: 1.5M."""
    for step in _STEPS[:-1]:
        if number < _THOUSAND:
            return f"{number:.3g}{step}"
        number /= _THOUSAND
    return f"{number:.3g}{_STEPS[-1]}"
