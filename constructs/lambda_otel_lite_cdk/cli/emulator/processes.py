"""End processes for good: those that were started and those that they started."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lambda_otel_lite_cdk.cli.emulator import guard

#: Time that a process has to end by itself: Lambda's own shutdown window is 2 seconds at most.
_TERM_SECONDS = 5.0


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads its own session, and all that is in its session.

    The emulator puts the runtime into a process group of its own, so that ending the emulator's
    group alone would leave the function behind where the emulator has no time to clean up.
    """
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_TERM_SECONDS)
    guard.kill_session(process.pid)
    process.wait()


@contextmanager
def guarded(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Have a process's session killed if this process dies within the ``with`` block.

    Args:
        process: The process that leads the session.
    """
    command = [sys.executable, "-I", "-S", guard.__file__, str(process.pid)]
    # In a session of its own: what kills this process's group does not reach it.
    watcher = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield
    finally:
        # Closes the pipe too.
        watcher.communicate(b"done")
