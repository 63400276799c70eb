"""A client of the Extensions API, on a plain socket.

``http.client`` would do, but its import (``email``, ``ssl``) costs more than everything else that
happens at init. The API is a local HTTP/1.1 server with three small messages; version 2020-01-01 of
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html.
"""

import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from lambda_otel_lite.startup.threads import original

#: The longest wait for an answer to the registration, in s: one local round trip at init.
REGISTER_TIMEOUT = 2.0
_VERSION = "/2020-01-01/extension"

_Socket: type[socket.socket] = original("socket", "socket")


class ExtensionsApiError(Exception):
    """The API refused a call, or what it answered cannot be understood."""


class Invoke(NamedTuple):
    """An INVOKE event: an invocation that the runtime receives too.

    Attributes:
        request_id: The invocation's request id.
        deadline_ms: When the platform ends it, in ms since the epoch; None if the event has none.
    """

    request_id: str
    deadline_ms: int | None


class ExtensionsApi:
    """One registered internal extension.

    Args:
        address: ``host:port`` from ``AWS_LAMBDA_RUNTIME_API``.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._identifier = ""

    def register(self, name: str, events: Sequence[str]) -> None:
        """Register under a name that no other extension of the function has.

        Args:
            name: Name of the extension.
            events: ``["INVOKE"]`` or nothing; an internal extension may not have ``SHUTDOWN``.

        Raises:
            ExtensionsApiError: The API refused.
            OSError: The API cannot be reached.
        """
        request = self._request(
            "POST",
            "/register",
            {"Lambda-Extension-Name": name},
            json.dumps({"events": list(events)}),
        )
        with self._answer(request, REGISTER_TIMEOUT) as read:
            headers, _ = read()
        self._identifier = headers.get("lambda-extension-identifier", "")

    @contextmanager
    def next_event(self) -> Iterator[Callable[[], Invoke]]:
        """Wait for the next invocation, for as long as it takes.

        An environment may be frozen for hours between two invocations: a time-out here would break
        off a wait that is all right.

        Yields:
            When the event has arrived: the function that reads it.

        Raises:
            ExtensionsApiError: The API refused, or sent an event that is no INVOKE.
            OSError: The connection failed.
        """
        headers = {"Lambda-Extension-Identifier": self._identifier}
        with self._answer(self._request("GET", "/event/next", headers), None) as read:
            yield lambda: _invoke(read()[1])

    def _request(self, method: str, path: str, headers: Mapping[str, str], body: str = "") -> bytes:
        lines = [
            f"{method} {_VERSION}{path} HTTP/1.1",
            f"Host: {self._address}",
            "Connection: close",
            f"Content-Length: {len(body.encode())}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()

    @contextmanager
    def _answer(
        self, request: bytes, timeout: float | None
    ) -> Iterator[Callable[[], tuple[dict[str, str], bytes]]]:
        """Send a request; yield, when the answer begins, the function that reads it."""
        host, _, port = self._address.rpartition(":")
        with _Socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
            connection.settimeout(REGISTER_TIMEOUT)
            connection.connect((host, int(port)))
            connection.settimeout(timeout)
            connection.sendall(request)
            connection.recv(1, socket.MSG_PEEK)
            yield lambda: _read_answer(connection)


def _invoke(body: bytes) -> Invoke:
    try:
        event = json.loads(body)
        if event["eventType"] != "INVOKE":
            raise ExtensionsApiError(f"event {body[:200]!r} was not asked for")
        deadline = event.get("deadlineMs")
        return Invoke(str(event["requestId"]), deadline if isinstance(deadline, int) else None)
    except (ValueError, TypeError, KeyError) as error:
        raise ExtensionsApiError(f"event {body[:200]!r} cannot be read: {error!r}") from error


def _read_answer(connection: socket.socket) -> tuple[dict[str, str], bytes]:
    with connection.makefile("rb") as stream:
        status, headers, body = _read_response(stream)
    if status != 200:  # noqa: PLR2004 - OK is the only answer that is not a refusal
        raise ExtensionsApiError(f"answer {status} {body[:200]!r}")
    return headers, body


def _read_response(stream: Any) -> tuple[int, dict[str, str], bytes]:
    status_line = stream.readline().split()
    if len(status_line) < 2 or not status_line[1].isdigit():  # noqa: PLR2004
        raise ExtensionsApiError(f"no HTTP response: {status_line!r}")
    headers = {}
    while (line := stream.readline()) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return int(status_line[1]), headers, _read_chunks(stream)
    length = headers.get("content-length", "")
    body = stream.read(int(length)) if length.isdecimal() else stream.read()
    if length.isdecimal() and len(body) < int(length):
        raise ExtensionsApiError(f"{len(body)} of {length} bytes came before the connection closed")
    return int(status_line[1]), headers, body


def _read_chunks(stream: Any) -> bytes:
    body = b""
    while True:
        try:
            size = int(stream.readline().partition(b";")[0], 16)
        except ValueError as error:
            raise ExtensionsApiError("the chunked response broke off") from error
        if size == 0:
            return body
        body += stream.read(size)
        stream.readline()
