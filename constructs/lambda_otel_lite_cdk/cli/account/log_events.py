"""Read the lines of log groups from CloudWatch Logs: those of a time, and those that come."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from typing import Any

import click

from lambda_otel_lite_cdk.cli.account.explained import explained
from lambda_otel_lite_cdk.cli.errors import UsageProblem

_NEEDED = "logs:FilterLogEvents"
#: Log groups of one live tail, https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_StartLiveTail.html
_MOST_LIVE = 10
#: Errors of a live tail after which lines are asked for in its place: somebody may not start one,
#: too many are open, or the region has none.
_NO_LIVE_TAIL = (
    "AccessDeniedException",
    "InvalidOperationException",
    "InvalidParameterException",
    "LimitExceededException",
    "UnknownOperationException",
    "404",
    "501",
)
#: Seconds between two questions, and of these between two chances to do something else.
_PAUSE, _TICK = 2.0, 0.2
#: A line may come so many milliseconds after its time. So far back is asked for again.
_LATE_MS = 30_000
#: What is remembered of lines, so that none is shown twice.
_MOST_REMEMBERED = 100_000
#: Seconds between two words of how far it has come.
_PROGRESS = 5.0

type Lines = Iterator[bytes | None]


class LogEvents:
    """The lines of some log groups.

    Args:
        logs: boto3's client of CloudWatch Logs.
        groups: Names of log groups.
        clock: Returns Unix time in seconds. Default: ``time.time``.
        wait: Waits the given seconds. Default: ``time.sleep``.
    """

    def __init__(
        self,
        logs: Any,
        groups: Sequence[str],
        *,
        clock: Callable[[], float] = time.time,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._logs = logs
        self._groups = groups
        self._clock = clock
        self._wait = wait
        #: What was asked for, by id and by what it says, and what a live tail told, which has no
        #: ids: none of it is shown twice.
        self._asked: OrderedDict[object, None] = OrderedDict()
        self._told: OrderedDict[object, None] = OrderedDict()

    def between(self, pattern: str, since_ms: int, until_ms: int) -> Lines:
        """Yield each line of a span of time, and an empty one after each answer of the API.

        Not None, after which others would take a trace for complete: the rest of it may be in a log
        group that is yet to be read.

        Args:
            pattern: Which lines, as a filter pattern of CloudWatch Logs; empty for all.
            since_ms: The earliest time of a line, as Unix time in milliseconds.
            until_ms: The latest.

        Raises:
            UsageProblem: The API refuses or cannot be reached.
        """
        said, count = self._clock(), 0
        for group in self._groups:
            for event in self._events(group, pattern, since_ms, until_ms):
                if event is None:
                    yield b""
                    continue
                count += 1
                if self._clock() - said >= _PROGRESS:
                    said = self._clock()
                    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(event["timestamp"] / 1000))
                    click.echo(f"{count} lines so far, up to {at} UTC of {group}", err=True)
                yield _line(event)

    def follow(self, pattern: str, since_ms: int) -> Lines:
        """Yield each line from a time on, then those that come, and None several times a second.

        They come by a live tail; where there can be none, they are asked for.

        Args:
            pattern: Which lines, as for `between`.
            since_ms: The earliest time of a line, as Unix time in milliseconds.

        Raises:
            UsageProblem: The API refuses or cannot be reached.
        """
        yield from self._new(pattern, since_ms)
        reason = ""
        if len(self._groups) > _MOST_LIVE:
            reason = f"a live tail takes {_MOST_LIVE} log groups, these are {len(self._groups)}"
        while not reason:
            reason = yield from self._live(pattern)
            self._wait(_TICK)
        click.echo(f"asking for new lines every {_PAUSE:g} s: {reason}", err=True)
        while True:
            for _ in range(round(_PAUSE / _TICK)):
                yield None
                self._wait(_TICK)
            yield from self._new(pattern, self._late())

    def _late(self) -> int:
        return int(self._clock() * 1000) - _LATE_MS

    def _new(self, pattern: str, since_ms: int) -> Lines:
        """Yield lines that have not been yielded yet."""
        for group in self._groups:
            for event in self._events(group, pattern, since_ms, None):
                if event is None:
                    yield None
                    continue
                id_, said = event["eventId"], _said(event)
                if id_ not in self._asked and said not in self._told:
                    _remember(self._asked, id_, said)
                    yield _line(event)

    def _events(
        self, group: str, pattern: str, since_ms: int, until_ms: int | None
    ) -> Iterator[dict[str, Any] | None]:
        """Yield events of a log group, and None after each page of them."""
        until = {} if until_ms is None else {"endTime": until_ms}
        pages = self._logs.get_paginator("filter_log_events").paginate(
            logGroupName=group, filterPattern=pattern, startTime=since_ms, **until
        )
        try:
            with explained(_NEEDED):
                for page in pages:
                    yield from page["events"]
                    yield None
        except UsageProblem as problem:
            if "ResourceNotFoundException" in problem.message:
                raise UsageProblem(
                    f"there is no log group {group} in this account and region: the function has "
                    f"not run yet, or --region or --profile is another one's"
                ) from None
            raise

    def _live(self, pattern: str) -> Generator[bytes | None, None, str]:
        """Yield the lines of a live tail, to its end; return why there can be none."""
        # They take long to import.
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415
        from botocore.parsers import ResponseParserError  # noqa: PLC0415

        chosen = {"logEventFilterPattern": pattern} if pattern else {}
        try:
            arns = [self._arn(group) for group in self._groups]
            said = self._logs.start_live_tail(logGroupIdentifiers=arns, **chosen)
            with closing(said["responseStream"]) as stream:
                # It says something every second.
                for number, update in enumerate(stream):
                    if number == 0:
                        # What has come while it was started.
                        yield from self._new(pattern, self._late())
                    for event in update.get("sessionUpdate", {}).get("sessionResults", ()):
                        if (line := _said(event)) not in self._asked:
                            _remember(self._told, line)
                            yield _line(event)
                    yield None
        except ClientError as error:
            # A session that breaks, or ends after three hours, is followed by the next one.
            return str(error) if error.response["Error"]["Code"] in _NO_LIVE_TAIL else ""
        except (BotoCoreError, ResponseParserError) as error:
            return str(error)
        return ""

    def _arn(self, group: str) -> str:
        pages = self._logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=group)
        found = (one for page in pages for one in page["logGroups"] if one["logGroupName"] == group)
        return str(next(found)["arn"]).removesuffix(":*")


def _said(event: dict[str, Any]) -> tuple[object, ...]:
    return event.get("logStreamName"), event.get("timestamp"), event["message"]


def _remember(known: OrderedDict[object, None], *new: object) -> None:
    known.update(dict.fromkeys(new))
    while len(known) > _MOST_REMEMBERED:
        known.popitem(last=False)


def _line(event: dict[str, Any]) -> bytes:
    """Return an event's message as a line of a log.

    Args:
        event: What the API returns of it.
    """
    return str(event["message"]).rstrip("\n").encode() + b"\n"
