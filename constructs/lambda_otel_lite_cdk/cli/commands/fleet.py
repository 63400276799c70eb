"""``lambda-otel fleet``: show which functions of an app or an account are instrumented."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lambda_otel_lite_cdk.cli.account.functions import Account
from lambda_otel_lite_cdk.cli.assembly.templates import Template, read_templates
from lambda_otel_lite_cdk.cli.errors import CheckFailed, UsageProblem
from lambda_otel_lite_cdk.coverage.deployed import deployed_outcome, drift
from lambda_otel_lite_cdk.coverage.templates import functions_of
from lambda_otel_lite_cdk.functions.outcome import Outcome, read_report
from lambda_otel_lite_cdk.functions.reasons import Status

_STYLES = {Status.INSTRUMENTED: "green", Status.MISSING: "red"}
_KIB = 1024
#: A file or a pipe has no width, so nothing in it needs to be folded.
_PIPE_COLUMNS = 240


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A function as the table and the JSON show it.

    Args:
        outcome: What became of it.
        updated: When it was last changed in the account, empty where that was not asked for.
        drift: What is deployed otherwise than synthesized.
    """

    outcome: Outcome
    updated: str = ""
    drift: tuple[str, ...] = ()


@click.command()
@click.argument("cdk_out", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option(
    "--require-all",
    is_flag=True,
    help="Exit with 1 if a Python function is not instrumented, or deployed otherwise.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--account", is_flag=True, help="Show what is deployed, by the Lambda API.")
@click.option("--region", help="Region of --account. Default: that of your AWS configuration.")
@click.option("--profile", help="AWS profile of --account. Default: your usual credentials.")
def fleet(  # noqa: PLR0913 - click's way
    *,
    cdk_out: Path | None,
    require_all: bool,
    as_json: bool,
    account: bool,
    region: str | None,
    profile: str | None,
) -> None:
    """Show which functions of an app are instrumented, and why others are not.

    CDK_OUT is the cloud assembly, the folder that `cdk synth` wrote. Its templates say what will
    be deployed; the reasons come from telemetry-coverage.json beside them.

    With --account it shows what is deployed: with CDK_OUT the functions of that app and where they
    differ from it, without it all functions of the account and region.
    """
    if not account and (region or profile):
        raise UsageProblem("--region and --profile are for --account; add --account")
    if cdk_out is None and not account:
        raise UsageProblem("give CDK_OUT, the folder that `cdk synth` wrote, or --account")
    templates = read_templates(cdk_out) if cdk_out else None
    rows = sorted(
        _deployed(Account(region, profile), templates)
        if account
        else _synthesized(templates or []),
        key=lambda row: row.outcome.function,
    )
    if as_json:
        shown = [
            {**asdict(row.outcome), "updated": row.updated, "drift": row.drift} for row in rows
        ]
        click.echo(json.dumps(shown, indent=2))
    else:
        _print_table(rows, deployed=account)
    if require_all:
        _require(rows)


def _require(rows: list[_Row]) -> None:
    missing = [row.outcome.function for row in rows if row.outcome.status == Status.MISSING]
    if missing:
        raise CheckFailed(
            f"{len(missing)} Python function(s) not instrumented: {', '.join(missing)}"
        )
    drifted = [row.outcome.function for row in rows if row.drift]
    if drifted:
        raise CheckFailed(
            f"{len(drifted)} function(s) deployed otherwise than synthesized: {', '.join(drifted)}"
        )


def _outcomes(template: Template) -> Iterator[tuple[str, Outcome]]:
    try:
        report = read_report(template.file.parent)
    except ValueError as error:
        raise UsageProblem(str(error)) from error
    yield from functions_of(template.file, report)


def _synthesized(templates: list[Template]) -> Iterator[_Row]:
    for template in templates:
        yield from (_Row(outcome=outcome) for _, outcome in _outcomes(template))


def _deployed(account: Account, templates: list[Template] | None) -> Iterator[_Row]:
    deployed = account.functions()
    if templates is None:
        for one in deployed.values():
            yield _Row(outcome=deployed_outcome(one.name, one.properties), updated=one.updated)
        return
    for template in templates:
        made = account.made(template)
        for logical_id, outcome in _outcomes(template):
            found = deployed.get(made.get(logical_id, ""))
            if found is None:
                yield _Row(outcome=outcome, drift=("not deployed",))
                continue
            synthesized = template.resources[logical_id].get("Properties", {})
            layer = made.get(outcome.layer, "")
            yield _Row(
                outcome=deployed_outcome(found.name, found.properties, outcome),
                updated=found.updated,
                drift=tuple(drift(synthesized, found.properties, layer)),
            )


def _print_table(rows: list[_Row], *, deployed: bool) -> None:
    table = Table(box=None, header_style="bold")
    last = "updated" if deployed else "layer"
    for column in ("function", "stack", "status", "mode", "service", last, "note"):
        table.add_column(column, overflow="fold", justify="right" if column == "layer" else "left")
    for row in rows:
        one = row.outcome
        size = f"{one.layer_bytes // _KIB} KiB" if one.layer_bytes else ""
        texts = (one.mode, one.service, row.updated if deployed else size, _note(row))
        status = Text(one.status, _STYLES.get(one.status, "dim"))
        # As Text, so that brackets in a name or a reason are not read as rich's markup.
        table.add_row(Text(one.function), Text(one.stack), status, *map(Text, texts))
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPE_COLUMNS)
    console.print(table)
    counts = Counter(row.outcome.status for row in rows)
    said = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    console.print(f"{len(rows)} functions: {said or 'none'}")


def _note(row: _Row) -> str:
    outcome = row.outcome
    parts = [outcome.reason] if outcome.reason else []
    if outcome.overridden:
        parts.append(f"its own: {', '.join(outcome.overridden)}")
    parts += [f"{check}: {reason}" for check, reason in outcome.acknowledged.items()]
    return "; ".join([*parts, *row.drift])
