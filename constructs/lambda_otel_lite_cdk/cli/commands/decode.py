"""``lambda-otel decode``: logs in, their spans out in the wanted form, as they come."""

from __future__ import annotations

import click

from lambda_otel_lite_cdk.cli.showing.show import ShowOptions, show, shows_traces
from lambda_otel_lite_cdk.cli.traces.sources import Logs


@click.command()
@click.argument("log", nargs=-1)
@shows_traces
def decode(log: tuple[str, ...], wanted: ShowOptions) -> None:
    """Show the traces of a log, or write them to a file.

    Log lines that name their span by trace_id and span_id are shown with it.

    LOG is any number of files and folders, or - for standard input (the default). They may be what
    a function printed, what `aws logs tail` or `aws logs filter-log-events` prints, an export of
    CloudWatch Logs to S3, or results of Logs Insights as CSV or JSON, gzipped or not. They are read
    as they come: with `aws logs tail --follow GROUP | lambda-otel decode --keep-logs`, each trace
    is drawn once it has been quiet for two seconds.
    """
    logs = Logs(log or ("-",))
    show(logs.lines(), logs.name, wanted, logs.problems)
    if logs.skipped:
        click.echo(f"{logs.name}: {logs.skipped} of them are empty or binary", err=True)
