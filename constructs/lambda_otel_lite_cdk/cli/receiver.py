"""Receive traces by OTLP/HTTP on loopback, from whatever sends them.

Source of what is answered: https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from __future__ import annotations

import json
import queue
import threading
import zlib
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.traces.otlp_json import read_otlp_json

HOST = "127.0.0.1"
PATH = "/v1/traces"
#: Bytes of a request, as it is sent and unpacked: what collectors take by default is 20 MiB.
MOST_BYTES = 64 * 1024 * 1024
#: Seconds after which whoever waits is given a chance to do something else.
_TICK = 0.2
#: Seconds that a connection may say nothing.
_SILENCE = 60
_PROTOBUF, _JSON = "application/x-protobuf", "application/json"
#: ``string message = 2`` of google.rpc.Status, which errors are told by.
_MESSAGE = b"\x12"


class _RefusedError(Exception):
    """Say with which status a request is refused, and why."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Receiver:
    """Serve while the ``with`` block lasts.

    Args:
        port: Where to listen; 0: any that is free.

    Raises:
        UsageProblem: The port is in use, or may not be used.
    """

    def __init__(self, port: int = 0) -> None:
        self._requests: queue.SimpleQueue[ExportTraceServiceRequest] = queue.SimpleQueue()
        try:
            self._server = _OtlpServer(self._requests, port)
        except OSError as error:
            raise UsageProblem(
                f"port {port} of {HOST} cannot be used ({error.strerror}); end what listens there, "
                f"or give another --port"
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def endpoint(self) -> str:
        """The base URL, as in OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End; requests that have come are still yielded by ``received``."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def requests(self) -> Iterator[ExportTraceServiceRequest | None]:
        """Yield requests as they come, for ever, and None while there are none."""
        while True:
            try:
                yield self._requests.get(timeout=_TICK)
            except queue.Empty:
                yield None

    def received(self) -> list[ExportTraceServiceRequest]:
        """Return the requests that have come and were not yet yielded."""
        found = []
        while not self._requests.empty():
            found.append(self._requests.get())
        return found


class _OtlpServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, requests: queue.SimpleQueue[ExportTraceServiceRequest], port: int) -> None:
        self.requests = requests
        super().__init__((HOST, port), _OtlpHandler)


class _OtlpHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections alive
    timeout = _SILENCE
    server: _OtlpServer

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True  # who sends has gone away

    def do_POST(self) -> None:
        kind = self.headers.get_content_type()
        try:
            self.server.requests.put(self._request(kind))
        except _RefusedError as error:
            # The body may not have been read.
            self.close_connection = True
            self._answer(error.status, kind, _status(kind, str(error)))
            return
        empty = b"{}" if kind == _JSON else ExportTraceServiceResponse().SerializeToString()
        self._answer(HTTPStatus.OK, kind, empty)

    def do_GET(self) -> None:
        self.close_connection = True
        said = f"POST traces to {PATH}"
        status = HTTPStatus.METHOD_NOT_ALLOWED if self._is_traces else HTTPStatus.NOT_FOUND
        self._answer(status, _JSON, _status(_JSON, said))

    @property
    def _is_traces(self) -> bool:
        return self.path.partition("?")[0] == PATH

    def _request(self, kind: str) -> ExportTraceServiceRequest:
        if not self._is_traces:
            raise _RefusedError(
                HTTPStatus.NOT_FOUND, f"there is nothing at {self.path}, but {PATH}"
            )
        if kind not in (_PROTOBUF, _JSON):
            raise _RefusedError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                f"content type {kind}, not {_PROTOBUF} or {_JSON}",
            )
        body = self._unpacked(self._body())
        try:
            if kind == _JSON:
                return read_otlp_json(body)
            return ExportTraceServiceRequest.FromString(body)
        except (ValueError, DecodeError) as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"no trace request: {error}") from None

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(self._chunks())
        text = self.headers.get("Content-Length", "")
        if not text.isdecimal():
            raise _RefusedError(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing")
        return self._read(int(text), MOST_BYTES)

    def _chunks(self) -> Iterator[bytes]:
        """Yield the chunks of a body, https://www.rfc-editor.org/rfc/rfc9112#section-7.1."""
        left = MOST_BYTES
        while True:
            text = self.rfile.readline(1024).partition(b";")[0].strip()
            try:
                size = int(text, 16)
            except ValueError:
                size = -1
            if size < 0:
                raise _RefusedError(HTTPStatus.BAD_REQUEST, "a chunk has no size")
            if size == 0:
                break
            yield self._read(size, left)
            left -= size
            self.rfile.readline(1024)
        while self.rfile.readline(1024).strip():
            pass

    def _read(self, size: int, most: int) -> bytes:
        if size > most:
            raise _RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MOST_BYTES} bytes"
            )
        body = self.rfile.read(size)
        if len(body) < size:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "the body is not complete")
        return body

    def _unpacked(self, body: bytes) -> bytes:
        encoding = self.headers.get("Content-Encoding", "identity").lower()
        if encoding == "identity":
            return body
        if encoding != "gzip":
            raise _RefusedError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"content encoding {encoding}, not gzip"
            )
        stream = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
        try:
            unpacked = stream.decompress(body, MOST_BYTES)
        except zlib.error as error:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, f"no gzip: {error}") from None
        if stream.unconsumed_tail:
            raise _RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MOST_BYTES} bytes, unpacked"
            )
        if not stream.eof:
            raise _RefusedError(HTTPStatus.BAD_REQUEST, "no whole gzip stream")
        return unpacked

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", kind if kind in (_PROTOBUF, _JSON) else _JSON)
        self.send_header("Content-Length", str(len(body)))
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "POST")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def _status(kind: str, reason: str) -> bytes:
    """Return a google.rpc.Status, https://opentelemetry.io/docs/specs/otlp/#failures-1."""
    if kind != _PROTOBUF:
        return json.dumps({"message": reason}).encode()
    text = reason.encode()[:127]  # whose length is one byte
    return _MESSAGE + bytes([len(text)]) + text
