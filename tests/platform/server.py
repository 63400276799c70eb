"""Serve the Runtime API and the Extensions API on a loopback port."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from .state import DroppedError, Invocation, RefusedError, State

_RUNTIME, _EXTENSION = "/2018-06-01/runtime", "/2020-01-01/extension"
_ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders"


class Server:
    """Serve one execution environment's APIs while the ``with`` block lasts.

    Args:
        state: Decides on every call.
    """

    def __init__(self, state: State) -> None:
        class Handler(_Handler):
            platform = state

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        """Start to serve."""
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop to serve."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body leave in one packet
    platform: State

    def do_GET(self) -> None:
        self._serve(self._get)

    def do_POST(self) -> None:
        self._serve(self._post)

    def log_message(self, *args: Any) -> None:
        """Say nothing."""

    def _serve(self, answer: Any) -> None:
        try:
            answer()
        except RefusedError as refusal:
            body = json.dumps({"errorType": refusal.error_type}).encode()
            self._send(refusal.status, body)
        except (DroppedError, ConnectionError):
            self.close_connection = True

    def _get(self) -> None:
        if self.path == f"{_RUNTIME}/invocation/next":
            invocation = self.platform.runtime_next()
            self._send(
                200,
                json.dumps(invocation.event).encode(),
                {
                    "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                    "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
                    "Lambda-Runtime-Invoked-Function-Arn": _ARN,
                    **invocation.headers,
                },
            )
        elif self.path == f"{_EXTENSION}/event/next":
            event = self.platform.extension_next(
                self.headers.get("Lambda-Extension-Identifier", "")
            )
            self._send(200, _invoke_event(event) if isinstance(event, Invocation) else event)
        elif self.path == f"{_RUNTIME}/restore/next":
            self.platform.restore_next()
            self._send(200, b"")
        else:
            raise RefusedError(404, "NotFound")

    def _post(self) -> None:
        body = self._body()
        parts = self.path.split("/")
        if self.path == f"{_EXTENSION}/register":
            identifier = self.platform.register(
                self.headers.get("Lambda-Extension-Name", ""), json.loads(body)["events"]
            )
            self._send(200, b"{}", {"Lambda-Extension-Identifier": identifier})
        elif parts[-1] == "response":
            self.platform.answer(parts[-2], response=json.loads(body))
            self._send(202, b"{}")
        elif self.path == f"{_RUNTIME}/init/error":
            self.platform.fail_init(json.loads(body))
            self._send(202, b"{}")
        elif parts[-1] == "error":
            self.platform.answer(parts[-2], error=json.loads(body))
            self._send(202, b"{}")
        else:
            raise RefusedError(404, "NotFound")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


def _invoke_event(invocation: Invocation) -> bytes:
    return json.dumps(
        {
            "eventType": "INVOKE",
            "deadlineMs": invocation.deadline_ms,
            "requestId": invocation.request_id,
            "invokedFunctionArn": _ARN,
        }
    ).encode()
