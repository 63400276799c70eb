"""The command's surface: arguments in, one call out. What does the work is imported on use."""

# ruff: noqa: PLC0415 - a command must not pay for the imports of the others.

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import IO

import click

from lambda_otel_lite_cdk.cli.errors import CheckFailed, UsageProblem
from lambda_otel_lite_cdk.interpreters import SUPPORTED_VERSIONS

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lambda-otel-lite", message="%(version)s")
def main() -> None:
    """Run the functions of a synthesized CDK app on this machine and look at their traces.

    Exit codes: 0 done, 1 the outcome is wrong, 2 something is missing or not valid.
    """
    # A plain SIGTERM would end this process and leave the emulator behind.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))


@main.command()
def demo() -> None:
    """Synthesize the repository's demo app, run it for real and show its trace."""
    from lambda_otel_lite_cdk.cli.demo import run_demo

    run_demo(Path.cwd())


@main.command()
@click.argument("log", type=click.File("r", encoding="utf-8", errors="replace"), default="-")
def decode(log: IO[str]) -> None:
    """Show the traces whose record lines stand in LOG (a file, or - for standard input)."""
    from lambda_otel_lite_cdk.cli.decode import Decoder
    from lambda_otel_lite_cdk.cli.waterfall import print_traces

    decoder = Decoder()
    spans = list(decoder.decode(log))
    print_traces(spans)
    for reason, count in decoder.malformed.items():
        click.echo(f"{count} malformed record(s): {reason}", err=True)
    if not spans:
        raise UsageProblem(f"{log.name} holds no spans; give the log of an instrumented function")


@main.command()
@click.argument("cdk_out", type=_FOLDER)
@click.argument("function")
@click.option(
    "--event",
    type=click.File("r", encoding="utf-8"),
    required=True,
    help="File with the event as JSON, or - for standard input.",
)
@click.option(
    "--param",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Value of a Ref (LogicalId) or Fn::GetAtt (LogicalId.Attribute); may be repeated.",
)
def invoke(cdk_out: Path, function: str, event: IO[str], parameters: tuple[str, ...]) -> None:
    """Run FUNCTION of the cloud assembly CDK_OUT under the Lambda emulator.

    FUNCTION is a logical id, a construct path or the end of one.
    """
    from lambda_otel_lite_cdk.cli.assembly import find_function, read_functions, read_templates
    from lambda_otel_lite_cdk.cli.decode import MARKER, Decoder
    from lambda_otel_lite_cdk.cli.emulator import Emulator
    from lambda_otel_lite_cdk.cli.waterfall import print_traces

    found = find_function(read_functions(read_templates(cdk_out)), function)
    try:
        body = json.load(event)
    except ValueError as error:
        raise UsageProblem(f"the event in {event.name} is not JSON: {error}") from error
    with Emulator(found, parameters=dict(map(_assignment, parameters))) as emulator:
        result = emulator.invoke(body)
    for line in result.log_lines:
        if MARKER not in line:
            click.echo(line, err=True)
    print_traces(list(Decoder().decode(result.log_lines)))
    if result.error:
        raise CheckFailed(f"{found.path} failed: {json.dumps(result.error)}")
    click.echo(json.dumps(result.payload, indent=2))


@main.command()
@click.argument("cdk_out", type=_FOLDER)
@click.option("--require-all", is_flag=True, help="Exit with 1 where a function is missing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of a table.")
def fleet(cdk_out: Path, require_all: bool, as_json: bool) -> None:  # noqa: FBT001 - click's way
    """Show which functions of the cloud assembly CDK_OUT are instrumented, and why others are not.

    The templates have the last word; reasons come from telemetry-coverage.json beside them.
    """
    from lambda_otel_lite_cdk.cli.fleet import missing, print_json, print_table, read_coverage

    outcomes = read_coverage(cdk_out)
    (print_json if as_json else print_table)(outcomes)
    if require_all and (paths := missing(outcomes)):
        raise CheckFailed(f"{len(paths)} Python function(s) not instrumented: {', '.join(paths)}")


@main.command()
@click.option("--python", required=True, type=click.Choice(SUPPORTED_VERSIONS))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path))
@click.option("--exporter", type=click.Choice(["native", "package"]), default="native")
@click.option("--architecture", type=click.Choice(["x86_64", "arm64"]), default="x86_64")
def layer(python: str, output: Path, exporter: str, architecture: str) -> None:
    """Build the telemetry layer, for Terraform, SAM and container images.

    OUTPUT is a folder, or an archive where it ends in .zip; both are the same bytes each time. The
    layer serves both architectures, unless it holds the exporter of otlp-stdout-span-exporter.
    """
    from lambda_otel_lite_cdk.cli.layer import build_layer

    built = build_layer(python, architecture if exporter == "package" else None, output)
    click.echo(f"{output} {built.asset_hash}")
    if not built.compiled:
        click.echo(
            f"It holds no byte code, because this machine has no Python {python}: every cold start "
            f"compiles it again.",
            err=True,
        )


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageProblem(f"--param is {text!r}; write it as NAME=VALUE")
    return name, value
