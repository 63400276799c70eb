"""The work of ``lambda-otel invoke``: run a function of an assembly and show what it did."""

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
from rich.console import Console

from lambda_otel_lite_cdk.cli.assembly.functions import (
    TemplateFunction,
    find_function,
    read_functions,
    read_templates,
)
from lambda_otel_lite_cdk.cli.commands.watch import snapshot, wait_for_change
from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator, InvocationResult
from lambda_otel_lite_cdk.cli.errors import CheckFailed, UsageProblem
from lambda_otel_lite_cdk.cli.traces.exports import span_json
from lambda_otel_lite_cdk.cli.traces.records import MARKER, Decoder
from lambda_otel_lite_cdk.cli.traces.waterfall import print_traces


@dataclass(frozen=True, slots=True, kw_only=True)
class InvokeOptions:
    """Hold what a user may choose.

    Args:
        assembly: The folder that ``cdk synth`` wrote.
        function: Name of the function in it.
        event: File that holds the event as JSON, ``-`` for standard input, or None for ``{}``.
        variables: Environment variables in place of the function's own.
        parameters: Values of ``Ref`` and ``Fn::GetAtt``.
        layers: Folders or zip files of the layers that are not in the assembly.
        source: Folder to take the code from in place of the assembly's copy, or None.
        repeat: How often to invoke.
        as_json: Whether to print a line of JSON for each invocation and nothing else.
        details: Whether the waterfall shows all attributes, events and links.
    """

    assembly: Path
    function: str
    event: str | None
    variables: Mapping[str, str]
    parameters: Mapping[str, str]
    layers: tuple[Path, ...]
    source: Path | None
    repeat: int
    as_json: bool
    details: bool


def run_invoke(options: InvokeOptions) -> None:
    """Run a function once or several times in one execution environment.

    Args:
        options: What to run and how.

    Raises:
        UsageProblem: Where the function cannot be run.
        CheckFailed: Where it failed.
    """
    _run(options, _read_event(options.event))


def run_watching(options: InvokeOptions) -> None:
    """Run a function, and again in a new environment whenever its code or its event changes.

    Args:
        options: What to run and how.
    """
    event = _read_event(options.event)
    # The assembly changes with a synth: its templates, and its copies of the code.
    watched = [options.assembly]
    if options.source:
        watched.append(options.source)
    if options.event is not None and options.event != "-":
        watched.append(Path(options.event))
    hint = (
        "" if options.source else f"; run `cdk synth` to renew {options.assembly}, or give --source"
    )
    with suppress(KeyboardInterrupt):
        while True:
            before = snapshot(watched)
            try:
                if options.event != "-":
                    event = _read_event(options.event)
                _run(options, event)
            except UsageProblem as problem:
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
        raise UsageProblem(f"the event {path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        name = "standard input" if path == "-" else path
        raise UsageProblem(f"the event in {name} is not JSON ({error}); mend it") from error


def _run(options: InvokeOptions, event: Any) -> None:
    functions = read_functions(read_templates(options.assembly))
    function = find_function(functions, options.function)
    if options.source:
        if not options.source.is_dir():
            raise UsageProblem(f"--source is {options.source}, which is no folder; give the code's")
        function = replace(function, code=options.source.resolve(), inline_code=None)
    emulator = Emulator(
        function,
        parameters=options.parameters,
        variables=options.variables,
        layers=options.layers,
    )
    with emulator:
        show = _show_json if options.as_json else _show
        if not options.as_json:
            _describe(function, emulator.note)
        results = []
        for number in range(options.repeat):
            results.append(emulator.invoke(event))
            show(function, results[-1], options, last=number == options.repeat - 1)
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


def _show(
    _function: TemplateFunction, result: InvocationResult, options: InvokeOptions, *, last: bool
) -> None:
    for line in result.log_lines:
        if MARKER not in line:
            click.echo(line, err=True)
    if options.repeat > 1 and not (result.cold or last):
        return
    spans = list(Decoder().decode(result.log_lines))
    if options.repeat > 1 and spans:
        click.echo(f"{_start(result)}, {result.duration_ms:.1f} ms")
    print_traces(spans, details=options.details)


def _show_json(
    function: TemplateFunction, result: InvocationResult, _options: InvokeOptions, *, last: bool
) -> None:
    del last
    line = {
        "function": function.path,
        "request_id": result.request_id,
        "cold": result.cold,
        "duration_ms": round(result.duration_ms, 3),
        "payload": result.payload,
        "error": result.error,
        "logs": [line for line in result.log_lines if MARKER not in line],
        "spans": [span_json(span) for span in Decoder().decode(result.log_lines)],
    }
    click.echo(json.dumps(line))


def _start(result: InvocationResult) -> str:
    return "cold start" if result.cold else "warm"


def _summarize(results: list[InvocationResult]) -> None:
    console = Console(highlight=False)
    for name in ("cold start", "warm"):
        times = [result.duration_ms for result in results if _start(result) == name]
        if times:
            console.print(
                f"{name:<10} {len(times):>5} x   median {statistics.median(times):8.1f} ms   "
                f"least {min(times):8.1f} ms   most {max(times):8.1f} ms",
            )
