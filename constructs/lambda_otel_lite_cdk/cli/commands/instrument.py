"""``lambda-otel instrument``: do to a template or an assembly what the constructs do to an app."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from lambda_otel_lite_cdk.cli import table
from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.rewrite.assembly import instrument_assembly, layer_resource
from lambda_otel_lite_cdk.cli.rewrite.documents import read_document
from lambda_otel_lite_cdk.cli.rewrite.template import (
    Instrumented,
    Origin,
    Wanted,
    instrument_template,
)
from lambda_otel_lite_cdk.cli.table import Row, print_rows
from lambda_otel_lite_cdk.errors import BundlingError, TelemetryError
from lambda_otel_lite_cdk.layer.build import stage_layer
from lambda_otel_lite_cdk.settings.settings import CONTEXT_PREFIX, TelemetrySettings

_SAM = "AWS::Serverless"


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
            done = instrument_assembly(_copied(source, output), wanted)
        else:
            done = _instrument_file(source, output or source, wanted)
    except BundlingError as error:
        raise UsageProblem(str(error)) from error
    rows = [Row(outcome=outcome) for outcome in done.outcomes]
    print_rows(rows, as_json=as_json)
    if done.unforwarded:
        _say_unforwarded(done.unforwarded)
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


def _copied(source: Path, output: Path | None) -> Path:
    """Return the assembly that is to be changed: a copy, unless there is no other place."""
    if output is None:
        return source
    if output.exists() and any(output.iterdir()):
        raise UsageProblem(f"{output} is not empty; give another folder, or remove it")
    shutil.copytree(source, output, symlinks=True, dirs_exist_ok=True)
    return output


def _instrument_file(source: Path, output: Path, wanted: Wanted) -> Instrumented:
    if output.resolve().parent != source.resolve().parent:
        raise UsageProblem(
            f"--output is {output}, in another folder than {source}: paths in the template would "
            f"lead nowhere. Write it beside the template"
        )
    document = read_document(source)

    def make_layer(python: str, package_for: str | None) -> dict[str, Any]:
        staged = stage_layer(python, package_for)
        name = f"lambda-otel-lite-python{python}{f'-{package_for}' if package_for else ''}.zip"
        shutil.copyfile(staged.path, output.parent / name)
        if _SAM in str(document.body.get("Transform", "")):
            content = {"ContentUri": name, "RetentionPolicy": "Delete"}
            return layer_resource(f"{_SAM}::LayerVersion", content, python, package_for)
        return layer_resource("AWS::Lambda::LayerVersion", {"Content": name}, python, package_for)

    origin = Origin(stack=source.stem, file=output.name)
    done = instrument_template(document.body, wanted, make_layer, origin)
    text = document.text()
    if not output.exists() or output.read_text("utf-8") != text:
        output.write_text(text, "utf-8")
    return done


def _say_unforwarded(functions: Iterable[str]) -> None:
    click.echo(
        f"Not forwarded, because their log groups are not in the template: {', '.join(functions)}. "
        f"Lambda makes such a log group at the first invocation. Forward all log groups of the "
        f"account by one policy instead, or write the log groups into the template.",
        err=True,
    )
