"""End processes: those that were started, and those that these started."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from lambda_otel_lite_cdk.cli.emulator import _guard


def stop(process: subprocess.Popen[bytes], *, patience_s: float = 5.0) -> None:
    """End a process that leads a session, and everything in its session.

    The emulator puts the runtime into a process group of its own. Ending the emulator's group alone
    would leave the function behind if the emulator has no time to clean up.

    Args:
        process: The process that leads the session.
        patience_s: Seconds that it may take to end by itself, before it is killed. Default: 5;
            Lambda's own shutdown phase takes 2 at most.
    """
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(patience_s)
    _guard.kill_session(process.pid)
    process.wait()


@contextmanager
def guarded(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Kill a process's session if this process dies within the ``with`` block.

    Args:
        process: The process that leads the session.
    """
    command = [sys.executable, "-I", "-S", _guard.__file__, str(process.pid)]
    # In a session of its own, so that what kills this process's group does not kill the guard.
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
