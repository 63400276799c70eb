"""Write spans as one HTML file that needs nothing else: no server, no network, no other file.

Names and values in it come from logs and are not trusted. They are JSON in a script element that
is not run, the page's own code puts them into the page as text only, and the content security
policy lets no other script run and nothing be loaded.
"""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any

from lambda_otel_lite_cdk.cli.traces.exports import span_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine
    from lambda_otel_lite_cdk.cli.traces.spans import Span

#: The page's code in the order in which its parts build on each other.
_SCRIPTS = (
    *("format.js", "model.js", "store.js", "search.js", "dom.js", "marking.js", "windowed.js"),
    *("copying.js", "histogram.js", "names.js", "list.js", "lines.js", "details.js"),
    *("minimap.js", "waterfall.js", "finder.js", "flame.js"),
    *("calls.js", "layers.js", "map.js", "views.js", "splitter.js", "page.js"),
)
_STYLES = ("report.css", "trace.css", "views.css", "media.css")
#: Characters that end a script element or a line of JavaScript. JSON may hold them as escapes.
_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}
#: JavaScript's integers are exact up to here.
_EXACT = 2**53
_LINES_BYTES = 4 * 1024 * 1024
_DATA = "{{data}}"


class Report:
    """Write a report span by span, in bounded memory.

    Args:
        file: Text file to write to.
    """

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._resources: dict[str, int] = {}
        # Of a long log only a part is held in memory.
        self._lines = SpooledTemporaryFile(_LINES_BYTES, "w+", encoding="utf-8")  # noqa: SIM115 - closed at the end
        self._between = ""
        before, self._after = _page()
        self._before = before + '{"spans":['

    def add(self, span: Span) -> None:
        """Write a span.

        Args:
            span: A span of any trace.
        """
        self._file.write(self._before + _indexed(span, self._resources))
        self._before = ",\n"

    def note(self, line: LogLine) -> None:
        """Keep a log line, which is shown with its span or, if that is not there, its trace.

        Args:
            line: A line of any trace; of a trace without spans it is not shown.
        """
        self._lines.write(self._between + _embedded(_exact(asdict(line))))
        self._between = ",\n"

    def end(self) -> None:
        """Write what comes after the spans; a report holds at least one."""
        self._file.write(f"],{_rest(self._resources)}")
        with self._lines:
            self._lines.seek(0)
            shutil.copyfileobj(self._lines, self._file)
        self._file.write(f"]}}{self._after}")


def batch(spans: Iterable[Span], lines: Iterable[LogLine] = ()) -> str:
    """Return JSON of spans and log lines as the page's function ``addTraces`` takes it parsed.

    The spans may be of traces that the page shows already. Spans that it has are left out there.

    Args:
        spans: Spans of any traces.
        lines: Log lines of any traces. Default: none.
    """
    resources: dict[str, int] = {}
    written = [_indexed(span, resources) for span in spans]
    noted = (_embedded(_exact(asdict(line))) for line in lines)
    return f'{{"spans":[{",".join(written)}],{_rest(resources)}{",".join(noted)}]}}'


def live_page(script: str) -> str:
    """Return a page without traces that a script brings.

    Args:
        script: JavaScript that calls ``addTraces(JSON.parse(text))`` for each text that `batch`
            made. It may connect to the server that the page comes from, and to no other.
    """
    before, after = _page(script)
    return before + batch(()) + after


def _indexed(span: Span, resources: dict[str, int]) -> str:
    """Return a span's JSON; a log has few resources, and every span repeats one."""
    body = _exact(span_json(span))
    resource = _embedded(body.pop("resource"))
    body["resource"] = resources.setdefault(resource, len(resources))
    return _embedded(body)


def _rest(resources: Iterable[str]) -> str:
    return f'"resources":[{",".join(resources)}],"logs":['


@cache
def _page(live: str = "") -> tuple[str, str]:
    """Return the page before and after its data."""
    folder = files(__package__) / "page"
    style = "".join((folder / name).read_text("utf-8") for name in _STYLES)
    script = "".join((folder / name).read_text("utf-8") for name in _SCRIPTS)
    script = f'"use strict";\n{{\n{script}{live}}}\n'
    connect = "connect-src 'self'; " if live else ""
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        f"{connect}base-uri 'none'; form-action 'none'"
    )
    page = (folder / "report.html").read_text("utf-8")
    for name, text in {"policy": policy, "style": style, "script": script}.items():
        page = page.replace(f"{{{{{name}}}}}", text)
    before, _, after = page.partition(_DATA)
    return before, after


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _embedded(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).translate(_ESCAPES)


def _exact(value: Any) -> Any:
    """Return a value in which integers that JavaScript would round are text."""
    match value:
        case int() if abs(value) > _EXACT:
            return str(value)
        case list():
            return [_exact(item) for item in value]
        case dict():
            return {name: _exact(item) for name, item in value.items()}
    return value
