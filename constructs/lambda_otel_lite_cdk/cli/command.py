"""The command's surface: arguments in, one call out. What does the work is imported on use."""

# ruff: noqa: PLC0415 - a command must not pay for the imports of the others.

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import IO

import click

from lambda_otel_lite_cdk.cli.errors import CheckFailed, UsageProblem

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lambda-otel-lite", message="%(version)s")
def main() -> None:
    """Run the functions of a synthesized CDK app on this machine and look at their traces.

    Exit codes: 0 done, 1 the outcome is wrong, 2 something is missing or not valid.
    """
    # A plain SIGTERM would end this process and leave the emulator behind.
    signal.signal(signal.SIGTERM, exit_on_signal)


def exit_on_signal(number: int, _frame: FrameType | None) -> None:
    """End by an exception, so that what was started is ended too; 128 + number as shells do."""
    sys.exit(128 + number)


@main.command()
def demo() -> None:
    """Synthesize the repository's demo app, run it for real and show its trace."""
    from lambda_otel_lite_cdk.cli.demo import run_demo

    run_demo(Path.cwd())


@main.command()
@click.argument("log", default="-")
@click.option(
    "--format",
    "form",
    type=click.Choice(["waterfall", "json", "otlp-json", "html"]),
    help="waterfall (default): drawn here; json: a line for each span; "
    "otlp-json: a line for each record, in OTLP's JSON; html: a report for a browser.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write."
)
@click.option("--keep-logs", is_flag=True, help="Pass lines without a record through.")
@click.option("--details", is_flag=True, help="Show all attributes, events and links.")
@click.option("--strict", is_flag=True, help="Exit with 1 where a record is malformed.")
def decode(  # noqa: PLR0913 - one per option
    log: str,
    *,
    form: str | None,
    as_json: bool,
    output: Path | None,
    keep_logs: bool,
    details: bool,
    strict: bool,
) -> None:
    """Show the traces whose record lines stand in LOG (a file, or - for standard input).

    LOG may be what a function printed, what `aws logs tail` or `aws logs filter-log-events`
    prints, or an export of CloudWatch Logs; gzipped or not. It is read as it comes: with
    `aws logs tail --follow GROUP | lambda-otel decode --keep-logs`, each trace is drawn once it
    has been quiet for two seconds.
    """
    from lambda_otel_lite_cdk.cli.decoding import DecodeOptions, run_decode

    if as_json and form not in (None, "json"):
        raise UsageProblem(f"--json and --format {form} contradict each other; give one of them")
    options = DecodeOptions(
        form=form or ("json" if as_json else "waterfall"),
        output=output,
        keep_logs=keep_logs,
        details=details,
        strict=strict,
    )
    run_decode(log, options)


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


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageProblem(f"--param is {text!r}; write it as NAME=VALUE")
    return name, value
