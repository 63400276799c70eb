"""What stands below a span in the terminal: its error, what it was about, and what is odd."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.cells import cell_len
from rich.text import Text

from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine
from lambda_otel_lite_cdk.cli.traces.spans import Event, Placed, Span, Value
from lambda_otel_lite_cdk.cli.traces.text import (
    cut,
    filled,
    format_duration,
    printable,
    wrapped,
)

#: Attributes worth a line in the overview, in order; a prefix ends with a dot.
_MAIN_ATTRIBUTES = (
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "faas.trigger",
    "messaging.",
    "error.type",
)
_SEVERE = ("ERROR", "CRITICAL", "FATAL")
_VALUE_CELLS = 40
#: Lines of a log message that is no error's.
_MESSAGE_LINES = 3
_SECONDARY = "dim"
#: What an exception says is not repeated by ``details``.
_SHOWN_ABOVE = ("exception.message", "exception.stacktrace")


class Notes:
    """Write the notes of one trace's spans, from the top down.

    Args:
        details: Whether all attributes, events and links are shown.
        ascii_only: Whether the terminal shows nothing but ASCII.
    """

    def __init__(self, *, details: bool, ascii_only: bool) -> None:
        self._details = details
        self._ascii_only = ascii_only
        #: Exceptions that were shown. Each span that one passes through records it.
        self._shown: set[tuple[str, str]] = set()

    def of(self, placed: Placed, width: int) -> Iterator[Text]:
        """Yield the lines below a span.

        Args:
            placed: The span, with its place in the tree.
            width: Of a line, in cells.
        """
        span = placed.span
        for line in filled(self._words(span), width):
            yield Text(line, style=_SECONDARY)
        yield from self._error(span, width)
        if self._details:
            for words in self._parts(span):
                for line in filled(words, width):
                    yield Text(line, style=_SECONDARY)
        for problem in _problems(placed):
            for line in wrapped(f"! {problem}", width):
                yield Text(line, style="yellow")

    def logged(self, line: LogLine, start_ns: int, width: int) -> Iterator[Text]:
        """Yield a log line: when it was written, its level and its message.

        Args:
            line: The log line.
            start_ns: The start that its time is told from.
            width: Of a line, in cells.
        """
        when = "" if line.time_ns is None else f"{format_duration(line.time_ns - start_ns)} "
        severe = line.level in _SEVERE
        first = f"> {when}"
        message = f"{line.level} {line.message}".strip()
        lines = list(wrapped(message, width - cell_len(first)))
        if not severe and not self._details and len(lines) > _MESSAGE_LINES:
            last = lines[_MESSAGE_LINES - 1]
            ellipsis = " ..." if self._ascii_only else " …"
            cells = min(cell_len(last), width - cell_len(first) - len(ellipsis))
            lines[_MESSAGE_LINES - 1 :] = [
                cut(last, cells, ascii_only=self._ascii_only).rstrip() + ellipsis
            ]
        for number, text in enumerate(lines):
            begin = " " * cell_len(first) if number else first
            yield Text.assemble((begin, _SECONDARY), (text, "red" if severe else ""))

    def _words(self, span: Span) -> list[str]:
        words = [] if span.kind == "INTERNAL" else [span.kind]
        if span.attributes.get("faas.coldstart") is True:
            words.append("COLD START")
        for wanted in _MAIN_ATTRIBUTES if not self._details else ("",):
            words += self._pairs(
                {
                    key: value
                    for key, value in span.attributes.items()
                    if key == wanted or (wanted[-1:] in ("", ".") and key.startswith(wanted))
                }
            )
        return words

    def _pairs(self, attributes: Mapping[str, Value]) -> list[str]:
        return [
            f"{printable(name)}={self._value(value)}" for name, value in sorted(attributes.items())
        ]

    def _value(self, value: Value) -> str:
        text = printable(str(value))
        if self._details or cell_len(text) <= _VALUE_CELLS:
            return text
        return cut(text, _VALUE_CELLS, ascii_only=self._ascii_only)

    def _error(self, span: Span, width: int) -> Iterator[Text]:
        """Yield the whole error, its stack trace once for all spans that it went through."""
        said = span.status_message if span.status == "ERROR" else ""
        for event in span.events:
            if event.name != "exception":
                continue
            kind, message = _text(event, "exception.type"), _text(event, "exception.message")
            headline = ": ".join(filter(None, (kind, message)))
            yield from _red(f"! {headline}", width)
            if message in said or said in message:
                said = ""
            trace = _text(event, "exception.stacktrace").strip()
            if trace == headline:
                trace = ""  # Some record no more than that.
            if trace and (kind, message) in self._shown:
                yield Text("  its stack trace is above", style=_SECONDARY)
            elif trace:
                for line in wrapped(trace, width - 2):
                    yield Text(f"  {line}", style="red" if message and message in line else "")
            self._shown.add((kind, message))
        if said:
            yield from _red(f"! {said}", width)

    def _parts(self, span: Span) -> Iterator[list[str]]:
        """Yield what ``details`` adds: the span's id, its events and its links."""
        scope = [f"scope={printable(span.scope)}"] if span.scope else []
        yield [f"span_id={printable(span.span_id)}", *scope]
        if span.status_message and span.status != "ERROR":
            yield [f"status={printable(span.status_message)}"]
        for event in span.events:
            when = format_duration(event.time_ns - span.start_ns)
            more = {
                name: value
                for name, value in event.attributes.items()
                if event.name != "exception" or name not in _SHOWN_ABOVE
            }
            yield [f"event {printable(event.name)} at {when}", *self._pairs(more)]
        for link in span.links:
            yield [f"link to {link.span_id} of {link.trace_id}", *self._pairs(link.attributes)]


def _text(event: Event, name: str) -> str:
    return str(event.attributes.get(name) or "")


def _red(text: str, width: int) -> Iterator[Text]:
    for line in wrapped(text, width):
        yield Text(line, style="bold red")


def _problems(placed: Placed) -> Iterator[str]:
    span, parent = placed.span, placed.parent
    if placed.circle:
        yield f"its parent {span.parent_id} descends from itself: a propagator mixes up span ids"
    elif parent is None and span.parent_id is not None:
        yield f"its parent {span.parent_id} is not among these spans"
    if parent is not None and span.start_ns < parent.start_ns:
        early = format_duration(parent.start_ns - span.start_ns)
        yield f"starts {early} before its parent: it was backdated, or their clocks disagree"
    if span.end_ns < span.start_ns:
        yield "ends before it starts"
