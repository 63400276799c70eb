"""Kill a session of processes once the process that started it is gone, even by SIGKILL.

Run as a script, with the standard library alone: ``python _guard.py SESSION``, with a pipe as
standard input. The kernel closes the pipe when its owner ends; an owner that has ended the session
itself writes something into it first.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress

_ROUNDS = 10


def kill_session(session: int) -> None:
    """Kill all processes of a session, whatever process groups they have made in it.

    Args:
        session: Id of the session, which is the id of the process that leads it.
    """
    # What forks meanwhile is killed in the next round.
    for _ in range(_ROUNDS):
        members = [pid for pid in _processes() if _session_of(pid) == session]
        if not members:
            return
        for pid in members:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - names


def _session_of(pid: int) -> int | None:
    try:
        # A process that is dead but not yet waited for does not count.
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib is slow to import
            state, _, _, session = file.read().rpartition(b") ")[2].split()[:4]
    except OSError:
        return None
    return None if state == b"Z" else int(session)


if __name__ == "__main__" and not sys.stdin.read():
    kill_session(int(sys.argv[1]))
