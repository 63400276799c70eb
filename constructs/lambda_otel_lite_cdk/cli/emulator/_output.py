"""Read what an emulator prints and tell which invocation each line belongs to.

The emulator gives its own stdout to the function for both streams, and prints the platform's lines
``START``, ``END`` and ``REPORT`` between the function's. Its own log goes to stderr. The function's
init runs after the first ``START``, so nothing comes before that line.
"""

from __future__ import annotations

import array
import os
import re
import select
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import IO, Self

_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_PLATFORM_LINE = re.compile(
    rf"START RequestId: (?P<start>{_ID}) Version: .*$"
    rf"|END RequestId: {_ID}$"
    rf"|(?P<report>REPORT RequestId: {_ID}\t.*)$"
)
_PIPE_BYTES = 1024 * 1024
_TAIL_LINES = 5


@dataclass(slots=True)
class InvocationOutput:
    """Hold the lines of one invocation.

    Args:
        request_id: Lambda's request id, empty before ``START``.
        lines: The function's lines, without line ends.
        report: The ``REPORT`` line.
    """

    request_id: str = ""
    lines: list[str] = field(default_factory=list)
    report: str | None = None


def enlarge(pipe: IO[bytes]) -> None:
    """Enlarge a pipe so that whole log records fit into it.

    A write that does not fit into a pipe is cut, and another writer's line can land in the gap: log
    records reach 60 KB, a pipe holds 64 KB by default.
    """
    import fcntl  # noqa: PLC0415 - Windows has none, and is told so by the command

    # Refused to a user with many large pipes; lines are still read, as from any pipe.
    with suppress(OSError):
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


class OutputReader:
    """Read a pipe in a thread for as long as the ``with`` block lasts.

    Args:
        pipe: The reading end of a process's output.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self._changed = threading.Condition()
        self._current = InvocationOutput()
        self._tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._partial = b""
        self._ended = False
        self._wake_reader, self._wake_writer = os.pipe()
        self._thread = threading.Thread(target=self._run, name="output reader", daemon=True)

    def __enter__(self) -> Self:
        """Start reading."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop reading, even if something still holds the writing end."""
        os.close(self._wake_writer)
        self._thread.join()
        os.close(self._wake_reader)
        self._pipe.close()

    def begin(self) -> None:
        """Begin a new invocation, to which all lines from now on belong."""
        with self._changed:
            self._current = InvocationOutput()

    def drain(self) -> InvocationOutput:
        """Return the current invocation's output once everything written has been read."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or not self._unread())
            return self._current

    def tail(self) -> str:
        """Return the last lines, for an error message."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or not self._unread())
            return " | ".join(self._tail) or "it printed nothing"

    def _unread(self) -> int:
        import fcntl  # noqa: PLC0415 - as above
        import termios  # noqa: PLC0415 - as above

        count = array.array("i", [0])
        fcntl.ioctl(self._pipe, termios.FIONREAD, count)
        return count[0]

    def _run(self) -> None:
        source = self._pipe.fileno()
        while source in select.select([source, self._wake_reader], [], [])[0]:
            # Under one lock, so that an empty pipe means that every line has been kept.
            with self._changed:
                chunk = os.read(source, _PIPE_BYTES)
                self._keep(chunk)
                self._ended = not chunk
                self._changed.notify_all()
            if self._ended:
                return

    def _keep(self, chunk: bytes) -> None:
        *lines, self._partial = (self._partial + chunk).split(b"\n")
        for raw in lines:
            line = raw.decode("utf-8", "replace")
            self._tail.append(line)
            if (platform := _PLATFORM_LINE.search(line)) is None:
                self._current.lines.append(line)
                continue
            # If a function does not end its last line, the platform's line is on the same one.
            if platform.start():
                self._current.lines.append(line[: platform.start()])
            self._current.request_id = platform["start"] or self._current.request_id
            self._current.report = platform["report"] or self._current.report
