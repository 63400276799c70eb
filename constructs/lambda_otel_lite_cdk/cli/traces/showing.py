"""Show spans that are at hand: drawn here and as a report, or as lines of JSON."""

from __future__ import annotations

import json
from pathlib import Path

import click

from lambda_otel_lite_cdk.cli.traces.exports import span_json
from lambda_otel_lite_cdk.cli.traces.report import Report
from lambda_otel_lite_cdk.cli.traces.spans import Span
from lambda_otel_lite_cdk.cli.traces.waterfall import print_traces


def show_spans(spans: list[Span], report: Path, *, as_json: bool) -> None:
    """Write spans as an HTML report and print them.

    Args:
        spans: Spans of any traces in any order; one at least.
        report: File to write the report to; its folder is made.
        as_json: Whether to print a line of JSON for each span in place of the waterfall.
    """
    report.parent.mkdir(parents=True, exist_ok=True)
    with report.open("w", encoding="utf-8") as file:
        page = Report(file)
        for span in spans:
            page.add(span)
        page.end()
    if as_json:
        click.echo("\n".join(json.dumps(span_json(span)) for span in spans))
        return
    print_traces(spans)
    here = Path.cwd()
    shown = report.relative_to(here) if report.is_relative_to(here) else report
    click.echo(f"Report for a browser: {shown}")
