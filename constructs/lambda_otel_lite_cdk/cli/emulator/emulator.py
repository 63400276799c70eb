"""Run a function under the official AWS Lambda Runtime Interface Emulator, without Docker.

The emulator starts the real ``awslambdaric``, which loads the function's handler. Events are sent
by HTTP, as on a developer's machine with Docker. Source: README of
https://github.com/aws/aws-lambda-runtime-interface-emulator; the behaviour noted below is that of
its version in aws-sam-cli 1.170.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self, cast

from lambda_otel_lite_cdk.cli.emulator._output import OutputReader, enlarge
from lambda_otel_lite_cdk.cli.emulator._staging import stage
from lambda_otel_lite_cdk.cli.emulator.environment import (
    PSEUDO_PARAMETERS,
    own_variables,
    platform_variables,
)
from lambda_otel_lite_cdk.cli.emulator.processes import guarded, stop
from lambda_otel_lite_cdk.cli.emulator.toolchain import (
    emulator_binary,
    interpreter_for,
    runtime_packages,
)
from lambda_otel_lite_cdk.cli.errors import UsageProblem

if TYPE_CHECKING:
    from lambda_otel_lite_cdk.cli.assembly.functions import TemplateFunction

_PATH = "/2015-03-31/functions/function/invocations"
#: Error types after which the platform starts a new execution environment.
_FATAL = ("Runtime.", "Sandbox.", "Extension.")
_START_ATTEMPTS = 3
_START_SECONDS = 20.0
#: How long an answer may take beyond the function's own timeout: its init comes first.
_GRACE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationResult:
    """Hold what came of one invocation.

    Args:
        request_id: Lambda's request id, empty if the runtime never got the event.
        payload: What the handler returned, decoded; None after an error.
        error: Lambda's error object (``errorType``, ``errorMessage``, ``stackTrace``), or None.
        log_lines: What the function wrote to stdout and stderr, line by line, without the
            platform's own lines.
        report: The platform's ``REPORT`` line, or None if the runtime died.
        cold: Whether the execution environment was started for it.
        duration_ms: Time from the event to the answer in milliseconds, cold start included.
    """

    request_id: str
    payload: Any
    error: Mapping[str, Any] | None
    log_lines: tuple[str, ...]
    report: str | None
    cold: bool
    duration_ms: float


class Emulator:
    """Run one execution environment of a function while the ``with`` block lasts.

    Args:
        function: The function of the assembly.
        parameters: Values for the expressions in its environment, by ``LogicalId`` or
            ``LogicalId.Attribute``, or by pseudo parameter. Default: none.
        variables: Environment variables that override the function's own. Default: none.
        layers: Folders or zip files for the layers that are not in the assembly, in their order.
            Default: none.
        python: Interpreter to run it with. Default: one of its runtime's version.

    Raises:
        UsageProblem: From ``__enter__``: the function cannot be run on this machine.
    """

    def __init__(
        self,
        function: TemplateFunction,
        *,
        parameters: Mapping[str, str] | None = None,
        variables: Mapping[str, str] | None = None,
        layers: Sequence[Path] = (),
        python: Path | None = None,
    ) -> None:
        self._function = function
        self._parameters = {**PSEUDO_PARAMETERS, **(parameters or {})}
        self._variables = variables or {}
        self._layers = layers
        self._python = python
        self._cold = True
        #: What differs from Lambda, for the user to read, or None.
        self.note: str | None = None
        self._resources = ExitStack()
        self._turn = threading.Lock()
        self._port = 0
        self._process: subprocess.Popen[bytes]
        self._output: OutputReader
        self._diagnostics: OutputReader

    def __enter__(self) -> Self:
        """Start the emulator and wait until it takes events."""
        python = self._python or interpreter_for(self._function.runtime)
        own = own_variables(self._function, self._parameters, self._variables)
        with ExitStack() as resources:
            scratch = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="lambda-")))
            staged = stage(self._function, scratch, self._layers)
            self.note = staged.note()
            search = staged.layer_paths(self._function.runtime)
            search.append(runtime_packages(python, self._function.runtime))
            region = self._parameters["AWS::Region"]
            variables = {
                **platform_variables(self._function, staged, region, search),
                **own,
                **self._variables,
            }
            self._start(python, staged.task_root, variables, resources)
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the function and everything that it started."""
        self._resources.close()

    def invoke(self, event: Any) -> InvocationResult:
        """Send an event and return what came of it.

        Args:
            event: Anything that can be written as JSON.

        Raises:
            UsageProblem: The emulator itself has died.
        """
        with self._turn:
            self._output.begin()
            start = time.perf_counter()
            status, body = self._post(json.dumps(event).encode())
            duration_ms = (time.perf_counter() - start) * 1000
            # Everything the function wrote before it answered is in the pipe by now.
            output = self._output.drain()
            answer, failed = _answer(status, body)
            cold, self._cold = self._cold, failed and str(answer["errorType"]).startswith(_FATAL)
            return InvocationResult(
                request_id=output.request_id,
                payload=None if failed else answer,
                error=answer if failed else None,
                log_lines=tuple(output.lines),
                report=output.report,
                cold=cold,
                duration_ms=duration_ms,
            )

    def _post(self, body: bytes) -> tuple[int, bytes]:
        timeout = self._function.timeout_s + _GRACE_SECONDS
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=timeout)
        try:
            connection.request("POST", _PATH, body)
            response = connection.getresponse()
            return response.status, response.read()
        except (OSError, http.client.HTTPException) as problem:
            raise UsageProblem(
                f"the emulator of {self._function.path} did not answer ({problem!r}); run this "
                f"again; its last output: {self._diagnostics.tail()}"
            ) from problem
        finally:
            connection.close()

    def _start(
        self, python: Path, task_root: Path, variables: Mapping[str, str], resources: ExitStack
    ) -> None:
        for _ in range(_START_ATTEMPTS):
            self._port, runtime_api = _free_ports()
            self._process = subprocess.Popen(
                [
                    emulator_binary(),
                    *("--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"),
                    *("--runtime-api-address", f"127.0.0.1:{runtime_api}"),
                    # -m puts the working directory, the task root, before all other folders.
                    *(python, "-m", "awslambdaric", self._function.handler),
                ],
                cwd=task_root,
                env=dict(variables),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            attempt = ExitStack()
            output, diagnostics = _pipes(self._process)
            enlarge(output)
            self._output = attempt.enter_context(OutputReader(output))
            self._diagnostics = attempt.enter_context(OutputReader(diagnostics))
            attempt.enter_context(guarded(self._process))
            attempt.callback(stop, self._process)
            if self._is_ready():
                resources.push(attempt)
                return
            attempt.close()
        raise UsageProblem(
            f"the emulator of {self._function.path} did not start; run this again; its last "
            f"words: {self._diagnostics.tail()}"
        )

    def _is_ready(self) -> bool:
        """Wait until the emulator listens; False if it ended, as when a port was taken."""
        deadline = time.monotonic() + _START_SECONDS
        pause = 0.005
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                time.sleep(pause)
                pause = min(pause * 2, 0.2)
            else:
                return self._process.poll() is None
        return False


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    """Return the reading ends of a process's stdout and stderr, both of which are pipes."""
    return cast("IO[bytes]", process.stdout), cast("IO[bytes]", process.stderr)


def _free_ports() -> tuple[int, int]:
    """Return two free loopback ports; if another process takes one, the start is repeated."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return first.getsockname()[1], second.getsockname()[1]


def _answer(status: int, body: bytes) -> tuple[Any, bool]:
    """Return the answer of the function or the platform, and whether it is Lambda's error."""
    text = body.decode("utf-8", "replace")
    try:
        answer = json.loads(text)
    except ValueError:
        # The emulator reports a timeout as plain text, with status 200.
        timed_out = text.startswith("Task timed out")
        kind = "Sandbox.Timedout" if timed_out else "Sandbox.Failure"
        return {"errorType": kind, "errorMessage": text}, True
    # The emulator answers 200 for a failed handler too, without X-Amz-Function-Error. The runtime
    # client's error object has a stack trace, the platform's an error type of its own; a handler
    # may itself return an object with the other two keys.
    error = isinstance(answer, dict) and {"errorType", "errorMessage"} <= answer.keys()
    if not error and status != http.HTTPStatus.OK:
        return {
            "errorType": "Sandbox.Failure",
            "errorMessage": f"HTTP status {status}: {text}",
        }, True
    failed = error and ("stackTrace" in answer or str(answer["errorType"]).startswith(_FATAL))
    return answer, failed
