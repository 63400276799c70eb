from __future__ import annotations

import os
import select
import signal
import subprocess
import sys

from lambda_otel_lite_cdk.cli.emulator import processes

STUBBORN = """
import signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "10"], process_group=0)
print(child.pid, flush=True)
child.wait()
"""


def test_a_process_that_will_not_end_is_killed_with_its_childs_group() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    with process.stdout as said:
        child = os.pidfd_open(int(said.readline()))
        try:
            processes.stop(process, patience_s=0.05)
            # The descriptor becomes readable when the process dies, which it does in its own time.
            died, _, _ = select.select([child], [], [], 10)
        finally:
            os.close(child)
    assert process.returncode == -signal.SIGKILL
    assert died
