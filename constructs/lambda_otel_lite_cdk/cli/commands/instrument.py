"""``lambda-otel instrument``: do to a template or an assembly what the constructs do to an app."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from lambda_otel_lite_cdk.cli import table
from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.rewrite.assembly import instrument_assembly
from lambda_otel_lite_cdk.cli.rewrite.documents import read_document, resources_of
from lambda_otel_lite_cdk.cli.rewrite.findings import MadeLayer
from lambda_otel_lite_cdk.cli.rewrite.layers import made_layer
from lambda_otel_lite_cdk.cli.rewrite.template import (
    Instrumented,
    Origin,
    Wanted,
    instrument_template,
)
from lambda_otel_lite_cdk.cli.table import Row, print_rows
from lambda_otel_lite_cdk.errors import BundlingError, TelemetryError
from lambda_otel_lite_cdk.functions.edge import functions_at_edge
from lambda_otel_lite_cdk.functions.reasons import Reason
from lambda_otel_lite_cdk.layer.build import stage_layer
from lambda_otel_lite_cdk.settings.settings import CONTEXT_PREFIX, TelemetrySettings

_SAM = "AWS::Serverless"
_SAM_LAYER = f"{_SAM}::LayerVersion"


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="What to write: a folder for an assembly, a file beside the template for a template.",
)
@click.option("--in-place", is_flag=True, help="Change SOURCE itself.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="A setting, named as in TelemetrySettings, such as mode=async; may be repeated.",
)
@click.option(
    "--only", multiple=True, metavar="PATTERN", help="Functions to instrument; may be repeated."
)
@click.option(
    "--skip", multiple=True, metavar="PATTERN", help="Functions to leave alone; may be repeated."
)
@click.option(
    "--forward-to", metavar="ARN", help="Subscribe the functions' log groups to this forwarder."
)
@click.option(
    "--role",
    metavar="ARN",
    help="The role that CloudWatch Logs writes with, where ARN is a stream.",
)
@click.option(
    "--require-all", is_flag=True, help="Exit with 1 if a Python function is not instrumented."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def instrument(  # noqa: PLR0913 - click's way
    *,
    source: Path,
    output: Path | None,
    in_place: bool,
    settings: tuple[str, ...],
    only: tuple[str, ...],
    skip: tuple[str, ...],
    forward_to: str | None,
    role: str | None,
    require_all: bool,
    as_json: bool,
) -> None:
    """Instrument a CDK app in any language, or a SAM or CloudFormation template.

    SOURCE is a cloud assembly, the folder that `cdk synth` wrote (deploy the result with `cdk
    deploy --app FOLDER`), or a template as YAML or JSON (use it with `sam build -t FILE` or `aws
    cloudformation package`). Doing it again changes nothing.

    A PATTERN is a path or logical id, in which * stands for anything: "Shop/*".
    """
    if (output is None) == (not in_place):
        raise UsageProblem("give either --output or --in-place")
    wanted = Wanted(
        settings=_settings(settings), only=only, skip=skip, forward_to=forward_to, role=role
    )
    try:
        if source.is_dir():
            with _copied(source, output) as folder:
                done = instrument_assembly(folder, wanted)
        else:
            done = _instrument_file(source, output or source, wanted)
    except BundlingError as error:
        raise UsageProblem(str(error)) from error
    rows = [Row(outcome=outcome) for outcome in done.outcomes]
    print_rows(rows, as_json=as_json)
    for warning in done.warnings:
        click.echo(f"warning: {warning}", err=True)
    if require_all:
        table.require_all(rows)


def _settings(given: Iterable[str]) -> TelemetrySettings:
    values: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageProblem(f"--set is {text!r}; write it as NAME=VALUE")
        values[CONTEXT_PREFIX + name] = value
    try:
        settings = TelemetrySettings.from_context(values)
        settings.check("--set")
    except TelemetryError as error:
        raise UsageProblem(str(error).replace("CDK context: the key", "--set:")) from error
    if conflicts := [*settings.conflicts()]:
        raise UsageProblem(f"--set: {' '.join(conflicts)}")
    return settings


@contextmanager
def _copied(source: Path, output: Path | None) -> Iterator[Path]:
    """Give the assembly that is to be changed: a copy, unless there is no other place."""
    if output is None:
        yield source
        return
    if output.exists() and any(output.iterdir()):
        raise UsageProblem(f"{output} is not empty; give another folder, or remove it")
    try:
        shutil.copytree(source, output, symlinks=True, dirs_exist_ok=True)
        yield output
    except BaseException:
        # Nobody deploys a half.
        shutil.rmtree(output, ignore_errors=True)
        raise


def _instrument_file(source: Path, output: Path, wanted: Wanted) -> Instrumented:
    if output.resolve().parent != source.resolve().parent:
        raise UsageProblem(
            f"--output is {output}, in another folder than {source}: paths in the template would "
            f"lead nowhere. Write it beside the template"
        )
    document = read_document(source)

    def make_layer(python: str, package_for: str | None) -> MadeLayer:
        staged = stage_layer(python, package_for)
        name = f"lambda-otel-lite-python{python}{f'-{package_for}' if package_for else ''}.zip"
        shutil.copyfile(staged.path, output.parent / name)
        kind, content = "AWS::Lambda::LayerVersion", {"Content": name}
        if _SAM in str(document.body.get("Transform", "")):
            kind, content = _SAM_LAYER, {"ContentUri": name, "RetentionPolicy": "Delete"}
        return made_layer(kind, content, staged, python, package_for)

    def asset_of(location: Any) -> Path | None:
        # A path in a template is one from the template.
        path = source.parent / location if isinstance(location, str) else None
        return path if path and path.exists() else None

    exempt = {
        logical_id: Reason.AT_EDGE.because()
        for _, logical_id in functions_at_edge({"": resources_of(document.body)})
    }
    origin = Origin(stack=source.stem, file=output.name, exempt=exempt, asset_of=asset_of)
    done = instrument_template(document.body, wanted, make_layer, origin)
    text = document.text()
    if not output.exists() or output.read_text("utf-8") != text:
        output.write_text(text, "utf-8")
    return done
