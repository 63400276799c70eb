"""The table of what became of functions, which several commands print."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import click
from rich.table import Table
from rich.text import Text

from lambda_otel_lite_cdk.cli.console import wide_terminal
from lambda_otel_lite_cdk.cli.errors import CheckFailed
from lambda_otel_lite_cdk.functions.outcome import Outcome
from lambda_otel_lite_cdk.functions.reasons import Status

_STYLES = {Status.INSTRUMENTED: "green", Status.MISSING: "red"}
_KIB = 1024


@dataclass(frozen=True, kw_only=True)
class Row:
    """A function as the table and the JSON show it.

    Args:
        outcome: What became of it.
        updated: When it was last changed in the account, empty where that was not asked for.
        drift: What is deployed otherwise than synthesized.
        xray: The library by which it records for X-Ray, empty where there is none, or its spans
            are made already.
    """

    outcome: Outcome
    updated: str = ""
    drift: tuple[str, ...] = ()
    xray: str = ""


def print_rows(rows: Sequence[Row], *, as_json: bool, last: str = "layer") -> None:
    """Print functions.

    Args:
        rows: The functions, in any order.
        as_json: As JSON, in place of a table.
        last: The last column before the note: ``"layer"`` or ``"updated"``.
    """
    ordered = sorted(rows, key=lambda row: row.outcome.function)
    if as_json:
        shown = [
            {**asdict(row.outcome), "updated": row.updated, "drift": row.drift, "xray": row.xray}
            for row in ordered
        ]
        click.echo(json.dumps(shown, indent=2))
        return
    table = Table(box=None, header_style="bold")
    for column in ("function", "stack", "status", "mode", "service", last, "note"):
        table.add_column(column, overflow="fold", justify="right" if column == "layer" else "left")
    for row in ordered:
        one = row.outcome
        size = f"{one.layer_bytes // _KIB} KiB" if one.layer_bytes else ""
        texts = (one.mode, one.service, size if last == "layer" else row.updated, _note(row))
        status = Text(one.status, _STYLES.get(one.status, "dim"))
        # As Text, so that brackets in a name or a reason are not read as rich's markup.
        table.add_row(Text(one.function), Text(one.stack), status, *map(Text, texts))
    console = wide_terminal()
    console.print(table)
    counts = Counter(row.outcome.status for row in ordered)
    said = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    console.print(f"{len(ordered)} functions: {said or 'none'}")


def require_all(rows: Sequence[Row]) -> None:
    """End with exit code 1 if a Python function is not instrumented, or deployed otherwise."""
    missing = sorted(row.outcome.function for row in rows if row.outcome.status == Status.MISSING)
    if missing:
        raise CheckFailed(
            f"{len(missing)} Python function(s) not instrumented: {', '.join(missing)}"
        )
    drifted = sorted(row.outcome.function for row in rows if row.drift)
    if drifted:
        raise CheckFailed(
            f"{len(drifted)} function(s) deployed otherwise than synthesized: {', '.join(drifted)}"
        )


def _note(row: Row) -> str:
    outcome = row.outcome
    parts = [outcome.reason] if outcome.reason else []
    if outcome.overridden:
        parts.append(f"its own: {', '.join(outcome.overridden)}")
    parts += [f"{check}: {reason}" for check, reason in outcome.acknowledged.items()]
    if row.xray:
        parts.append(f'has {row.xray}: instrumentations=("xray",) makes spans of what it records')
    return "; ".join([*parts, *row.drift])
