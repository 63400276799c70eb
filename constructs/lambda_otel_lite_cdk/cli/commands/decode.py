"""``lambda-otel decode``: a log in, its spans out in the wanted form, as they come."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

import click

from lambda_otel_lite_cdk.cli.errors import CheckFailed, UsageProblem
from lambda_otel_lite_cdk.cli.traces.log_lines import log_lines
from lambda_otel_lite_cdk.cli.traces.logs import Log, open_log
from lambda_otel_lite_cdk.cli.traces.records import Decoder
from lambda_otel_lite_cdk.cli.traces.sinks import SINKS, Sink


@click.command()
@click.argument("log", default="-")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(SINKS)),
    help="waterfall (default): drawn here; json: a line for each span; "
    "otlp-json: a line for each record, in OTLP's JSON; html: a report for a browser.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write."
)
@click.option("--keep-logs", is_flag=True, help="Pass lines without a record through.")
@click.option("--details", is_flag=True, help="Show all attributes, events and links.")
@click.option("--strict", is_flag=True, help="Exit with 1 if a record is malformed.")
def decode(  # noqa: PLR0913 - one per option
    log: str,
    *,
    form: str | None,
    as_json: bool,
    output: Path | None,
    keep_logs: bool,
    details: bool,
    strict: bool,
) -> None:
    """Show the traces of a log, or write them to a file.

    Log lines that name their span by trace_id and span_id are shown with it.

    LOG is a file, or - for standard input (the default). It may be what a function printed, what
    `aws logs tail` or `aws logs filter-log-events` prints, or an export of CloudWatch Logs,
    gzipped or not. It is read as it comes: with `aws logs tail --follow GROUP | lambda-otel
    decode --keep-logs`, each trace is drawn once it has been quiet for two seconds.
    """
    if as_json and form not in (None, "json"):
        raise UsageProblem(f"--json and --format {form} contradict each other; give one of them")
    form = form or ("json" if as_json else "waterfall")
    if form == "html" and output is None and sys.stdout.isatty():
        raise UsageProblem("the report is a file for a browser; give --output report.html")
    # Logs go between drawn traces, but not between lines that a program reads.
    among_traces = form == "waterfall" and output is None
    kept = (sys.stdout if among_traces else sys.stderr).buffer if keep_logs else None
    decoder = Decoder()
    with open_log(log) as opened, _opened(output) as file:
        ended = _pump(opened, decoder, SINKS[form](file, details=details), kept)
    if decoder.malformed:
        click.echo(f"{opened.name}: {_counted(decoder)}", err=True)
    if ended:
        raise ended
    if decoder.malformed and strict:
        raise CheckFailed(f"{opened.name} holds malformed records, and --strict was given")


class _Interrupted(SystemExit):
    """Ctrl-C was pressed, which is how one leaves a log that is followed."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGINT)


def _pump(
    log: Log, decoder: Decoder, sink: Sink, kept: IO[bytes] | None
) -> UsageProblem | _Interrupted | None:
    """Move a log through the decoder into the sink.

    Returns:
        What ended the log before its end, if its spans were written nevertheless.

    Raises:
        UsageProblem: The log cannot be read, or it holds no spans.
    """
    ended: UsageProblem | _Interrupted | None = None
    try:
        for line in _until_interrupted(log.lines()):
            if line is None:
                sink.pause()
            elif (requests := decoder.requests(line)) is not None:
                for request in requests:
                    sink.take(request)
            else:
                for noted in log_lines(line):
                    sink.note(noted)
                if kept is not None:
                    kept.write(line)
                    kept.flush()
    except (UsageProblem, _Interrupted) as reason:
        ended = reason
    if sink.spans:
        sink.end()
    elif ended:
        raise ended
    else:
        found = f" but {_counted(decoder)}" if decoder.malformed else ""
        raise UsageProblem(
            f"{log.name} holds no spans{found}; give the log of an instrumented function"
        )
    return ended


def _until_interrupted(lines: Iterator[bytes | None]) -> Iterator[bytes | None]:
    """Yield lines; after Ctrl-C, raise _Interrupted when the current line has been written."""
    interrupted = False

    def interrupt(number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        # A second Ctrl-C ends the command at once.
        signal.signal(number, signal.default_int_handler)

    # An exception in the middle of a line would leave a half-drawn trace. A log that is followed
    # gives None several times a second, so this is soon enough.
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        for line in lines:
            yield line
            if interrupted:
                raise _Interrupted
    finally:
        signal.signal(signal.SIGINT, before)


def _counted(decoder: Decoder) -> str:
    reasons = ", ".join(f"{count} {why}" for why, count in decoder.malformed.most_common())
    return f"{decoder.malformed.total()} malformed record(s): {reasons}"


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[str]]:
    """Open the output; a file appears complete or, if something fails, not at all."""
    if output is None:
        yield sys.stdout
        return
    try:
        scratch = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed below, before it is renamed
            "w", dir=output.parent, prefix=f".{output.name}-", encoding="utf-8", delete=False
        )
    except OSError as error:
        raise UsageProblem(
            f"{output} cannot be written ({error.strerror}); give another path"
        ) from error
    try:
        with scratch:
            yield scratch.file
        Path(scratch.name).replace(output)
    finally:
        with suppress(FileNotFoundError):
            Path(scratch.name).unlink()
