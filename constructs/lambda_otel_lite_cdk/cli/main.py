"""The command's surface: arguments in, one call out. What does the work is imported on use."""

# ruff: noqa: PLC0415 - a command must not pay for the imports of the others.

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

import click

from lambda_otel_lite_cdk.cli.errors import CheckFailed, OneLineGroup, UsageProblem
from lambda_otel_lite_cdk.layer.interpreters import SUPPORTED_VERSIONS

_FOLDER = click.Path(path_type=Path, file_okay=False)
_ASSEMBLY = "cdk.out"


@click.group(cls=OneLineGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lambda-otel-lite", message="%(version)s")
def main() -> None:
    """Run the functions of a synthesized CDK app on this machine and look at their traces.

    Exit codes: 0 done; 1 the outcome is wrong (a function failed, a record is malformed under
    --strict); 2 something is missing or not valid, told in one line; 128 + N ended by signal N.
    """
    # A plain SIGTERM would end this process and leave the emulator behind.
    signal.signal(signal.SIGTERM, exit_on_signal)


def exit_on_signal(number: int, _frame: FrameType | None) -> None:
    """End by an exception, so that what was started is ended too; 128 + number as shells do."""
    sys.exit(128 + number)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the spans as JSON, one in a line.")
def demo(*, as_json: bool) -> None:
    """Run the repository's demo app for real and show its trace.

    The app is synthesized first; what runs is what would be deployed.
    """
    from lambda_otel_lite_cdk.cli.emulator.toolchain import require_linux

    require_linux()
    from lambda_otel_lite_cdk.cli.commands.demo import run_demo

    run_demo(Path.cwd(), as_json=as_json)


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
    """Show the traces of a log, or write them down.

    LOG is a file, or - for standard input (the default). It may be what a function printed, what
    `aws logs tail` or `aws logs filter-log-events` prints, or an export of CloudWatch Logs;
    gzipped or not. It is read as it comes: with `aws logs tail --follow GROUP | lambda-otel
    decode --keep-logs`, each trace is drawn once it has been quiet for two seconds.
    """
    from lambda_otel_lite_cdk.cli.commands.decode import DecodeOptions, run_decode

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


def _function_names(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Complete a function's name from the assembly that stands before it, or from cdk.out."""
    from lambda_otel_lite_cdk.cli.assembly.functions import function_names

    given = context.params.get("names") or ()
    try:
        names = function_names(Path(given[0] if given else _ASSEMBLY))
    except UsageProblem:
        return []
    return [name for name in names if name.startswith(begun)]


@main.command()
@click.argument(
    "names", nargs=-1, required=True, metavar="[CDK_OUT] FUNCTION", shell_complete=_function_names
)
@click.option(
    "--event",
    metavar="FILE",
    help="File with the event as JSON, or - for standard input; default: {}.",
)
@click.option(
    "--env",
    "variables",
    multiple=True,
    metavar="NAME=VALUE",
    help="Environment variable in place of the function's own; may be repeated.",
)
@click.option(
    "--param",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    help="Value of a Ref (LogicalId) or Fn::GetAtt (LogicalId.Attribute); may be repeated.",
)
@click.option(
    "--layer",
    "layers",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder or zip file of a layer that is not in the assembly; may be repeated.",
)
@click.option(
    "--source", type=_FOLDER, help="Take the code from here, not from the assembly's copy."
)
@click.option(
    "--repeat", type=click.IntRange(min=1), default=1, metavar="N", help="Invoke N times."
)
@click.option("--watch", is_flag=True, help="Run again whenever code or event changes.")
@click.option("--details", is_flag=True, help="Show all attributes, events and links.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON per invocation.")
def invoke(  # noqa: PLR0913 - one per option
    names: tuple[str, ...],
    *,
    event: str | None,
    variables: tuple[str, ...],
    parameters: tuple[str, ...],
    layers: tuple[Path, ...],
    source: Path | None,
    repeat: int,
    watch: bool,
    details: bool,
    as_json: bool,
) -> None:
    """Run a function as it was synthesized, without AWS.

    FUNCTION is a logical id in the cloud assembly CDK_OUT (default: cdk.out), a construct path or
    the end of one. It runs under AWS's Lambda emulator with its own code,
    layers, environment and timeout. With --repeat, the first run is a cold start and the others
    are warm; both are shown. With --watch, `cdk synth` renews what is run, or give --source.
    """
    from lambda_otel_lite_cdk.cli.emulator.toolchain import require_linux

    require_linux()
    from lambda_otel_lite_cdk.cli.commands.invoke import InvokeOptions, run_invoke, run_watching

    if len(names) > 2:  # noqa: PLR2004 - the assembly and the function
        raise UsageProblem(
            f"one function at a time, not {', '.join(names)}; give [CDK_OUT] FUNCTION"
        )
    options = InvokeOptions(
        assembly=Path(names[0] if len(names) > 1 else _ASSEMBLY),
        function=names[-1],
        event=event,
        variables=dict(_assignment("--env", text) for text in variables),
        parameters=dict(_assignment("--param", text) for text in parameters),
        layers=layers,
        source=source,
        repeat=repeat,
        as_json=as_json,
        details=details,
    )
    (run_watching if watch else run_invoke)(options)


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that completes this command in a shell.

    Bash: add `eval "$(lambda-otel completion bash)"` to ~/.bashrc; zsh: the same with zsh in
    ~/.zshrc; fish: `lambda-otel completion fish > ~/.config/fish/completions/lambda-otel.fish`.
    """
    from click.shell_completion import get_completion_class

    complete = get_completion_class(shell)
    if complete is not None:
        click.echo(complete(main, {}, "lambda-otel", "_LAMBDA_OTEL_COMPLETE").source())


@main.command()
@click.argument("cdk_out", type=_FOLDER)
@click.option("--require-all", is_flag=True, help="Exit with 1 where a function is missing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON in place of a table.")
def fleet(cdk_out: Path, require_all: bool, as_json: bool) -> None:  # noqa: FBT001 - click's way
    """Show which functions of the cloud assembly CDK_OUT are instrumented, and why others are not.

    The templates have the last word; reasons come from telemetry-coverage.json beside them.
    """
    from lambda_otel_lite_cdk.cli.commands.fleet import (
        missing,
        print_json,
        print_table,
        read_coverage,
    )

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
    from lambda_otel_lite_cdk.cli.commands.layer import build_layer

    built = build_layer(python, architecture if exporter == "package" else None, output)
    click.echo(f"{output} {built.asset_hash}")
    if not built.compiled:
        click.echo(
            f"It holds no byte code, because this machine has no Python {python}: every cold start "
            f"compiles it again.",
            err=True,
        )


def _assignment(option: str, text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageProblem(f"{option} is {text!r}; write it as NAME=VALUE")
    return name, value
