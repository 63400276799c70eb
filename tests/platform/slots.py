"""A Lambda Managed Instance: one environment that serves several invocations at once.

The platform's runtime, ``awslambdaric`` 4.2, forks a process for each slot, points its stdout and
stderr at connections to a socket of the platform's, and imports the handler in it
(``awslambdaric.lambda_multi_concurrent_utils``).
"""

import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lambda_otel_lite_cdk.cli.emulator.toolchain import runtime_packages

from .environment import RUNTIME
from .server import Server
from .state import PATIENCE, Invocation, RefusedError, State


@dataclass
class Connection:
    """What one stream of a slot has written.

    Args:
        stream: Where it comes from.
        process: The slot's process id.
        taken: What came, up to now.
    """

    stream: socket.socket
    process: int
    taken: bytearray = field(default_factory=bytearray)

    def read(self) -> bool:
        """Take what is there; say whether there may be more later."""
        try:
            while new := self.stream.recv(65536):
                self.taken += new
        except BlockingIOError:
            return True
        return False

    @property
    def lines(self) -> list[str]:
        """All lines, the last without its end if it has none."""
        return self.taken.decode("utf-8").splitlines()


@dataclass
class _Concurrent(State):
    """Hands out invocations to whichever slot asks."""

    waiting: list[Invocation] = field(default_factory=list)
    all: dict[str, Invocation] = field(default_factory=dict)

    def runtime_next(self) -> Invocation:
        with self.changed:
            self.waiting_runtimes += 1
            self.changed.notify_all()
            self._wait(lambda: bool(self.waiting))
            self.waiting_runtimes -= 1
            return self.waiting.pop(0)

    def answer(self, request_id: str, *, response: Any = None, error: Any = None) -> None:
        with self.changed:
            invocation = self.all.get(request_id)
            if invocation is None or invocation.answered:
                raise RefusedError(400, "InvalidRequestID")
            invocation.answered = True
            invocation.response, invocation.error = response, error
            self.changed.notify_all()


class ManagedInstance:
    """An environment with several slots, for as long as the ``with`` block lasts.

    Args:
        code: Folder of the function's modules.
        handler: ``module.function``.
        variables: The function's environment variables.
        slots: How many invocations it serves at once.
        folder: Where its socket is made.
    """

    def __init__(
        self, code: Path, handler: str, variables: Mapping[str, str], slots: int, folder: Path
    ) -> None:
        self._code = code
        self._handler = handler
        self._variables = variables
        self._slots = slots
        self._socket = folder / "log.sock"
        self._resources = ExitStack()
        self.state = _Concurrent(lambda: 0, workers=slots)
        self.connections: list[Connection] = []
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        """Start it, and wait until all slots ask for work."""
        with ExitStack() as resources:
            server = resources.enter_context(Server(self.state))
            listener = resources.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            listener.bind(str(self._socket))
            listener.listen(2 * self._slots)
            reader = threading.Thread(target=self._read, args=(listener,))
            reader.start()
            resources.callback(reader.join)
            resources.callback(self._ended.set)
            process = subprocess.Popen(
                [sys.executable, "-m", "awslambdaric", self._handler],
                cwd=self._code,
                env=self._environ(server.address),
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            resources.callback(process.wait)
            resources.callback(os.killpg, process.pid, signal.SIGKILL)
            resources.callback(self.state.note_exit, 0)
            self.state.wait_until(self._is_idle, "the start of all slots")
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill it."""
        self._resources.close()

    def start(
        self, event: Any, *, seconds: float = 20.0, headers: Mapping[str, str] | None = None
    ) -> Invocation:
        """Send an event, and return while it is worked on.

        Args:
            event: What the handler gets.
            seconds: Time until its deadline, in s.
            headers: What the platform adds to its own headers.
        """
        deadline_ms = int((time.time() + seconds) * 1000)
        invocation = Invocation(str(uuid.uuid4()), event, deadline_ms, 0, headers or {})
        with self.state.changed:
            self.state.all[invocation.request_id] = invocation
            self.state.waiting.append(invocation)
            self.state.changed.notify_all()
        return invocation

    def finish(self) -> None:
        """Wait until all that was sent is answered, and read what was written by then."""
        self.state.wait_until(
            lambda: self._is_idle() and all(one.answered for one in self.state.all.values()),
            "the end of all invocations",
        )
        with self.state.changed:
            for one in self.connections:
                one.read()

    def wait_for(self, count: int, text: str) -> None:
        """Wait until a text has been written so often."""
        self.state.wait_until(
            lambda: sum(one.taken.count(text.encode()) for one in self.connections) >= count,
            f"{count} times {text!r}",
        )

    def _is_idle(self) -> bool:
        return self.state.waiting_runtimes == self._slots and not self.state.waiting

    def _read(self, listener: socket.socket) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(listener, selectors.EVENT_READ)
            while not self._ended.is_set():
                for key, _ in ready.select(0.05):
                    with self.state.changed:
                        if key.data is None:
                            connection = _accepted(listener)
                            self.connections.append(connection)
                            ready.register(connection.stream, selectors.EVENT_READ, connection)
                        elif not key.data.read():
                            ready.unregister(key.fileobj)
                        self.state.changed.notify_all()
        for one in self.connections:
            one.stream.close()

    def _environ(self, address: str) -> dict[str, str]:
        return {
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{RUNTIME}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "4096",
            "AWS_LAMBDA_FUNCTION_NAME": "orders",
            "AWS_LAMBDA_FUNCTION_VERSION": "7",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "lambda-managed-instances",
            "AWS_LAMBDA_MAX_CONCURRENCY": str(self._slots),
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_REGION": "eu-west-1",
            "LANG": "en_US.UTF-8",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(runtime_packages(Path(sys.executable), RUNTIME)),
            "_LAMBDA_TELEMETRY_LOG_FD_PROVIDER_SOCKET": str(self._socket),
            **self._variables,
        }


def _accepted(listener: socket.socket) -> Connection:
    stream, _ = listener.accept()
    stream.settimeout(0)
    # Process, user and group.
    credentials = stream.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    return Connection(stream, struct.unpack("3i", credentials)[0])


__all__ = ["PATIENCE", "Connection", "ManagedInstance"]
