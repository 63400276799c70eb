"""Post requests over connections that are kept alive from one invocation to the next."""

from __future__ import annotations

import http.client
import select
import socket
import ssl
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

#: Bytes of an answer that are read. More is none of OTLP, and costs the connection.
MAX_ANSWER = 64 * 1024

#: Seconds that one try may take, however slowly the collector answers; then it is tried anew.
LONGEST_TRY = 10.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a collector answered.

    Args:
        status: HTTP status.
        retry_after: The header of that name, or nothing.
        body: The answer's body; None where the connection broke in it.
    """

    status: int
    retry_after: str
    body: bytes | None


class CertificateError(Exception):
    """A collector's certificate that nobody trusted vouches for."""


class NoAnswerError(Exception):
    """A request that got no answer, so that nobody knows whether it was taken."""


class Connections:
    """Connections to any number of collectors, for any number of threads.

    Args:
        longest_try: Seconds that one request may take.
    """

    def __init__(self, longest_try: float = LONGEST_TRY) -> None:
        self._longest_try = longest_try
        # Made when the first is needed: reading the certificates of the authorities takes a while.
        self._tls: ssl.SSLContext | None = None
        self._idle: defaultdict[str, deque[http.client.HTTPConnection]] = defaultdict(deque)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Answer:
        """Post a body and return the answer.

        Args:
            url: Where to; certificates of https are verified.
            body: What to post.
            headers: Names and values that can be sent as they are.
            seconds: Most time that it may take.

        Raises:
            CertificateError: The collector is not who the URL says.
            NoAnswerError: There was no answer, or none in time.
        """
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        seconds = min(self._longest_try, seconds)
        connection = self._take(origin)
        with _cut_after(seconds, connection):
            try:
                connection.timeout = seconds
                if connection.sock:
                    connection.sock.settimeout(seconds)
                connection.request("POST", parts.path, body, dict(headers))
                response = connection.getresponse()
            except ssl.SSLCertVerificationError as error:
                connection.close()
                raise CertificateError(f"certificate refused: {error.verify_message}") from error
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                raise NoAnswerError(f"{type(error).__name__}: {error}") from error
            answer: bytes | None = None
            with suppress(OSError, http.client.HTTPException):
                answer = response.read(MAX_ANSWER)
        if answer is not None and response.isclosed() and connection.sock:
            self._idle[origin].append(connection)
        else:
            connection.close()
        return Answer(response.status, response.headers.get("Retry-After", ""), answer)

    def close(self) -> None:
        """Close what is kept alive; the next requests open new connections."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    def _take(self, origin: str) -> http.client.HTTPConnection:
        idle = self._idle[origin]
        while True:
            try:
                connection = idle.pop()
            except IndexError:
                return self._open(origin)
            if not _is_stale(connection.sock):
                return connection
            connection.close()

    def _open(self, origin: str) -> http.client.HTTPConnection:
        parts = urlsplit(origin)
        host = parts.hostname or ""
        if parts.scheme == "http":
            return http.client.HTTPConnection(host, parts.port)
        self._tls = self._tls or ssl.create_default_context()
        return http.client.HTTPSConnection(host, parts.port, context=self._tls)


def _is_stale(sock: socket.socket) -> bool:
    """Tell whether the other side closed a connection while nobody used it.

    Where it did, a request would fail after it was sent, and be sent twice by the retry. It had
    much time to: between invocations an environment is frozen.
    """
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


@contextmanager
def _cut_after(seconds: float, connection: http.client.HTTPConnection) -> Iterator[None]:
    """Cut a connection after some time: a socket's own timeout starts anew with every byte."""

    def cut() -> None:
        with suppress(OSError):
            if connection.sock:
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
