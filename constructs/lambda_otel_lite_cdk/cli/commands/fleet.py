"""``lambda-otel fleet``: show which functions of an app or an account are instrumented."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from lambda_otel_lite_cdk.cli import table
from lambda_otel_lite_cdk.cli.account.functions import Account
from lambda_otel_lite_cdk.cli.assembly.templates import Template, read_templates
from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.fleet import read_functions
from lambda_otel_lite_cdk.cli.table import Row, print_rows
from lambda_otel_lite_cdk.coverage.deployed import deployed_outcome, drift
from lambda_otel_lite_cdk.coverage.xray import xray_library


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

    What holds the X-Ray SDK or Powertools Tracer is named: its spans are a setting away.

    With --account it shows what is deployed: with CDK_OUT the functions of that app and where they
    differ from it, without it all functions of the account and region.
    """
    if not account and (region or profile):
        raise UsageProblem("--region and --profile are for --account; add --account")
    if cdk_out is None and not account:
        raise UsageProblem("give CDK_OUT, the folder that `cdk synth` wrote, or --account")
    # Products and StackSets are deployed to accounts that nobody knows here.
    templates = read_templates(cdk_out, apart=not account) if cdk_out else None
    rows = [
        *(
            _deployed(Account(region, profile), templates)
            if account
            else _synthesized(templates or [])
        )
    ]
    print_rows(rows, as_json=as_json, last="updated" if account else "layer")
    if require_all:
        table.require_all(rows)


def _synthesized(templates: list[Template]) -> Iterator[Row]:
    for template in templates:
        for logical_id, outcome in read_functions(template):
            properties = template.resources[logical_id].get("Properties", {})
            yield Row(outcome=outcome, xray=_xray(properties, template))


def _deployed(account: Account, templates: list[Template] | None) -> Iterator[Row]:
    deployed = account.functions()
    if templates is None:
        for one in deployed.values():
            yield Row(
                outcome=deployed_outcome(one.name, one.properties),
                updated=one.updated,
                xray=_xray(one.properties, None),
            )
        return
    for template in templates:
        made = account.made(template)
        for logical_id, outcome in read_functions(template):
            found = deployed.get(made.get(logical_id, ""))
            if found is None:
                yield Row(outcome=outcome, drift=("not deployed",))
                continue
            synthesized = template.resources[logical_id].get("Properties", {})
            layer = made.get(outcome.layer, "")
            yield Row(
                outcome=deployed_outcome(found.name, found.properties, outcome),
                updated=found.updated,
                drift=tuple(drift(synthesized, found.properties, layer)),
                xray=_xray(synthesized, template),
            )


def _xray(properties: Mapping[str, Any], template: Template | None) -> str:
    return xray_library(
        properties, template.resources if template else {}, template.assets if template else {}
    )
