"""The named pipe of otlp-stdout-span-exporter, for an extension that forwards log records.

Its reader opens the pipe once for each invocation and reads to the end before it asks the platform
for the next event: so the pipe is opened exactly once for each flush, with or without spans, and
never waited for without bound
(https://github.com/dev7a/serverless-otlp-forwarder, changelog of its Python package).
"""

import errno
import os
import sys
import time
from typing import TYPE_CHECKING

from lambda_otel_lite.log import Logger, wait_until_writable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class Output(Protocol):
        """What lines are written to."""

        def write(self, line: str, /) -> object:
            """Write a line that ends with a newline, or raise an ``OSError``."""


logger = Logger("lambda_otel_lite.exporter")

#: Where otlp-stdout-span-exporter has the pipe, in ``constants.Defaults.PIPE_PATH``.
PATH = "/tmp/otlp-stdout-span-exporter.pipe"  # noqa: S108 - theirs

# How long the reader is waited for, in s: it learns of an invocation when the handler does. If it
# did not come the last time it is given less, but never nothing: it may be a moment later than a
# short handler, and would then wait for a writer until the function times out.
_PATIENCE = 0.2
_LITTLE_PATIENCE = 0.02
_PAUSE = 0.002


class Pipe:
    """Keeps log records until a flush, and then writes them to the pipe.

    Where the pipe has no reader they go to stdout.

    Args:
        stdout: Takes what the pipe does not.
    """

    def __init__(self, stdout: "Output") -> None:
        self._stdout = stdout
        self._lines: list[str] = []
        self._patience = _PATIENCE
        self._has_warned = False

    def write(self, line: str) -> None:
        """Keep a line until the next flush."""
        self._lines.append(line)

    def flush(self) -> None:
        """Open the pipe, write what was kept and close it, which tells the reader that it is all.

        Raises:
            OSError: Neither pipe nor stdout can be written to.
        """
        lines, self._lines = self._lines, []
        written = 0
        try:
            descriptor = self._open()
            try:
                for line in lines:
                    _write(descriptor, line)
                    written += 1
            finally:
                os.close(descriptor)
        except OSError as error:
            self._write_to_stdout(lines[written:], error)

    def _write_to_stdout(self, lines: "Sequence[str]", error: OSError) -> None:
        if not self._has_warned:
            self._has_warned = True
            logger.warning(
                "the named pipe of OTLP_STDOUT_SPAN_EXPORTER_OUTPUT_TYPE=pipe cannot be written to"
                " (%s); log records go to stdout until it can. It needs an extension that reads %s",
                error,
                _path(),
            )
        for line in lines:
            self._stdout.write(line)

    def _open(self) -> int:
        until = time.monotonic() + self._patience
        while True:
            try:
                descriptor = os.open(_path(), os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno == errno.ENXIO and time.monotonic() < until:  # nobody reads yet
                    time.sleep(_PAUSE)
                    continue
                self._patience = _LITTLE_PATIENCE
                raise
            self._patience = _PATIENCE
            return descriptor


def _path() -> str:
    constants = sys.modules.get("otlp_stdout_span_exporter.constants")
    return constants.Defaults.PIPE_PATH if constants else PATH


def _write(descriptor: int, line: str) -> None:
    rest = memoryview(line.encode("ascii"))
    while rest:
        try:
            rest = rest[os.write(descriptor, rest) :]
        except BlockingIOError:
            wait_until_writable(descriptor)
