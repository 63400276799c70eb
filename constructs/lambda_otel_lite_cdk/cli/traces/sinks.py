"""What decoded spans go into: a drawing, lines for programs, or a report."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import IO, TYPE_CHECKING, Protocol

from lambda_otel_lite_cdk.cli.console import Terminal
from lambda_otel_lite_cdk.cli.traces.exports import span_json
from lambda_otel_lite_cdk.cli.traces.gather import Gatherer, Trace
from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine
from lambda_otel_lite_cdk.cli.traces.otlp_json import otlp_json
from lambda_otel_lite_cdk.cli.traces.records import spans_of
from lambda_otel_lite_cdk.cli.traces.report import Report
from lambda_otel_lite_cdk.cli.traces.spans import Span
from lambda_otel_lite_cdk.cli.traces.summary import Summary
from lambda_otel_lite_cdk.cli.traces.waterfall import print_trace

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Sink(Protocol):
    """Take requests one by one and write their spans.

    Attributes:
        spans: Number of spans taken.
        is_full: Whether it needs no more.
    """

    @property
    def spans(self) -> int:
        """Number of spans taken."""

    @property
    def is_full(self) -> bool:
        """Whether it needs no more."""

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Take a request; write what can be written."""

    def note(self, line: LogLine) -> None:
        """Take a log line, to show it with its trace."""

    def pause(self) -> None:
        """Write what should not wait any longer: no more spans come at the moment."""

    def end(self) -> None:
        """Write the rest; nothing if there was no span."""


class _Endless:
    """Need more spans at any time."""

    is_full = False


class _Waterfall(_Endless):
    """Draw each trace once it has been quiet."""

    def __init__(self, file: IO[str], *, details: bool) -> None:
        self.spans = 0
        self._console = Terminal(file=file, highlight=False)
        self._details = details
        self._gatherer = Gatherer()

    def take(self, request: ExportTraceServiceRequest) -> None:
        for span in spans_of(request):
            self.spans += 1
            self._draw(self._gatherer.add(span))

    def note(self, line: LogLine) -> None:
        self._gatherer.add_line(line)

    def pause(self) -> None:
        self._draw(self._gatherer.quiet())

    def end(self) -> None:
        self._draw(self._gatherer.rest())

    def _draw(self, traces: Iterator[Trace]) -> None:
        for trace in traces:
            print_trace(
                trace.spans,
                self._console,
                continued=trace.continued,
                details=self._details,
                lines=trace.lines,
            )


type _Render = Callable[[ExportTraceServiceRequest, list[Span]], Iterable[str]]


class _Lines(_Endless):
    """Write the lines that a function makes of each request and its spans."""

    def __init__(self, render: _Render, file: IO[str], *, details: bool) -> None:
        del details  # lines always hold everything
        self.spans = 0
        self._render = render
        self._file = file

    def take(self, request: ExportTraceServiceRequest) -> None:
        if spans := list(spans_of(request)):
            self.spans += len(spans)
            self._file.writelines(f"{line}\n" for line in self._render(request, spans))

    def note(self, line: LogLine) -> None:
        """Do nothing: programs read spans."""

    def pause(self) -> None:
        self._file.flush()

    def end(self) -> None:
        self._file.flush()


class _Html(_Endless):
    """Write a report, which is of use only when it is complete."""

    def __init__(self, file: IO[str], *, details: bool) -> None:
        del details  # a report always holds everything
        self.spans = 0
        self._report = Report(file)

    def take(self, request: ExportTraceServiceRequest) -> None:
        for span in spans_of(request):
            self.spans += 1
            self._report.add(span)

    def note(self, line: LogLine) -> None:
        self._report.note(line)

    def pause(self) -> None:
        """Do nothing."""

    def end(self) -> None:
        if self.spans:
            self._report.end()


class _Summary(_Endless):
    """Count spans by service and name; there is a table when they have all come."""

    def __init__(self, file: IO[str], *, details: bool) -> None:
        del details  # a table has no room for them
        self.spans = 0
        self._file = file
        self._summary = Summary()

    def take(self, request: ExportTraceServiceRequest) -> None:
        for span in spans_of(request):
            self.spans += 1
            self._summary.add(span)

    def note(self, line: LogLine) -> None:
        """Do nothing: spans are counted."""

    def pause(self) -> None:
        """Do nothing."""

    def end(self) -> None:
        if self.spans:
            self._summary.print(Terminal(file=self._file, highlight=False))


#: What makes a sink, by the format that a user asks for. Each takes the file to write to, and
#: whether a waterfall shows all attributes, events and links (``details``).
SINKS: dict[str, Callable[..., Sink]] = {
    "waterfall": _Waterfall,
    "summary": _Summary,
    "json": partial(_Lines, lambda _, spans: (json.dumps(span_json(span)) for span in spans)),
    "otlp-json": partial(_Lines, lambda request, _: [otlp_json(request)]),
    "html": _Html,
}
