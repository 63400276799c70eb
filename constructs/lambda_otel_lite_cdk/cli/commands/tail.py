"""``lambda-otel tail``: what an account's log groups hold, shown as ``decode`` does."""

from __future__ import annotations

import time

import click

from lambda_otel_lite_cdk.cli.account.log_groups import AccountLogs
from lambda_otel_lite_cdk.cli.showing.show import ShowOptions, show, shows_traces
from lambda_otel_lite_cdk.forwarding.pattern import RECORD_PATTERN

_MINUTE_MS = 60_000
#: A trace that began by ``--until`` is written when it is over: an invocation takes 15 minutes.
_LONGEST_MS = 15 * _MINUTE_MS


@click.command()
@click.argument("places", metavar="FUNCTION|STACK|LOG_GROUP", nargs=-1, required=True)
@click.option("--profile", help="Profile of the AWS configuration.")
@click.option("--region", help="AWS region; by default that of the profile or environment.")
@shows_traces
def tail(
    places: tuple[str, ...], profile: str | None, region: str | None, wanted: ShowOptions
) -> None:
    """Show the traces in the log groups of functions and stacks.

    What is read is the last ten minutes, or what --since and --until say. CloudWatch Logs hands out
    log records alone; with --keep-logs, all lines. Ctrl-C ends with what was found.
    """
    groups = AccountLogs(places, region, profile)
    now = time.time_ns() // 1_000_000
    since, until = now - 10 * _MINUTE_MS, now
    if wanted.choice and wanted.choice.since_ns is not None:
        since = wanted.choice.since_ns // 1_000_000
    if wanted.choice and wanted.choice.until_ns is not None:
        until = wanted.choice.until_ns // 1_000_000 + _LONGEST_MS
    known = ", ".join(groups.names)
    click.echo(f"reading {known}", err=True)
    show(groups.lines("" if wanted.keep_logs else RECORD_PATTERN, since, until), known, wanted)
