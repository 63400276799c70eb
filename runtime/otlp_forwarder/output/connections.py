"""Post requests over connections that are kept alive from one invocation to the next."""

from __future__ import annotations

import http
import http.client
import ssl
import time
from collections import defaultdict, deque
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit, urlunsplit

from otlp_forwarder.input.compression import decoded
from otlp_forwarder.output.channel import Channel, connect
from otlp_forwarder.output.origins import PORTS, host_of, origin_of
from otlp_forwarder.output.proxy import Proxies
from otlp_forwarder.output.responses import Failure, Response
from otlp_forwarder.output.secret import SecretError

if TYPE_CHECKING:
    from otlp_forwarder.output.tls import Tls

#: Bytes of a response body that are read. No OTLP response is longer; after a longer one the
#: connection is closed.
MAX_RESPONSE = 64 * 1024

#: Seconds that one try may take, however slowly the collector responds and however many addresses
#: its name has.
LONGEST_TRY = 10.0

#: Interim responses before the one that counts, such as "102 Processing". Source:
#: https://www.rfc-editor.org/rfc/rfc9110#section-15.2
MOST_INTERIM = 20


class PostError(Exception):
    """A request without a response.

    Args:
        failure: What happened.
        reason: The same, in words. They may hold anything that the other side sent.
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
        #: What proxies are told and nobody else may know.
        self.secrets = self._proxies.secrets
        # Made when it is first needed: it takes a while to read the authorities' certificates.
        self._usual_tls: ssl.SSLContext | None = None
        self._idle: defaultdict[str, deque[Channel]] = defaultdict(deque)

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
        origin = origin_of(url)
        until = time.monotonic() + min(self._longest_try, seconds)
        channel: Channel | None = None
        try:
            head = self._head(url, len(body), headers)
            channel = self._take(origin) or self._open(origin, until)
            channel.until, channel.whole = until, True
            channel.send(head)
            channel.send(body)
            response, kept = _read(channel)
        except SecretError as error:
            raise PostError(Failure.UNREADABLE, str(error)) from None
        except (OSError, UnicodeError, http.client.HTTPException) as error:
            # A host that cannot be a name is a UnicodeError.
            if origin in self._tls:
                # Perhaps what is to be shown there is another certificate meanwhile: who does not
                # get the right one may just hang up.
                self._tls[origin].forget()
            raise _without_response(error) from error
        else:
            if kept:
                self._idle[origin].append(channel)
                channel = None
        finally:
            if channel:
                channel.close()
        return response

    def close(self) -> None:
        """Close what is kept alive; the next requests open new connections."""
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    def _head(self, url: str, length: int, headers: Mapping[str, str]) -> bytes:
        parts = urlsplit(url)
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        fields = {
            "Host": host_of(url),
            "Accept-Encoding": "identity",
            "Content-Length": str(length),
            **headers,
        }
        origin = origin_of(url)
        if parts.scheme == "http" and (proxy := self._proxies.find(origin)):
            # https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
            target = origin + target
            fields |= proxy.headers
        return _request("POST", target, fields)

    def _take(self, origin: str) -> Channel | None:
        idle = self._idle[origin]
        while True:
            try:
                channel = idle.pop()
            except IndexError:
                return None
            if not channel.is_stale():
                return channel
            channel.close()

    def _open(self, origin: str, until: float) -> Channel:
        parts = urlsplit(origin)
        host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
        context = self._context(origin) if parts.scheme == "https" else None
        proxy = self._proxies.find(origin)
        where = (proxy.host, proxy.port) if proxy else (host, port)
        sock = connect(*where, until - time.monotonic())
        try:
            if context:
                if proxy:
                    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                    _tunnel(Channel(sock, until), place, proxy.headers)
                # The time is for the handshake as a whole.
                sock.settimeout(max(0.001, until - time.monotonic()))
                sock = context.wrap_socket(sock, server_hostname=host)
        except BaseException:
            sock.close()
            raise
        return Channel(sock, until)

    def _context(self, origin: str) -> ssl.SSLContext:
        if origin in self._tls:
            return self._tls[origin].context()
        self._usual_tls = self._usual_tls or ssl.create_default_context()
        return self._usual_tls


def _request(method: str, target: str, fields: Mapping[str, str]) -> bytes:
    if any("\r" in text or "\n" in text for field in fields.items() for text in field):
        # Whoever sets a header has checked it. A line break would start another header.
        raise PostError(Failure.UNREADABLE, "a header has a line break")
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {text}" for name, text in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


class _ProxyRefusalError(ConnectionError):
    """A proxy that will not connect, however often it is asked."""


def _begin(response: http.client.HTTPResponse) -> None:
    """Read the head of the response that counts, past interim ones."""
    for _ in range(MOST_INTERIM):
        response.begin()
        if response.status // 100 != 1 or response.status == http.HTTPStatus.SWITCHING_PROTOCOLS:
            return
        # As before the first head, so that the next one is read.
        response.headers = response.msg = cast("Any", None)
    raise http.client.HTTPException(f"more than {MOST_INTERIM} interim responses")


def _tunnel(channel: Channel, place: str, headers: Mapping[str, str]) -> None:
    """Have a proxy connect to a place, https://www.rfc-editor.org/rfc/rfc9110#section-9.3.6."""
    channel.send(_request("CONNECT", place, {"Host": place, **headers}))
    response = http.client.HTTPResponse(cast("Any", channel), method="CONNECT")
    with response:
        _begin(response)
        if response.status // 100 == 4:  # noqa: PLR2004 - the proxy finds fault with the request
            raise _ProxyRefusalError(f"the proxy answered {response.status} {response.reason}")
        if response.status // 100 != 2:  # noqa: PLR2004 - the statuses of success
            raise ConnectionError(f"the proxy answered {response.status} {response.reason}")


def _read(channel: Channel) -> tuple[Response, bool]:
    """Return a response, and whether the connection can be used again.

    Raises:
        OSError: There is no response, or not in time.
        HTTPException: What came is not HTTP.
    """
    response = http.client.HTTPResponse(cast("Any", channel), method="POST")
    with response:
        _begin(response)
        if not channel.whole and response.status < 300:  # noqa: PLR2004 - the statuses of success
            raise ConnectionError(f"status {response.status} before the request was sent")
        content: bytes | None = None
        with suppress(OSError, http.client.HTTPException):
            content = response.read(MAX_RESPONSE)
        said = response.headers
        encoding = said.get("Content-Encoding", "")
        whole = content is not None and response.isclosed()
        return (
            Response(
                status=response.status,
                retry_after=said.get("Retry-After", ""),
                body=content and decoded(content, encoding, MAX_RESPONSE),
                date=said.get("Date", ""),
                kind=said.get("Content-Type", ""),
                location=said.get("Location", ""),
                error=said.get("X-Amzn-ErrorType", ""),
            ),
            whole and channel.whole and not response.will_close,
        )


def _without_response(error: Exception) -> PostError:
    """Say what happened in place of a response."""
    if isinstance(error, _ProxyRefusalError):
        return PostError(Failure.PROXY, str(error))
    if isinstance(error, ssl.SSLCertVerificationError):
        return PostError(Failure.CERTIFICATE, f"certificate refused: {error.verify_message}")
    if isinstance(error, ssl.SSLError) and "CERTIFICATE" in f"{error.reason}":
        return PostError(Failure.CERTIFICATE, f"the server wants another certificate: {error}")
    unlike = isinstance(error, http.client.BadStatusLine) and not isinstance(error, ConnectionError)
    if unlike and not "HTTP/".startswith((line := str(error.args[0]))[:5]):
        # The settings of HTTP/2, which a server for gRPC sends first:
        # https://www.rfc-editor.org/rfc/rfc9113#section-6.5
        if line.startswith("\0\0"):
            line = "HTTP/2, as for gRPC on port 4317; OTLP over HTTP is usually on port 4318"
        return PostError(Failure.NOT_HTTP, f"the server does not speak HTTP/1.1, but: {line}")
    return PostError(Failure.NO_RESPONSE, f"{type(error).__name__}: {error}")
