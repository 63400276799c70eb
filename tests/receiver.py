"""A real OTLP/HTTP receiver on loopback, which can be told how to answer."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Self

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as it came in, taken or not.

    Args:
        path: Path and query.
        headers: Its headers, with names in lower case.
        body: Its body without compression.
        sent: Its body as it was sent.
        status: The status of the answer; 0: none was given.
    """

    path: str
    headers: dict[str, str]
    body: bytes
    sent: bytes = b""
    status: int = 0

    @property
    def spans(self) -> list[Span]:
        """The spans of the request."""
        return spans_of(self.body)


def spans_of(body: bytes) -> list[Span]:
    """Decode the spans of a serialized request."""
    request = ExportTraceServiceRequest.FromString(body)
    return [
        span
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


@dataclass(frozen=True)
class Answer:
    """How to answer one request.

    Args:
        status: Status; None: the connection is cut instead.
        headers: Headers of the answer.
        body: Its body.
        cut: Send half of the body, then cut the connection.
        hold: Wait for this before anything is sent; at most ten seconds.
    """

    status: int | None = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = ExportTraceServiceResponse().SerializeToString()
    cut: bool = False
    hold: threading.Event | None = None


class OtlpReceiver:
    """Receive OTLP/HTTP trace requests while the context is open.

    Args:
        answers: How to answer the first requests, in order; all later ones are taken.
        decide: How to answer each later request, by its spans; called in several threads.
        tls: Serve https with this context instead of http.
    """

    def __init__(
        self,
        *answers: Answer,
        decide: Callable[[list[Span]], Answer] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.answers = deque(answers)
        #: Answers a request by its headers before anything else does, or returns None.
        self.authorize: Callable[[dict[str, str]], Answer | None] = lambda _headers: None
        #: The same by the whole request.
        self.inspect: Callable[[Received], Answer | None] = lambda _received: None
        self.decide = decide or (lambda _spans: Answer())
        self.requests: list[Received] = []
        self.connections = 0
        self.sockets: set[socket.socket] = set()
        self.lock = threading.Lock()
        self._server = _Server(self)
        self._scheme = "http"
        if tls:
            self._scheme = "https"
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def endpoint(self) -> str:
        """The base URL, as in OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    @property
    def spans(self) -> list[Span]:
        """The spans of all requests that were taken, in the order of their arrival."""
        return [
            span for request in self.requests if request.status == 200 for span in request.spans
        ]

    def hang_up(self) -> None:
        """Close the connections that are open, from this side."""
        for connection in list(self.sockets):
            connection.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.socket.close()


class _Server(ThreadingHTTPServer):
    """A server that its handlers find the receiver by."""

    def __init__(self, receiver: OtlpReceiver) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.receiver = receiver


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections alive
    timeout = 10
    server: _Server

    def setup(self) -> None:
        self.receiver = self.server.receiver
        self.receiver.connections += 1
        super().setup()
        self.receiver.sockets.add(self.connection)

    def finish(self) -> None:
        self.receiver.sockets.discard(self.connection)
        super().finish()

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ssl.SSLError):
            self.close_connection = True  # a client that does not trust us, or that was killed

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"]))
        body = gzip.decompress(sent) if self.headers["Content-Encoding"] == "gzip" else sent
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(path=self.path, headers=headers, body=body, sent=sent)
        receiver = self.receiver
        answer = receiver.authorize(headers) or receiver.inspect(received) or self._answer(body)
        receiver.requests.append(replace(received, status=answer.status or 0))
        if answer.hold:
            answer.hold.wait(10)
        if answer.status is None:
            self.close_connection = True
            return
        self.send_response_only(answer.status)
        usual = {
            "Content-Type": "application/x-protobuf",
            "Content-Length": str(len(answer.body)),
            "Date": self.date_time_string(),
        }
        for name, value in (usual | answer.headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) // 2] if answer.cut else answer.body)
        self.close_connection = self.close_connection or answer.cut

    def _answer(self, body: bytes) -> Answer:
        with self.receiver.lock:
            if self.receiver.answers:
                return self.receiver.answers.popleft()
        try:
            return self.receiver.decide(spans_of(body))
        except DecodeError:
            return Answer(400)

    def log_message(self, *_: object) -> None:
        """Keep the tests' output quiet."""
