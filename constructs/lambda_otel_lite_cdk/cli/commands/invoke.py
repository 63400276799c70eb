"""``lambda-otel invoke``: run a function of a cloud assembly and show what it did."""

from __future__ import annotations

import json
import platform
import signal
import statistics
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from lambda_otel_lite_cdk.cli.assembly.changes import snapshot, wait_for_change
from lambda_otel_lite_cdk.cli.assembly.functions import (
    TemplateFunction,
    find_function,
    function_names,
    read_functions,
)
from lambda_otel_lite_cdk.cli.assembly.templates import read_templates
from lambda_otel_lite_cdk.cli.console import Terminal
from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator, InvocationResult
from lambda_otel_lite_cdk.cli.emulator.toolchain import require_linux
from lambda_otel_lite_cdk.cli.errors import CheckFailed, CommandProblem, UsageProblem
from lambda_otel_lite_cdk.cli.traces.exports import span_json
from lambda_otel_lite_cdk.cli.traces.records import Decoder
from lambda_otel_lite_cdk.cli.traces.waterfall import print_traces

_ASSEMBLY = "cdk.out"


def _complete_names(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Complete a function's name from the assembly given before it, or from cdk.out."""
    given = context.params.get("names") or ()
    try:
        names = function_names(Path(given[0] if given else _ASSEMBLY))
    except UsageProblem:
        return []
    return [name for name in names if name.startswith(begun)]


@click.command()
@click.argument(
    "names", nargs=-1, required=True, metavar="[CDK_OUT] FUNCTION", shell_complete=_complete_names
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
    help="Environment variable instead of the function's own; may be repeated.",
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
    "--source",
    type=click.Path(path_type=Path, file_okay=False),
    help="Take the code from this folder, not from the assembly's copy.",
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
    the end of one. It runs under AWS's Lambda emulator with its own code, layers, environment and
    timeout. With --repeat, the first run is a cold start and the others are warm; both are shown.
    With --watch, run `cdk synth` to renew what is run, or give --source.
    """
    require_linux()
    if len(names) > 2:  # noqa: PLR2004 - the assembly and the function
        raise UsageProblem(
            f"one function at a time, not {', '.join(names)}; give [CDK_OUT] FUNCTION"
        )
    options = _Options(
        assembly=Path(names[0] if len(names) > 1 else _ASSEMBLY),
        function=names[-1],
        variables=_assignments("--env", variables),
        parameters=_assignments("--param", parameters),
        layers=layers,
        source=source,
        repeat=repeat,
        as_json=as_json,
        details=details,
    )
    if watch:
        _watch(options, event)
    else:
        _run(options, _read_event(event))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """Hold what to run and how; as on the command line."""

    assembly: Path
    function: str
    variables: Mapping[str, str]
    parameters: Mapping[str, str]
    layers: tuple[Path, ...]
    source: Path | None
    repeat: int
    as_json: bool
    details: bool


def _assignments(option: str, texts: tuple[str, ...]) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UsageProblem(f"{option} is {text!r}; write it as NAME=VALUE")
        values[name] = value
    return values


def _watch(options: _Options, event_file: str | None) -> None:
    """Run a function, and again in a new environment whenever its code or its event changes."""
    event = _read_event(event_file)
    # A synth changes the assembly: its templates, and its copies of the code.
    watched = [options.assembly]
    if options.source:
        watched.append(options.source)
    if event_file and event_file != "-":
        watched.append(Path(event_file))
    hint = (
        "" if options.source else f"; run `cdk synth` to renew {options.assembly}, or give --source"
    )
    with suppress(KeyboardInterrupt):
        while True:
            before = snapshot(watched)
            try:
                if event_file != "-":
                    event = _read_event(event_file)
                _run(options, event)
            except CommandProblem as problem:
                problem.show()
            click.echo(f"waiting for a change{hint} (Ctrl-C ends)", err=True)
            wait_for_change(watched, before)
    sys.exit(128 + signal.SIGINT)


def _read_event(path: str | None) -> Any:
    if path is None:
        return {}
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text("utf-8")
        return json.loads(text)
    except OSError as error:
        raise UsageProblem(
            f"the event {path} cannot be read ({error.strerror}); give a file with JSON"
        ) from error
    except ValueError as error:
        name = "standard input" if path == "-" else path
        raise UsageProblem(f"the event in {name} is not JSON ({error}); fix it") from error


def _run(options: _Options, event: Any) -> None:
    """Invoke a function once or several times in one execution environment."""
    function = _find(options)
    emulator = Emulator(
        function,
        parameters=options.parameters,
        variables=options.variables,
        layers=options.layers,
    )
    with emulator:
        if not options.as_json:
            _describe(function, emulator.note)
        results = []
        for number in range(options.repeat):
            results.append(emulator.invoke(event))
            if options.as_json:
                _print_json(function, results[-1])
            else:
                # Of many invocations the first and the last are drawn.
                last = number == options.repeat - 1
                _print(results[-1], options, drawn=results[-1].cold or last)
    if options.repeat > 1 and not options.as_json:
        _summarize(results)
    if failed := [result.error for result in results if result.error]:
        count = f" {len(failed)} of {len(results)} times" if len(results) > 1 else ""
        error = failed[-1]
        raise CheckFailed(
            f"{function.path} failed{count}: {error['errorType']}: {error['errorMessage']}"
        )
    if not options.as_json:
        click.echo(json.dumps(results[-1].payload, indent=2))


def _find(options: _Options) -> TemplateFunction:
    function = find_function(read_functions(read_templates(options.assembly)), options.function)
    if options.source is None:
        return function
    if not options.source.is_dir():
        raise UsageProblem(
            f"--source is {options.source}, which is not a folder; give the folder with the code"
        )
    return replace(function, code=options.source.resolve(), inline_code=None)


def _describe(function: TemplateFunction, note: str | None) -> None:
    machine = platform.machine().lower().replace("aarch64", "arm64").replace("amd64", "x86_64")
    architecture = function.architecture
    if machine != architecture:
        architecture += f" (this machine is {machine}: compiled packages in the code may not load)"
    click.echo(
        f"{function.path}: {function.runtime}, {function.handler}, "
        f"{function.memory_mb} MB (not enforced here), timeout {function.timeout_s} s, "
        f"{architecture}",
        err=True,
    )
    if note:
        click.echo(f"note: {note}", err=True)


def _print(result: InvocationResult, options: _Options, *, drawn: bool) -> None:
    logs, spans = Decoder().split(result.log_lines)
    for line in logs:
        click.echo(line, err=True)
    if not drawn:
        return
    if options.repeat > 1 and spans:
        click.echo(f"{_start(result)}, {result.duration_ms:.1f} ms")
    print_traces(spans, details=options.details)


def _print_json(function: TemplateFunction, result: InvocationResult) -> None:
    logs, spans = Decoder().split(result.log_lines)
    line = {
        "function": function.path,
        "request_id": result.request_id,
        "cold": result.cold,
        "duration_ms": round(result.duration_ms, 3),
        "payload": result.payload,
        "error": result.error,
        "logs": logs,
        "spans": [span_json(span) for span in spans],
    }
    click.echo(json.dumps(line))


def _start(result: InvocationResult) -> str:
    return "cold start" if result.cold else "warm"


def _summarize(results: list[InvocationResult]) -> None:
    console = Terminal(highlight=False)
    for name in ("cold start", "warm"):
        times = [result.duration_ms for result in results if _start(result) == name]
        if times:
            console.print(
                f"{name:<10} {len(times):>5} x   median {statistics.median(times):8.1f} ms   "
                f"least {min(times):8.1f} ms   most {max(times):8.1f} ms",
            )
