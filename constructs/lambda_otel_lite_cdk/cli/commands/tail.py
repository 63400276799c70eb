"""``lambda-otel tail``: what an account's log groups hold, shown as ``decode`` does."""

from __future__ import annotations

import time
from pathlib import Path

import click

from lambda_otel_lite_cdk.cli.account.log_groups import AccountLogs
from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.showing.show import ShowOptions, show, shows_traces
from lambda_otel_lite_cdk.forwarding.pattern import RECORD_PATTERN

_MINUTE_MS = 60_000
_USUAL = Path("cdk.out")
#: A trace that began by ``--until`` is written when it is over: an invocation takes 15 minutes.
_LONGEST_MS = 15 * _MINUTE_MS


@click.command()
@click.argument("places", metavar="FUNCTION|STACK|LOG_GROUP", nargs=-1, required=True)
@click.option("--follow", is_flag=True, help="Go on with what comes.")
@click.option(
    "--app",
    metavar="CDK_OUT",
    type=click.Path(path_type=Path, file_okay=False),
    help="The cloud assembly whose names FUNCTION and STACK may be; by default cdk.out, if there.",
)
@click.option("--profile", help="Profile of the AWS configuration.")
@click.option("--region", help="AWS region; by default that of the profile or environment.")
@shows_traces
def tail(  # noqa: PLR0913 - one per option
    places: tuple[str, ...],
    *,
    follow: bool,
    app: Path | None,
    profile: str | None,
    region: str | None,
    wanted: ShowOptions,
) -> None:
    """Show the traces in the log groups of functions and stacks.

    What is read is the last ten minutes, or what --since and --until say. CloudWatch Logs hands out
    log records alone; with --keep-logs, all lines. --follow goes on by a live tail, which AWS bills
    by the minute, or asks again every two seconds where there can be none. Ctrl-C ends with what
    was found.
    """
    chosen = wanted.choice
    if follow and chosen and chosen.until_ns is not None:
        raise UsageProblem("--follow and --until contradict each other; give one of them")
    if app is None and (_USUAL / "manifest.json").exists():
        app = _USUAL
    groups = AccountLogs(places, region, profile, app)
    now = time.time_ns() // 1_000_000
    since, until = now - 10 * _MINUTE_MS, now
    if chosen and chosen.since_ns is not None:
        since = chosen.since_ns // 1_000_000
    if chosen and chosen.until_ns is not None:
        until = chosen.until_ns // 1_000_000 + _LONGEST_MS
    known = ", ".join(groups.names)
    click.echo(f"reading {known}", err=True)
    pattern = "" if wanted.keep_logs else RECORD_PATTERN
    events = groups.events
    lines = events.follow(pattern, since) if follow else events.between(pattern, since, until)
    show(lines, known, wanted)
