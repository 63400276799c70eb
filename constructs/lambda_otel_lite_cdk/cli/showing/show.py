"""Show the traces of a source in the form that a user asks for."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import click

from lambda_otel_lite_cdk.cli.errors import CheckFailed, UsageProblem
from lambda_otel_lite_cdk.cli.showing.filters import choice, filtered
from lambda_otel_lite_cdk.cli.showing.flow import Given, flow, opened
from lambda_otel_lite_cdk.cli.showing.live import LivePage
from lambda_otel_lite_cdk.cli.showing.outlet import Outlet
from lambda_otel_lite_cdk.cli.traces.records import Decoder
from lambda_otel_lite_cdk.cli.traces.selection import Choice, Selection
from lambda_otel_lite_cdk.cli.traces.sinks import SINKS, Sink

#: What is asked for beside the formats: to send traces elsewhere, and to look at them in a browser.
SEND, VIEW = "send", "view"


@dataclass(frozen=True, kw_only=True)
class ShowOptions:
    """Hold the options that say what is shown, and how.

    Args:
        form: A key of ``SINKS``, `SEND` or `VIEW`.
        output: The file to write, or None for standard output.
        details: Whether all attributes, events and links are drawn.
        keep_logs: Whether lines without a record are passed through.
        strict: Whether a malformed record makes the exit code 1.
        choice: Which traces are shown, or None for all.
        to: The endpoint that they are sent to.
        opens: Whether a page is opened in the browser.
    """

    form: str
    output: Path | None = None
    details: bool = False
    keep_logs: bool = False
    strict: bool = False
    choice: Choice | None = None
    to: str = ""
    opens: bool = True


#: Formats that are options, too.
_SHORT = ("json", "summary")
_OPTIONS = (
    click.option(
        "--format",
        "form",
        type=click.Choice(list(SINKS)),
        help="waterfall (default): drawn here; summary: a table by service and name; json: a line "
        "for each span; otlp-json: a line for each record, in OTLP's JSON; html: a report for a "
        "browser.",
    ),
    *(
        click.option(f"--{form}", form, is_flag=True, help=f"The same as --format {form}.")
        for form in _SHORT
    ),
    click.option(
        "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write."
    ),
    click.option(
        "--to",
        metavar="URL",
        help="Send them to an OTLP endpoint, such as http://localhost:4318, or a backend by name, "
        "such as honeycomb, with the headers in OTEL_EXPORTER_OTLP_HEADERS.",
    ),
    click.option("--view", is_flag=True, help="Show them in the browser, as they come."),
    click.option("--no-open", is_flag=True, help="With --view: print the page's address alone."),
    click.option("--keep-logs", is_flag=True, help="Pass lines without a record through."),
    click.option("--details", is_flag=True, help="Show all attributes, events and links."),
    click.option("--strict", is_flag=True, help="Exit with 1 if a record is malformed."),
)


def shows_traces[**P](function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of ``ShowOptions``, which it takes as ``wanted``.

    Args:
        function: The command, with its own options.
    """

    def command(
        *,
        form: str | None,
        output: Path | None,
        to: str | None,
        view: bool,
        no_open: bool,
        **others: Any,
    ) -> None:
        names = ("details", "keep_logs", "strict")
        rest = {name: others.pop(name) for name in names}
        asked = {f"--format {form}": form} if form else {}
        asked |= {f"--{short}": short for short in _SHORT if others.pop(short)}
        asked |= {"--view": VIEW} if view else {}
        asked |= {"--to": SEND} if to is not None else {}
        if no_open and not view:
            raise UsageProblem("--no-open is for --view, which is not given; give both, or neither")
        if output is not None and {SEND, VIEW} & {*asked.values()}:
            asked["--output"] = "file"
        if len({*asked.values()}) > 1:
            raise UsageProblem(f"{' and '.join(asked)} contradict each other; give one of them")
        form = next(iter(asked.values()), "waterfall")
        if form == "html" and output is None and sys.stdout.isatty():
            raise UsageProblem("the report is a file for a browser; give --output report.html")
        rest |= {"choice": choice(others), "to": to or "", "opens": not no_open}
        function(wanted=ShowOptions(form=form, output=output, **rest), **others)

    command.__doc__ = function.__doc__
    command.__name__ = function.__name__
    command = filtered(command)
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def show(
    source: Iterable[Given], name: str, wanted: ShowOptions, problems: Sequence[UsageProblem] = ()
) -> None:
    """Show what a source yields, to its end.

    Args:
        source: Lines or requests.
        name: What to call it in a message.
        wanted: What is shown, and how.
        problems: What the source could not read; it adds to them while it is read.

    Raises:
        UsageProblem: Something could not be read, or there are no spans.
        CheckFailed: A record is malformed, and ``strict`` is asked for, or no trace is one that is
            asked for.
    """
    decoder = Decoder()
    # Logs go between drawn traces, but not between lines that a program reads.
    is_for_people = wanted.form in ("waterfall", "summary")
    among_traces = is_for_people and wanted.output is None
    kept = (sys.stdout if among_traces else sys.stderr).buffer if wanted.keep_logs else None
    with opened(wanted.output, is_for_programs=not is_for_people) as file:
        sink = _sink(wanted, file)
        selection = Selection(sink, wanted.choice) if wanted.choice else None
        ended = flow(source, decoder, selection or sink, kept)
        reasons = [*problems, *([ended] if ended else [])]
        if not sink.spans:
            _explain_nothing(name, decoder, reasons, selection.seen if selection else 0)
    if decoder.malformed:
        click.echo(f"{name}: {_counted(decoder)}", err=True)
    if isinstance(sink, LivePage) and not ended:
        sink.wait()
    if isinstance(sink, Outlet):
        sink.report()
    _raise_last(reasons)
    if decoder.malformed and wanted.strict:
        raise CheckFailed(f"{name} holds malformed records, and --strict was given")


def _sink(wanted: ShowOptions, file: IO[str]) -> Sink:
    if wanted.form == SEND:
        return Outlet(wanted.to)
    if wanted.form == VIEW:
        page = LivePage()
        page.open(in_browser=wanted.opens)
        return page
    return SINKS[wanted.form](file, details=wanted.details)


def _explain_nothing(
    name: str, decoder: Decoder, reasons: Sequence[UsageProblem | SystemExit], seen: int
) -> None:
    _raise_last(reasons)
    if seen:
        raise CheckFailed(
            f"{name} holds {seen} span(s), but no trace that was asked for; ask for less"
        )
    found = f" but {_counted(decoder)}" if decoder.malformed else ""
    raise UsageProblem(f"{name} holds no spans{found}; give the log of an instrumented function")


def _raise_last(reasons: Sequence[UsageProblem | SystemExit]) -> None:
    """Print all reasons, the last one by raising it."""
    for reason in reasons[:-1]:
        if isinstance(reason, UsageProblem):
            reason.show()
    if reasons:
        raise reasons[-1]


def _counted(decoder: Decoder) -> str:
    reasons = ", ".join(f"{count} {why}" for why, count in decoder.malformed.most_common())
    return f"{decoder.malformed.total()} malformed record(s): {reasons}"
