"""The options that say which traces are shown, of every source and in every output."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.traces.search import Query, Term, parse
from lambda_otel_lite_cdk.cli.traces.selection import Choice, Order

_AGO = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>s|m|min|h|d|w)")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class _Filter:
    """Declare an option that is a term of the report's search.

    Args:
        option: The option.
        field: What is asked for; empty if the option's value names it.
        operator: The term's operator.
        value: The term's value, or empty if it is the option's.
        metavar: What the help calls the option's value.
        help: One sentence.
    """

    option: str
    field: str
    operator: str
    value: str
    metavar: str
    help: str

    @property
    def name(self) -> str:
        return self.option.strip("-").replace("-", "_")

    def terms(self, given: Any) -> list[Term]:
        if self.value:
            return [Term(self.field, self.operator, self.value)] if given else []
        return [self._term(one) for one in given]

    def _term(self, given: str) -> Term:
        if self.field:
            return Term(self.field, self.operator, given.lower())
        name, equals, value = given.partition("=")
        if not name:
            raise UsageProblem(f"{self.option} {given} names no attribute; give {self.metavar}")
        return Term(name, self.operator, value.lower()) if equals else Term(name, ":", "*")


_FILTERS = (
    _Filter("--error", "status", ":", "error", "", "With a span that failed."),
    _Filter("--slower-than", "duration", ">", "", "TIME", "With a span that took longer: 500ms."),
    _Filter("--service", "service", ":", "", "TEXT", "With a span of a service named so."),
    _Filter("--name", "name", ":", "", "TEXT", "With a span named so."),
    _Filter("--trace", "trace", ":", "", "ID", "With this id, or a part of it."),
    _Filter("--attribute", "", "=", "", "NAME[=VALUE]", "With a span that has this attribute."),
)
_OTHERS = (
    click.option(
        "--search",
        metavar="TEXT",
        multiple=True,
        help="As in the report: --search 'duration>500ms \"insufficient funds\"'.",
    ),
    click.option(
        "--since", metavar="TIME", help="Not over by then: 10m ago, or 2026-11-26T10:00Z."
    ),
    click.option("--until", metavar="TIME", help="Begun by then."),
    click.option("--limit", metavar="N", type=click.IntRange(1), help="This many traces at most."),
    click.option(
        "--sort",
        type=click.Choice([order.value for order in Order]),
        help="Longest, earliest or most errors first.",
    ),
)


def filtered(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that ``choice`` takes.

    Args:
        command: The command.
    """
    for other in reversed(_OTHERS):
        command = other(command)
    for one in reversed(_FILTERS):
        kind: dict[str, Any] = {"is_flag": True} if one.value else {"multiple": True}
        command = click.option(one.option, metavar=one.metavar or None, help=one.help, **kind)(
            command
        )
    return command


def choice(given: dict[str, Any]) -> Choice | None:
    """Take these options out of a command's; return None where none is given.

    One of a trace's spans has to meet all of them.

    Args:
        given: A command's arguments, of which these are removed.

    Raises:
        UsageProblem: A value is not one of its option's.
    """
    terms = [term for one in _FILTERS for term in one.terms(given.pop(one.name))]
    found = [parse(text) for text in given.pop("search")]
    query = Query(
        tuple(word for one in found for word in one.words),
        (*terms, *(term for one in found for term in one.terms)),
    )
    times = {name: time_of(f"--{name}", given.pop(name)) for name in ("since", "until")}
    if times["since"] and times["until"] and times["since"] > times["until"]:
        raise UsageProblem("--since is after --until, so that no trace is in between; swap them")
    sort = given.pop("sort")
    chosen = Choice(
        query=query,
        since_ns=times["since"],
        until_ns=times["until"],
        limit=given.pop("limit"),
        order=sort and Order(sort),
    )
    return None if chosen == Choice() else chosen


def time_of(option: str, text: str | None) -> int | None:
    """Return the Unix time in nanoseconds that an option names.

    Args:
        option: The option, for the message.
        text: How long ago, such as ``10m``, or a time as ISO 8601 has it, in UTC where it names no
            zone; None gives None.

    Raises:
        UsageProblem: It is neither.
    """
    if text is None:
        return None
    if found := _AGO.fullmatch(text):
        seconds = time.time() - float(found["number"]) * _SECONDS[found["unit"]]
        return int(seconds * 1_000_000_000)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageProblem(
            f"{option} {text} is no time; give how long ago, such as 30s, 10m, 2h or 1d, or a time "
            f"such as 2026-11-26T10:00:00Z"
        ) from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000_000)
