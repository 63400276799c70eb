"""Run a function in an execution environment of the tests' own.

The function's process is the platform's real runtime, ``awslambdaric``; the platform around it is
`tests.platform.state`, which can do on request what the real one does rarely: freeze, lose a
connection, refuse a call, shut down.
"""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lambda_otel_lite_cdk.cli.emulator.toolchain import runtime_packages
from lambda_otel_lite_cdk.cli.traces.records import Decoder
from lambda_otel_lite_cdk.cli.traces.spans import Span

from .output import Output
from .server import Server
from .state import PATIENCE, Fault, Invocation, State

#: Lambda's identifier of the Python that runs the tests.
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"


def spans_in(lines: Sequence[str]) -> list[Span]:
    """Return the spans of all log records; a line that cannot be read fails the test."""
    decoder = Decoder()
    spans = list(decoder.decode(lines))
    assert not decoder.malformed
    return spans


class Environment:
    """One execution environment of a function, for as long as the ``with`` block lasts.

    Args:
        code: Folder of the function's modules.
        handler: ``module.function``.
        variables: The function's environment variables.
        timeout: The function's timeout in s. Default: 20.
        workers: How many processes serve it side by side. Default: 1.
        refuses_registration: No extension may register.
        taken_names: Names of extensions that are there already.
        faults: What goes wrong with the first calls of ``/event/next``.
        python: Interpreter of the function. Default: the one that runs the tests.
    """

    def __init__(  # noqa: PLR0913 - one for each thing that a platform may do
        self,
        code: Path,
        handler: str,
        variables: Mapping[str, str],
        *,
        timeout: float = 20.0,
        workers: int = 1,
        refuses_registration: bool = False,
        taken_names: Sequence[str] = (),
        faults: Sequence[Fault] = (),
        python: Path | None = None,
    ) -> None:
        self._code = code
        self._handler = handler
        self._variables = variables
        self._timeout = timeout
        self._python = python or Path(sys.executable)
        self._resources = ExitStack()
        self.state = State(
            self._count_lines,
            workers=workers,
            refuses_registration=refuses_registration,
            taken_names=set(taken_names),
            faults=deque(faults),
        )
        self.output: Output
        self.process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        """Start the function's process."""
        with ExitStack() as resources:
            server = resources.enter_context(Server(self.state))
            self.process = subprocess.Popen(
                [self._python, "-m", "awslambdaric", self._handler],
                cwd=self._code,
                env=self._environ(server.address),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            assert self.process.stdout is not None
            self.output = Output(self.process.stdout)
            resources.callback(self.output.close)
            # Started after the output is there to be counted.
            watcher = threading.Thread(target=self._watch)
            watcher.start()
            resources.callback(watcher.join)
            resources.callback(self.kill)
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill what is left of the function."""
        self._resources.close()

    @property
    def next_calls(self) -> int:
        """How often an extension has called ``/event/next``."""
        return self.state.calls["event/next"]

    def fail_init(self) -> Any:
        """Return the error of an init that fails, as the function reported it."""
        self.state.wait_until(lambda: self.state.init_error is not None, "the report of an error")
        return self.state.init_error

    def start(
        self,
        event: Any = None,
        *,
        request_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Invocation:
        """Send an event as soon as the environment is idle, and return while it is worked on."""
        self.state.wait_until(self.state.is_idle, "the end of init or of the invocation before")
        invocation = Invocation(
            request_id or str(uuid.uuid4()),
            event or {},
            int((time.time() + self._timeout) * 1000),
            self.output.count(),
            headers or {},
        )
        self.state.invoke(invocation)
        return invocation

    def finish(self, invocation: Invocation) -> Invocation:
        """Wait for the end of an invocation; kill the function at its deadline."""
        with self.state.changed:
            remaining = invocation.deadline_ms / 1000 - time.time()
            self.state.changed.wait_for(lambda: invocation.outcome, remaining)
        if not invocation.outcome:
            self.state.time_out(invocation)
            self.kill()
        return invocation

    def invoke(
        self,
        event: Any = None,
        *,
        request_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Invocation:
        """Send an event and wait for the end of its invocation."""
        return self.finish(self.start(event, request_id=request_id, headers=headers))

    def lines(self, invocation: Invocation) -> list[str]:
        """Return what the function wrote between an invocation's start and its end."""
        return self.output.lines[invocation.first_line : invocation.last_line]

    def spans(self, invocation: Invocation) -> list[Span]:
        """Return the spans exported between an invocation's start and its end."""
        return spans_in(self.lines(invocation))

    def spans_since(self, line: int) -> list[Span]:
        """Return the spans exported since so many lines had been written."""
        self.output.count()
        return spans_in(self.output.lines[line:])

    def exported_before_answer(self, invocation: Invocation) -> list[Span]:
        """Return the spans exported between an invocation's start and the function's answer."""
        return spans_in(self.output.lines[invocation.first_line : invocation.lines_when_answered])

    def wait_for_next_calls(self, count: int) -> None:
        """Wait until an extension has called ``/event/next`` that often."""
        self.state.wait_until(lambda: self.next_calls >= count, f"call {count} of /event/next")

    def inject(self, *faults: Fault) -> None:
        """Have the next calls of ``/event/next`` go wrong, one fault for each call."""
        with self.state.changed:
            self.state.faults.extend(faults)

    def freeze(self, seconds: float) -> None:
        """Stop the process for some time, as the platform does between invocations."""
        self.state.wait_until(self.state.is_idle, "the end of the invocation before")
        os.killpg(self.process.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.killpg(self.process.pid, signal.SIGCONT)

    def shut_down(self) -> int:
        """Shut the environment down as the platform does; return the process's exit code.

        SIGTERM is for functions with an extension only; the others are killed at once.
        """
        if not self.state.extensions:
            self.kill()
        else:
            self.process.send_signal(signal.SIGTERM)
        return self.wait_for_exit()

    def wait_for_exit(self) -> int:
        """Wait until the process has ended by itself; return its exit code."""
        self.state.wait_until(lambda: self.state.exited is not None, "the function's exit")
        assert self.state.exited is not None
        self.output.close()
        return self.state.exited

    def kill(self) -> None:
        """Kill the function, with all that it started."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _count_lines(self) -> int:
        return self.output.count()

    def _watch(self) -> None:
        self.state.note_exit(self.process.wait())

    def _environ(self, address: str) -> dict[str, str]:
        return {
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{RUNTIME}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_FUNCTION_NAME": "orders",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_REGION": "eu-west-1",
            "LAMBDA_TASK_ROOT": str(self._code),
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(runtime_packages(self._python, RUNTIME)),
            **self._variables,
        }


__all__ = ["PATIENCE", "RUNTIME", "Environment", "Fault", "Invocation", "spans_in"]
