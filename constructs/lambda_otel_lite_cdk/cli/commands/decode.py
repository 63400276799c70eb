"""The work of ``lambda-otel decode``: a log in, spans out in the wanted form, as they come."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO

import click

from lambda_otel_lite_cdk.cli.errors import CheckFailed, UsageProblem
from lambda_otel_lite_cdk.cli.traces.logs import Log, open_log
from lambda_otel_lite_cdk.cli.traces.records import Decoder
from lambda_otel_lite_cdk.cli.traces.sinks import Sink, make_sink


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodeOptions:
    """Hold what a user may choose.

    Args:
        form: ``"waterfall"``, ``"json"``, ``"otlp-json"`` or ``"html"``.
        output: File to write to, or None for standard output.
        keep_logs: Whether lines without a record are passed through.
        details: Whether a waterfall shows all attributes, events and links.
        strict: Whether malformed records are a failure.
    """

    form: str
    output: Path | None
    keep_logs: bool
    details: bool
    strict: bool


def run_decode(path: str, options: DecodeOptions) -> None:
    """Decode a log.

    Args:
        path: The log's file, or ``-`` for standard input.
        options: What to make of it.

    Raises:
        UsageProblem: Where the log cannot be read or holds no spans.
        CheckFailed: Where it holds malformed records and `options.strict` is set.
    """
    if options.form == "html" and options.output is None and sys.stdout.isatty():
        raise UsageProblem("the report is a file for a browser; give --output report.html")
    decoder = Decoder()
    with open_log(path) as log, _opened(options.output) as file:
        sink = make_sink(options.form, file, details=options.details)
        interrupted, failure = _pump(log, decoder, sink, options)
        if sink.spans:
            sink.end()
        elif failure:
            raise failure
        elif not interrupted:
            found = f" but{_told(decoder)}" if decoder.malformed else ""
            raise UsageProblem(
                f"{log.name} holds no spans{found}; give the log of an instrumented function"
            )
    if decoder.malformed:
        click.echo(f"{log.name}:{_told(decoder)}", err=True)
    if failure:
        raise failure
    if interrupted:
        # As shells do; Ctrl-C is how one leaves a log that is being followed.
        sys.exit(128 + signal.SIGINT)
    if decoder.malformed and options.strict:
        raise CheckFailed(f"{log.name} holds malformed records, and --strict was given")


def _told(decoder: Decoder) -> str:
    """Return how many records could not be read and why, or nothing."""
    reasons = ", ".join(f"{count} {why}" for why, count in decoder.malformed.most_common())
    return f" {decoder.malformed.total()} malformed record(s): {reasons}" if reasons else ""


def _pump(
    log: Log, decoder: Decoder, sink: Sink, options: DecodeOptions
) -> tuple[bool, UsageProblem | None]:
    """Move the log through the decoder into the sink; return what ended it before its end."""
    kept = _kept_lines(options)
    interrupted = False

    def interrupt(number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = True
        # Whoever insists is obeyed at once.
        signal.signal(number, signal.default_int_handler)

    # An exception would leave a half-drawn trace; a log that is followed ticks, so this is soon.
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        for line in log.lines():
            if line is None:
                sink.pause()
            elif (requests := decoder.requests(line)) is not None:
                for request in requests:
                    sink.take(request)
            elif kept is not None:
                kept.write(line)
                kept.flush()
            if interrupted:
                break
    except UsageProblem as problem:
        return interrupted, problem
    finally:
        signal.signal(signal.SIGINT, before)
    return interrupted, None


def _kept_lines(options: DecodeOptions) -> IO[bytes] | None:
    if not options.keep_logs:
        return None
    # Among drawn traces, but never among what a program reads.
    to_stdout = options.form == "waterfall" and options.output is None
    return (sys.stdout if to_stdout else sys.stderr).buffer


@contextmanager
def _opened(output: Path | None) -> Iterator[IO[str]]:
    """Open the output; a file appears complete or, where something fails, not at all."""
    if output is None:
        yield sys.stdout
        return
    try:
        scratch = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed below, before it is renamed
            "w", dir=output.parent, prefix=f".{output.name}-", encoding="utf-8", delete=False
        )
    except OSError as error:
        raise UsageProblem(
            f"{output} cannot be written ({error.strerror}); give another"
        ) from error
    try:
        with scratch:
            yield scratch.file
        Path(scratch.name).replace(output)
    finally:
        with suppress(FileNotFoundError):
            Path(scratch.name).unlink()
