"""A real OTLP/HTTP receiver on loopback, which can be told how to answer."""

from __future__ import annotations

import gzip
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import TYPE_CHECKING, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request as it came in, taken or not."""

    path: str
    headers: dict[str, str]
    body: bytes
    status: int

    @property
    def spans(self) -> list[Span]:
        """The spans of the request."""
        request = ExportTraceServiceRequest.FromString(self.body)
        return [
            span
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@dataclass(frozen=True)
class Answer:
    """How to answer one request; without a status the connection is cut instead."""

    status: int | None = 200
    headers: dict[str, str] = field(default_factory=dict)


class OtlpReceiver:
    """Receive OTLP/HTTP trace requests while the context is open.

    Args:
        answers: How to answer the first requests, in order; all later ones are taken.
        tls: Serve https with this context instead of http.
    """

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None) -> None:
        self.answers = deque(answers)
        self.requests: list[Received] = []
        self.connections = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
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


def _handler_of(receiver: OtlpReceiver) -> Callable[..., BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # keeps connections alive
        timeout = 10

        def setup(self) -> None:
            receiver.connections += 1
            super().setup()

        def handle(self) -> None:
            try:
                super().handle()
            except (ConnectionError, ssl.SSLError):
                self.close_connection = True  # a client that does not trust us

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            answer = receiver.answers.popleft() if receiver.answers else Answer()
            receiver.requests.append(
                Received(
                    path=self.path,
                    headers=dict(self.headers),
                    body=body,
                    status=answer.status or 0,
                )
            )
            if answer.status is None:
                self.close_connection = True
                return
            content = ExportTraceServiceResponse().SerializeToString()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Keep the tests' output quiet."""

    return Handler
