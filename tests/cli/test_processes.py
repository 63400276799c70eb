from __future__ import annotations

import fcntl
import os
import select
import subprocess
import sys
from typing import TYPE_CHECKING

from lambda_otel_lite_cdk.cli.emulator import processes
from lambda_otel_lite_cdk.cli.emulator.output import enlarge

if TYPE_CHECKING:
    import pytest

STUBBORN = """
import signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"], process_group=0)
print(child.pid, flush=True)
signal.pause()
"""


def test_a_process_that_will_not_end_is_killed_with_its_childs_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "_TERM_SECONDS", 0.05)
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    with process.stdout as said:
        child = os.pidfd_open(int(said.readline()))
        try:
            processes.stop(process)
            # The descriptor becomes readable when the process dies, which it does in its own time.
            died, _, _ = select.select([child], [], [], 10)
        finally:
            os.close(child)
    assert process.returncode is not None
    assert died


def test_a_pipe_has_room_for_several_whole_log_records() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        pipe = enlarge(process.stdout)
        assert pipe is not None
        assert fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) >= 1024 * 1024
