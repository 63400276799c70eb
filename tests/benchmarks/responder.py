"""A Runtime and Extensions API that does next to nothing, to see when an answer comes.

The tests' own platform is strict, written in Python and has a thread for each connection: what it
does for the extension delays what it does for the function. Here one thread writes bytes that were
made before, to the function first and to the extension right after, as an invocation begins for
both; nothing is done until the answer is there.
"""

import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Self

from lambda_otel_lite_cdk.cli.emulator.toolchain import interpreter_for, runtime_packages
from tests.benchmarks.subjects import EVENT, HANDLERS, Subject

#: How long the function may say nothing, in s.
_PATIENCE = 20.0
_NEXT = b"GET /2018-06-01/runtime/invocation/next "
_REGISTER = b"POST /2020-01-01/extension/register "
_EVENT = b"GET /2020-01-01/extension/event/next "
_LARGEST = 1 << 16


class Responder:
    """Runs one function while the ``with`` block lasts.

    Args:
        subject: What runs.
        python: Minor version of the Python that it runs on.
        spans: How many the workload makes.
    """

    def __init__(self, subject: Subject, python: str, spans: int) -> None:
        self._subject = subject
        self._runtime = f"python{python}"
        self._spans = spans
        self._event = EVENT.read_bytes()
        self._resources = ExitStack()
        self._selector = selectors.DefaultSelector()
        self._function: socket.socket | None = None
        self._extension: socket.socket | None = None
        self._has_extension = False
        self._answered = 0.0
        self._invocations = 0

    def __enter__(self) -> Self:
        """Start the function's process."""
        with ExitStack() as resources:
            resources.enter_context(self._selector)
            server = resources.enter_context(socket.create_server(("127.0.0.1", 0)))
            self._when_readable(server, partial(self._accept, server))
            interpreter = interpreter_for(self._runtime)
            folders = [runtime_packages(interpreter, self._runtime)]
            if self._subject.layer is not None:
                folders.insert(0, self._subject.layer / "python")
            process = subprocess.Popen(
                [interpreter, "-m", "awslambdaric", self._subject.handler],
                cwd=HANDLERS,
                env={
                    "AWS_LAMBDA_FUNCTION_NAME": "orders",
                    "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.getsockname()[1]}",
                    "AWS_REGION": "eu-west-1",
                    "PATH": "/usr/bin:/bin",
                    "BENCH_SPANS": str(self._spans),
                    "PYTHONPATH": ":".join(map(str, folders)),
                    **self._subject.environment,
                },
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            resources.callback(process.wait)
            resources.callback(os.killpg, process.pid, signal.SIGKILL)
            assert process.stdout is not None
            output = resources.enter_context(process.stdout).fileno()
            self._when_readable(output, partial(os.read, output, _LARGEST))
            self._resources = resources.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill the function."""
        self._resources.close()

    def invoke(self) -> float:
        """Send an event and return the seconds until its answer is there."""
        while self._function is None or (self._has_extension and self._extension is None):
            self._serve()
        function, extension = self._function, self._extension
        self._function = self._extension = None
        self._answered = 0.0
        self._invocations += 1
        identifier = f"00000000-0000-4000-8000-{self._invocations:012}"
        deadline = f"{(time.time() + 60) * 1000:.0f}"
        event = _response(
            self._event,
            f"Lambda-Runtime-Aws-Request-Id: {identifier}",
            f"Lambda-Runtime-Deadline-Ms: {deadline}",
            "Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:eu-west-1:123456789012:function:f",
        )
        told = _response(
            f'{{"eventType":"INVOKE","requestId":"{identifier}","deadlineMs":{deadline}}}'.encode()
        )
        began = time.perf_counter()
        function.sendall(event)
        if extension is not None:
            extension.sendall(told)
        while not self._answered:
            self._serve()
        return self._answered - began

    def _serve(self) -> None:
        ready = self._selector.select(_PATIENCE)
        if not ready:
            raise TimeoutError(f"{self._subject.name} has said nothing for {_PATIENCE:.0f} s")
        for key, _ in ready:
            key.data()

    def _when_readable(self, what: socket.socket | int, call: Callable[[], object]) -> None:
        self._selector.register(what, selectors.EVENT_READ, call)

    def _accept(self, server: socket.socket) -> None:
        connection, _ = server.accept()
        self._resources.enter_context(connection)
        self._when_readable(connection, partial(self._read, connection, bytearray()))

    def _read(self, connection: socket.socket, request: bytearray) -> None:
        received = connection.recv(_LARGEST)
        request += received
        if not received:
            self._selector.unregister(connection)
            connection.close()
        elif _is_whole(request):
            self._take(connection, bytes(request))
            request.clear()

    def _take(self, connection: socket.socket, request: bytes) -> None:
        if request.startswith(_NEXT):
            self._function = connection
        elif request.startswith(_EVENT):
            self._extension = connection
        elif request.startswith(_REGISTER):
            self._has_extension = True
            connection.sendall(_response(b"{}", "Lambda-Extension-Identifier: benchmark"))
        else:
            # The answer, or the report of an error: that a benchmark's function fails is a fault.
            self._answered = time.perf_counter()
            if b"/response " not in request.partition(b"\r\n")[0]:
                raise RuntimeError(f"{self._subject.name} failed: {request!r}")
            connection.sendall(_response(b"{}"))


def _is_whole(request: bytearray) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        return body.endswith(b"0\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    return bool(end) and len(body) >= int(length or 0)


def _response(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *headers]).encode() + b"\r\n\r\n" + body
