"""Show traces in a browser while they come: a page of this machine, for its user alone."""

from __future__ import annotations

import hmac
import secrets
import threading
import webbrowser
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import click

from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine
from lambda_otel_lite_cdk.cli.traces.records import spans_of
from lambda_otel_lite_cdk.cli.traces.report import batch, live_page
from lambda_otel_lite_cdk.cli.traces.spans import Span

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_HOST = "127.0.0.1"
#: Spans and log lines that a page which is opened later, or again, still gets.
_MOST_KEPT = 100_000
#: Of these in one answer, so that the page shows something soon.
_MOST_AT_ONCE = 5_000
#: Seconds after which a page that waits is answered all the same.
_LONGEST_WAIT = 20.0
#: Asks for what has come since the last answer, for ever.
_SCRIPT = """
(async () => {
  for (let next = 0; ; ) {
    try {
      const answer = await fetch(`traces?from=${next}`);
      if (!answer.ok) throw new Error(String(answer.status));
      const found = await answer.json();
      next = found.next;
      addTraces(found.batch);
    } catch {
      document.title = `Ended: ${document.title}`;
      return;
    }
  }
})();
"""


class LivePage:
    """A sink whose page grows as spans come.

    The page's address has a token, and requests that name another host are refused: a page of
    somebody else's in the same browser can read nothing.

    Attributes:
        spans: Number of spans taken.
        is_full: Whether it needs no more.
    """

    is_full = False

    def __init__(self) -> None:
        self.spans = 0
        self._came = threading.Condition()
        self._kept: list[Span | LogLine] = []
        self._dropped = 0
        token = secrets.token_urlsafe(24)
        self._server = _PageServer(self, f"/{token}/")
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        self.url = f"http://{_HOST}:{self._server.server_port}/{token}/"

    def open(self, *, in_browser: bool) -> None:
        """Say where the page is, and open it.

        Args:
            in_browser: Whether to open it.
        """
        click.echo(f"showing traces at {self.url}; Ctrl-C ends", err=True)
        if in_browser:
            webbrowser.open(self.url)

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Take a request; the page gets its spans."""
        spans = list(spans_of(request))
        self.spans += len(spans)
        self._add(*spans)

    def note(self, line: LogLine) -> None:
        """Take a log line; the page gets it."""
        self._add(line)

    def pause(self) -> None:
        """Do nothing: nothing waits."""

    def end(self) -> None:
        """Do nothing: the page is looked at when all has come."""

    def wait(self) -> None:
        """Serve until Ctrl-C is pressed."""
        threading.Event().wait()

    def since(self, first: int) -> tuple[int, list[Span | LogLine]]:
        """Return what came from a place on, or wait for it, and the next place."""
        with self._came:
            self._came.wait_for(lambda: self._dropped + len(self._kept) > first, _LONGEST_WAIT)
            begin = max(first - self._dropped, 0)
            found = self._kept[begin : begin + _MOST_AT_ONCE]
            return self._dropped + begin + len(found), found

    def _add(self, *came: Span | LogLine) -> None:
        with self._came:
            self._kept += came
            # In pieces, as what is left is moved each time.
            if len(self._kept) > _MOST_KEPT + _MOST_AT_ONCE:
                self._dropped += len(self._kept) - _MOST_KEPT
                del self._kept[:-_MOST_KEPT]
            self._came.notify_all()


class _PageServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, page: LivePage, root: str) -> None:
        self.page = page
        self.root = root
        super().__init__((_HOST, 0), _PageHandler)


class _PageHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections alive
    server: _PageServer

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True  # the browser has gone away

    def do_GET(self) -> None:
        hosts = {f"{name}:{self.server.server_port}" for name in (_HOST, "localhost")}
        url = urlsplit(self.path)
        root, _, rest = url.path.rpartition("/")
        # Compared in the same time however much of it is right.
        known = hmac.compare_digest(f"{root}/".encode(), self.server.root.encode())
        if self.headers.get("Host") not in hosts or not known:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "see the address in the terminal\n")
        elif rest == "":
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", live_page(_SCRIPT))
        elif rest == "traces":
            first = parse_qs(url.query).get("from", ["0"])[0]
            place, found = self.server.page.since(int(first) if first.isdecimal() else 0)
            spans = [one for one in found if isinstance(one, Span)]
            lines = [one for one in found if isinstance(one, LogLine)]
            body = f'{{"next":{place},"batch":{batch(spans, lines)}}}'
            self._answer(HTTPStatus.OK, "application/json", body)
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", "there is no such page\n")

    def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
        body = text.encode("utf-8", "replace")
        self.send_response_only(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log nothing: the address is for the user alone."""
