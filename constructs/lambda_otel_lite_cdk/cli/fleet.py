"""Read what became of the functions of an app, as ``lambda-otel fleet`` shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from lambda_otel_lite_cdk.cli.assembly.templates import Template, read_templates
from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.coverage.templates import functions_of
from lambda_otel_lite_cdk.functions.outcome import Outcome, read_report


def read_coverage(directory: Path) -> list[Outcome]:
    """Return what became of each function of an app, by their paths.

    Args:
        directory: The cloud assembly, the folder that ``cdk synth`` wrote.

    Raises:
        UsageProblem: The folder is not a cloud assembly that can be read.
    """
    templates = read_templates(directory, apart=True)
    found = (outcome for template in templates for _, outcome in read_functions(template))
    return sorted(found, key=lambda one: one.function)


def read_functions(template: Template) -> Iterator[tuple[str, Outcome]]:
    """Yield the logical id of each function of a template, and what became of it.

    Args:
        template: One of an assembly.

    Raises:
        UsageProblem: The coverage report beside it cannot be read.
    """
    try:
        report = read_report(template.file.parent)
    except ValueError as error:
        raise UsageProblem(str(error)) from error
    yield from functions_of(template.file, report, template.paths)
