"""``lambda-otel fleet``: show which functions of a synthesized app are instrumented."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lambda_otel_lite_cdk.cli.assembly.templates import read_templates
from lambda_otel_lite_cdk.cli.errors import CheckFailed, UsageProblem
from lambda_otel_lite_cdk.coverage.templates import functions_of
from lambda_otel_lite_cdk.functions.outcome import Outcome, read_report
from lambda_otel_lite_cdk.functions.reasons import Status

_STYLES = {Status.INSTRUMENTED: "green", Status.MISSING: "red"}
_KIB = 1024
#: A file or a pipe has no width, so nothing in it needs to be folded.
_PIPE_COLUMNS = 240


@click.command()
@click.argument("cdk_out", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--require-all", is_flag=True, help="Exit with 1 if a Python function is not instrumented."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def fleet(cdk_out: Path, require_all: bool, as_json: bool) -> None:  # noqa: FBT001 - click's way
    """Show which functions of an app are instrumented, and why others are not.

    CDK_OUT is the cloud assembly, the folder that `cdk synth` wrote. Its templates say what is
    deployed; the reasons come from telemetry-coverage.json beside them.
    """
    outcomes = _read_outcomes(cdk_out)
    if as_json:
        click.echo(json.dumps([asdict(outcome) for outcome in outcomes], indent=2))
    else:
        _print_table(outcomes)
    missing = [one.function for one in outcomes if one.status == Status.MISSING]
    if require_all and missing:
        raise CheckFailed(
            f"{len(missing)} Python function(s) not instrumented: {', '.join(missing)}"
        )


def _read_outcomes(assembly: Path) -> list[Outcome]:
    """Return what became of each function of an assembly, in the order of their paths."""
    outcomes: list[Outcome] = []
    for template in read_templates(assembly):
        try:
            report = read_report(template.file.parent)
        except ValueError as error:
            raise UsageProblem(str(error)) from error
        outcomes += [outcome for _, outcome in functions_of(template.file, report)]
    return sorted(outcomes, key=lambda outcome: outcome.function)


def _print_table(outcomes: list[Outcome]) -> None:
    table = Table(box=None, header_style="bold")
    for column in ("function", "stack", "status", "mode", "service", "layer", "note"):
        table.add_column(column, overflow="fold", justify="right" if column == "layer" else "left")
    for one in outcomes:
        size = f"{one.layer_bytes // _KIB} KiB" if one.layer_bytes else ""
        texts = (one.mode, one.service, size, _note(one))
        status = Text(one.status, _STYLES.get(one.status, "dim"))
        # As Text, so that brackets in a name or a reason are not read as rich's markup.
        table.add_row(Text(one.function), Text(one.stack), status, *map(Text, texts))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPE_COLUMNS)
    console.print(table)
    counts = Counter(one.status for one in outcomes)
    said = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    console.print(f"{len(outcomes)} functions: {said or 'none'}")


def _note(outcome: Outcome) -> str:
    parts = [outcome.reason] if outcome.reason else []
    if outcome.overridden:
        parts.append(f"its own: {', '.join(outcome.overridden)}")
    parts += [f"{check}: {reason}" for check, reason in outcome.acknowledged.items()]
    return "; ".join(parts)
