"""End processes for good: those that were started and those that they started."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

#: Time that a process has to end by itself: Lambda's own shutdown window is 2 seconds at most.
_TERM_SECONDS = 5.0


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads its own session, and its children, which may lead groups.

    The emulator puts the runtime into a process group of its own, so that ending the emulator's
    group alone would leave the function behind where the emulator has no time to clean up.
    """
    groups = [process.pid, *_children(process.pid)]
    process.terminate()
    try:
        process.wait(_TERM_SECONDS)
    except subprocess.TimeoutExpired:
        groups = sorted({*groups, *_children(process.pid)})
    for group in groups:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    process.wait()


def _children(pid: int) -> list[int]:
    """Return a process's children, whichever of its threads started them."""
    found: list[int] = []
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, listing.read_text().split())
    return found
