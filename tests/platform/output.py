"""Know exactly what a process had written at a given moment."""

import array
import fcntl
import os
import select
import termios
import threading
from typing import IO

_PIPE_BYTES = 1024 * 1024


class Output:
    """Read a process's output in a thread, and to the last byte whenever it is asked.

    A process that writes and then calls its platform has its text in the pipe by the time of the
    call, so that `count`, asked at that time, misses nothing and holds nothing that came later.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        self._pipe = pipe
        self._partial = b""
        self._ended = False
        self._grown = threading.Condition()
        self.lines: list[str] = []
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def count(self) -> int:
        """Return the number of lines written up to now."""
        with self._grown:
            self._read()
            return len(self.lines)

    def wait_for(self, text: str, seconds: float = 20.0) -> None:
        """Wait until some line holds the text."""
        with self._grown:
            found = self._grown.wait_for(
                lambda: self._ended or any(text in line for line in self.lines), seconds
            )
            if not found or not any(text in line for line in self.lines):
                raise AssertionError(f"never saw {text!r} in {self.lines}")

    def close(self) -> None:
        """Read what is left; all writers have to be gone."""
        self._thread.join()
        self._pipe.close()

    def _follow(self) -> None:
        while not self._ended:
            select.select([self._pipe], [], [])
            with self._grown:
                self._read()
                # Readable and nothing to read: the last writer is gone.
                if select.select([self._pipe], [], [], 0)[0]:
                    self._ended = not self._unread()

    def _read(self) -> None:
        while not self._ended and self._unread():
            *lines, self._partial = (self._partial + os.read(self._pipe.fileno(), 65536)).split(
                b"\n"
            )
            self.lines += [line.decode("utf-8", "replace") for line in lines]
        self._grown.notify_all()

    def _unread(self) -> int:
        count = array.array("i", [0])
        fcntl.ioctl(self._pipe, termios.FIONREAD, count)
        return count[0]
