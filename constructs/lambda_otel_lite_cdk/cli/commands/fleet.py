"""Show which functions of a synthesized app are instrumented."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.coverage.templates import functions_of
from lambda_otel_lite_cdk.functions.outcome import Outcome, read_report
from lambda_otel_lite_cdk.functions.reasons import Status

_STYLES = {Status.INSTRUMENTED: "green", Status.MISSING: "red"}
_KIB = 1024
_WIDE = 240


def read_coverage(directory: Path) -> list[Outcome]:
    """Return what became of each function of an assembly, in the order of their paths.

    Args:
        directory: The folder that ``cdk synth`` wrote.

    Raises:
        UsageProblem: Where the folder holds no readable assembly or report.
    """
    try:
        return sorted(_outcomes(directory), key=lambda outcome: outcome.function)
    except (KeyError, OSError, ValueError) as error:
        raise UsageProblem(
            f"{directory} is no cloud assembly ({type(error).__name__}: {error}); run `cdk synth` "
            f"and give its output folder"
        ) from error


def _outcomes(directory: Path) -> Iterator[Outcome]:
    report = read_report(directory)
    manifest = json.loads((directory / "manifest.json").read_text("utf-8"))
    templates: set[str] = set()
    for artifact in manifest.get("artifacts", {}).values():
        properties = artifact.get("properties", {})
        if artifact["type"] == "cdk:cloud-assembly":
            yield from _outcomes(directory / properties["directoryName"])
        elif artifact["type"] == "aws:cloudformation:stack":
            templates.add(properties["templateFile"])
        elif artifact["type"] == "cdk:asset-manifest":
            # Templates of nested stacks are assets of the stack around them.
            files = json.loads((directory / properties["file"]).read_text("utf-8")).get("files", {})
            sources = [file.get("source", {}).get("path", "") for file in files.values()]
            templates |= {path for path in sources if path.endswith(".template.json")}
    for template in sorted(templates):
        for _, outcome in functions_of(directory / template, report):
            yield outcome


def print_table(outcomes: list[Outcome]) -> None:
    """Print the outcomes as a table, and how many functions are instrumented."""
    table = Table(box=None, header_style="bold")
    for column in ("function", "stack", "status", "mode", "service", "layer", "note"):
        table.add_column(column, overflow="fold", justify="right" if column == "layer" else "left")
    for one in outcomes:
        table.add_row(
            one.function,
            one.stack,
            f"[{_STYLES.get(one.status, 'dim')}]{one.status}",
            one.mode,
            one.service,
            f"{one.layer_bytes // _KIB} KiB" if one.layer_bytes else "",
            _note(one),
        )
    console = Console()
    if not console.is_terminal:
        # A file or a pipe has no width: nothing in it needs to be folded.
        console = Console(width=_WIDE)
    console.print(table)
    counts = {
        status: sum(one.status == status for one in outcomes)
        for status in dict.fromkeys(one.status for one in outcomes)
    }
    said = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    console.print(f"{len(outcomes)} functions: {said or 'none'}")


def print_json(outcomes: list[Outcome]) -> None:
    """Print the outcomes as a JSON array."""
    print(json.dumps([asdict(outcome) for outcome in outcomes], indent=2))  # noqa: T201 - its output


def missing(outcomes: list[Outcome]) -> list[str]:
    """Return the paths of the functions that could be instrumented and are not."""
    return [one.function for one in outcomes if one.status == Status.MISSING]


def _note(outcome: Outcome) -> str:
    parts = [outcome.reason] if outcome.reason else []
    if outcome.overridden:
        parts.append(f"its own: {', '.join(outcome.overridden)}")
    parts += [f"{check}: {reason}" for check, reason in outcome.acknowledged.items()]
    return "; ".join(parts)
