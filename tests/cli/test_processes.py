from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_otel_lite_cdk.cli import processes
from lambda_otel_lite_cdk.cli.output import enlarge

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
        child = Path("/proc", said.readline().decode().strip(), "stat")
        assert child.exists()
        processes.stop(process)
    assert process.returncode is not None
    # Gone, or dead and waiting for whoever adopted it.
    assert not child.exists() or " Z " in child.read_text()


def test_a_pipe_has_room_for_several_whole_record_lines() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as process:
        pipe = enlarge(process.stdout)
        assert pipe is not None
        assert fcntl.fcntl(pipe, fcntl.F_GETPIPE_SZ) >= 1024 * 1024
