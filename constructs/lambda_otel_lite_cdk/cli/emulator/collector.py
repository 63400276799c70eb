"""Take the place of a collector: receive traces by OTLP/HTTP on loopback and keep them.

Every request is accepted. Source: OpenTelemetry protocol specification, "OTLP/HTTP".
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

_PATH = "/v1/traces"


@dataclass(frozen=True, slots=True)
class Collector:
    """Hold what a collector on this machine received.

    Args:
        endpoint: Base URL, as in OTEL_EXPORTER_OTLP_ENDPOINT.
        requests: The requests in the order in which they arrived.
    """

    endpoint: str
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)


@contextmanager
def collector() -> Iterator[Collector]:
    """Run a collector while the ``with`` block lasts."""
    received: list[ExportTraceServiceRequest] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"  # keeps connections alive

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            if self.path != _PATH:
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            received.append(ExportTraceServiceRequest.FromString(body))
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="collector")
        thread.start()
        try:
            yield Collector(f"http://127.0.0.1:{server.server_port}", received)
        finally:
            server.shutdown()
            thread.join()
