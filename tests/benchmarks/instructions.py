"""Count instructions instead of time: a figure that any machine repeats, however busy it is.

Counted by valgrind's cachegrind in one process, without the emulator: the platform's runtime is
imported, then the handler's module, then the handler is called. What it costs that caches are cold
and that the system is called, no count shows.
"""

import re
import shutil
import subprocess
import sys

from lambda_otel_lite_cdk.cli.emulator.toolchain import interpreter_for, runtime_packages
from tests.benchmarks.subjects import EVENT, HANDLERS, Subject

#: Warm calls that are counted, and those before.
CALLS, WARM_UP = 100, 20

_DRIVER = """
import importlib, json, os, sys
import awslambdaric.bootstrap
name, event, calls = sys.argv[1], json.load(open(sys.argv[2])), int(sys.argv[3])
class Context:
    function_name = "orders"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:orders"
    client_context = identity = None
    def get_remaining_time_in_millis(self):
        return 30_000
module, _, function = name.rpartition(".")
handler = getattr(importlib.import_module(module), function)
for number in range(calls):
    context = Context()
    context.aws_request_id = f"00000000-0000-4000-8000-{number:012}"
    handler(event, context)
sys.stdout.flush()
os._exit(0)
"""


def can_count() -> bool:
    """Say whether this machine has valgrind."""
    return shutil.which("valgrind") is not None


def cold_start_millions(subject: Subject, python: str) -> float:
    """Return the instructions from the start of the process to the first answer, in millions."""
    return _count(subject, python, 1) / 1e6


def warm_call_thousands(subject: Subject, python: str) -> float:
    """Return the instructions of one warm call, in thousands."""
    before = _count(subject, python, WARM_UP)
    return (_count(subject, python, WARM_UP + CALLS) - before) / CALLS / 1e3


def _count(subject: Subject, python: str, calls: int) -> int:
    interpreter = interpreter_for(f"python{python}")
    folders = [HANDLERS, runtime_packages(interpreter, f"python{python}")]
    if subject.layer:
        folders.insert(1, subject.layer / "python")
    done = subprocess.run(
        [
            *("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"),
            *(interpreter, "-c", _DRIVER, subject.handler, EVENT, str(calls)),
        ],
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHONPATH": ":".join(map(str, folders)),
            # Or each run would hash otherwise, and count otherwise.
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_LAMBDA_FUNCTION_NAME": "orders",
            "AWS_REGION": "eu-west-1",
            "_HANDLER": subject.handler,
            "BENCH_SPANS": "1",
            **subject.environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    counted = re.search(r"I\s+refs:\s+([\d,]+)", done.stderr)
    if done.returncode != 0 or counted is None:
        sys.stderr.write(done.stderr)
        raise RuntimeError(f"{subject.name}: valgrind counted nothing")
    return int(counted[1].replace(",", ""))
