"""The Extensions API, spoken over a plain socket.

``http.client`` would do, but its import (``email``, ``ssl``) costs more than everything else that
happens at init. The API is one local HTTP/1.1 server and three small messages (Lambda developer
guide, "Extensions API"; version 2020-01-01).
"""

import json
import socket
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

#: One local round trip at init; an API that does not answer within it (in s) will not.
REGISTER_TIMEOUT = 2.0
_VERSION = "/2020-01-01/extension"


class ExtensionsApiError(Exception):
    """The API refused a call, or what it answered cannot be understood."""


class Invoke(NamedTuple):
    """An INVOKE event: an invocation that the runtime receives too.

    Attributes:
        request_id: The invocation's request id.
        deadline_ms: When the platform ends it, in ms since the epoch; None where it is not said.
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
        headers, _ = self._call(
            "POST",
            "/register",
            {"Lambda-Extension-Name": name},
            json.dumps({"events": list(events)}),
            timeout=REGISTER_TIMEOUT,
        )
        self._identifier = headers.get("lambda-extension-identifier", "")

    def next_event(self, on_arrival: Callable[[], None] = lambda: None) -> Invoke:
        """Wait for the next invocation, for as long as it takes.

        An environment may be frozen for hours between two invocations: a time-out here would break
        off a wait that is all right.

        Args:
            on_arrival: Called when the event is there and has not been read. The handler's thread
                has an event at this moment too, and only one of the two can run.

        Raises:
            ExtensionsApiError: The API refused, or sent an event that is no INVOKE.
            OSError: The connection failed.
        """
        identifier = {"Lambda-Extension-Identifier": self._identifier}
        _, body = self._call(
            "GET", "/event/next", identifier, "", timeout=None, on_arrival=on_arrival
        )
        try:
            event = json.loads(body)
            if event["eventType"] != "INVOKE":
                raise ExtensionsApiError(f"event {body[:200]!r} was not asked for")
            deadline = event.get("deadlineMs")
            return Invoke(str(event["requestId"]), deadline if isinstance(deadline, int) else None)
        except (ValueError, TypeError, KeyError) as error:
            raise ExtensionsApiError(f"event {body[:200]!r} cannot be read: {error!r}") from error

    def _call(  # noqa: PLR0913 - what a request is made of
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: str,
        *,
        timeout: float | None,
        on_arrival: Callable[[], None] = lambda: None,
    ) -> tuple[dict[str, str], bytes]:
        host, _, port = self._address.rpartition(":")
        lines = [
            f"{method} {_VERSION}{path} HTTP/1.1",
            f"Host: {self._address}",
            "Connection: close",
            f"Content-Length: {len(body.encode())}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        request = "\r\n".join(lines) + "\r\n\r\n" + body
        with socket.create_connection((host, int(port)), REGISTER_TIMEOUT) as connection:
            connection.settimeout(timeout)
            connection.sendall(request.encode())
            connection.recv(1, socket.MSG_PEEK)
            on_arrival()
            with connection.makefile("rb") as stream:
                status, answer_headers, answer = _read_response(stream)
        if status != 200:  # noqa: PLR2004 - OK is the only answer that is not a refusal
            raise ExtensionsApiError(f"{method} {path}: {status} {answer[:200]!r}")
        return answer_headers, answer


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
