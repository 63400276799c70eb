"""An HTTP proxy on loopback: it joins two sockets, whatever goes through them."""

from __future__ import annotations

import select
import socket
import socketserver
import threading
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit


class HttpProxy:
    """Serve CONNECT and requests in absolute form while the context is open.

    Args:
        refusal: Answer everything with this in place of serving it.
    """

    def __init__(self, refusal: bytes = b"") -> None:
        self.refusal = refusal
        #: The first line and the headers of each request, in lower case.
        self.heads: list[list[str]] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

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
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    proxy: HttpProxy


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            if not (more := self.request.recv(65536)):
                return
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        proxy = self.server.proxy
        proxy.heads.append([lines[0], *map(str.lower, lines[1:])])
        if proxy.refusal:
            self.request.sendall(proxy.refusal)
            return
        method, target, _ = lines[0].split(" ")
        where = urlsplit(f"//{target}" if method == "CONNECT" else target)
        with socket.create_connection((where.hostname, where.port or 80)) as other:
            if method == "CONNECT":
                self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            else:
                data = data.replace(f"{where.scheme}://{where.netloc}".encode(), b"", 1)
                other.sendall(data)
                rest = b""
            other.sendall(rest)
            _join(self.request, other)


def _join(one: socket.socket, other: socket.socket) -> None:
    while True:
        for sock in select.select([one, other], [], [], 10)[0] or [one]:
            try:
                data = sock.recv(65536)
            except OSError:
                data = b""
            if not data:
                return
            (other if sock is one else one).sendall(data)
