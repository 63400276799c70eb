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
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from otlp_forwarder.output.proxy import Proxies
from otlp_forwarder.output.responses import Failure, Response
from otlp_forwarder.output.secret import SecretError

if TYPE_CHECKING:
    from otlp_forwarder.output.tls import Tls

#: Bytes of a response body that are read. No OTLP response is longer; after a longer one the
#: connection is closed.
MAX_RESPONSE = 64 * 1024

#: Seconds that one try may take, however slowly the collector responds.
LONGEST_TRY = 10.0


class PostError(Exception):
    """A request without a response.

    Args:
        failure: What happened.
        reason: The same, in words.
    """

    def __init__(self, failure: Failure, reason: str) -> None:
        super().__init__(reason)
        self.failure = failure


class Connections:
    """Connections to any number of collectors, for any number of threads.

    Args:
        longest_try: Seconds that one request may take.
        tls: By origin, such as ``https://collector.example``, whom to trust and what to show there.
            Default: the usual authorities are trusted, and nothing is shown.
        proxies: The proxies on the way. Default: none.
    """

    def __init__(
        self,
        longest_try: float = LONGEST_TRY,
        *,
        tls: Mapping[str, Tls] | None = None,
        proxies: Proxies | None = None,
    ) -> None:
        self._longest_try = longest_try
        self._tls = tls or {}
        self._proxies = proxies or Proxies()
        # Made when it is first needed: it takes a while to read the authorities' certificates.
        self._usual_tls: ssl.SSLContext | None = None
        self._idle: defaultdict[str, deque[http.client.HTTPConnection]] = defaultdict(deque)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Response:
        """Post a body and return the response.

        Args:
            url: Where to; certificates of https are verified.
            body: What to post.
            headers: Names and values that can be sent as they are.
            seconds: Most time that it may take.

        Raises:
            PostError: The collector is not who the URL says, or it did not respond in time.
        """
        parts = urlsplit(url)
        origin = origin_of(url)
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        headers = dict(headers)
        if parts.scheme == "http" and (proxy := self._proxies.find(origin)):
            # https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
            target = origin + target
            headers |= proxy.headers
        seconds = min(self._longest_try, seconds)
        try:
            connection = self._take(origin)
        except SecretError as error:
            raise PostError(Failure.UNREADABLE, str(error)) from None
        with _cut_after(seconds, connection):
            try:
                connection.timeout = seconds
                if connection.sock:
                    connection.sock.settimeout(seconds)
                connection.request("POST", target, body, headers)
                response = connection.getresponse()
            except ssl.SSLCertVerificationError as error:
                connection.close()
                if origin in self._tls:
                    self._tls[origin].forget()
                reason = f"certificate refused: {error.verify_message}"
                raise PostError(Failure.CERTIFICATE, reason) from error
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if origin in self._tls:
                    # Perhaps what is to be shown there is another certificate meanwhile: who does
                    # not get the right one may just hang up.
                    self._tls[origin].forget()
                reason = f"{type(error).__name__}: {error}"
                raise PostError(Failure.NO_RESPONSE, reason) from error
            content: bytes | None = None
            with suppress(OSError, http.client.HTTPException):
                content = response.read(MAX_RESPONSE)
        if content is not None and response.isclosed() and connection.sock:
            self._idle[origin].append(connection)
        else:
            connection.close()
        said = response.headers
        return Response(response.status, said.get("Retry-After", ""), content, said.get("Date", ""))

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
        host, port = parts.hostname or "", parts.port
        proxy = self._proxies.find(origin)
        if parts.scheme == "http":
            return http.client.HTTPConnection(
                *((proxy.host, proxy.port) if proxy else (host, port))
            )
        context = self._context(origin)
        if not proxy:
            return http.client.HTTPSConnection(host, port, context=context)
        connection = http.client.HTTPSConnection(proxy.host, proxy.port, context=context)
        connection.set_tunnel(host, port, proxy.headers)
        return connection

    def _context(self, origin: str) -> ssl.SSLContext:
        if origin in self._tls:
            return self._tls[origin].context()
        self._usual_tls = self._usual_tls or ssl.create_default_context()
        return self._usual_tls


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL, as `Connections` knows them."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_stale(sock: socket.socket) -> bool:
    """Tell whether the other side closed a connection while nobody used it.

    If it did, a request would fail after it was sent, and the retry would send it twice. It often
    does: between invocations an environment is frozen, for any time.
    """
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


@contextmanager
def _cut_after(seconds: float, connection: http.client.HTTPConnection) -> Iterator[None]:
    """Cut a connection after some time: a socket's own timeout starts again with every byte."""

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
