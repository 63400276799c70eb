"""Move a source into an output as it comes, until it ends or Ctrl-C is pressed."""

from __future__ import annotations

import io
import signal
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO, TYPE_CHECKING

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.traces.log_lines import log_lines
from lambda_otel_lite_cdk.cli.traces.records import Decoder
from lambda_otel_lite_cdk.cli.traces.sinks import Sink
from lambda_otel_lite_cdk.cli.traces.text import printable

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

#: What a source yields: a log's line, a request, or None where others may do something.
type Given = bytes | ExportTraceServiceRequest | None


class Interrupted(SystemExit):
    """Ctrl-C was pressed, which is how one leaves a log that is followed."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGINT)


def flow(
    source: Iterable[Given], decoder: Decoder, sink: Sink, kept: IO[bytes] | None = None
) -> UsageProblem | Interrupted | None:
    """Move a source through a decoder into a sink, up to the source's end.

    Args:
        source: What it yields.
        decoder: Reads the lines.
        sink: Takes the requests and the log lines of traces.
        kept: Where lines without a record go.

    Returns:
        What ended the source before its end.
    """
    ended: UsageProblem | Interrupted | None = None
    try:
        for given in _until_interrupted(source):
            if given is None:
                sink.pause()
            elif not isinstance(given, bytes):
                sink.take(given)
            elif (requests := decoder.requests(given)) is not None:
                for request in requests:
                    sink.take(request)
            else:
                for noted in log_lines(given):
                    sink.note(noted)
                if kept is not None:
                    kept.write(_harmless(given) if kept.isatty() else given)
                    kept.flush()
            if sink.is_full:
                break
    except (UsageProblem, Interrupted) as reason:
        ended = reason
    decoder.end()
    sink.end()
    return ended


def _harmless(line: bytes) -> bytes:
    """Return a log's line as a terminal may show it."""
    text = line.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign if sign in "\t\n" else printable(sign) for sign in text).encode()


def _until_interrupted(source: Iterable[Given]) -> Iterator[Given]:
    """Yield what a source does; after Ctrl-C, raise Interrupted when that has been written."""
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
        for given in source:
            yield given
            if interrupted:
                raise Interrupted
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def opened(output: Path | None, *, is_for_programs: bool) -> Iterator[IO[str]]:
    """Open the output; a file appears complete or, if something fails, not at all.

    Args:
        output: The file, or None for standard output.
        is_for_programs: Whether it is UTF-8 in any case, and not what the terminal shows.

    Raises:
        UsageProblem: The file cannot be written.
    """
    if output is None:
        if is_for_programs and isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")
        yield sys.stdout
        return
    try:
        scratch = tempfile.NamedTemporaryFile(  # noqa: SIM115 - closed below, before it is renamed
            "w",
            dir=output.parent,
            prefix=f".{output.name}-",
            encoding="utf-8",
            errors="replace",
            delete=False,
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
