"""What decoded spans go into: a drawing, lines for programs, or a report."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Protocol

from rich.console import Console

from lambda_otel_lite_cdk.cli.traces.exports import otlp_json, span_json
from lambda_otel_lite_cdk.cli.traces.gather import Gatherer, Trace
from lambda_otel_lite_cdk.cli.traces.records import spans_of
from lambda_otel_lite_cdk.cli.traces.report import Report
from lambda_otel_lite_cdk.cli.traces.waterfall import print_trace

if TYPE_CHECKING:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Sink(Protocol):
    """Take requests one by one, and count their spans."""

    spans: int

    def take(self, request: ExportTraceServiceRequest) -> None:
        """Take a request; write what can be written."""

    def pause(self) -> None:
        """Write what has waited for long."""

    def end(self) -> None:
        """Write the rest."""


def make_sink(form: str, file: IO[str], *, details: bool) -> Sink:
    """Return what writes spans in a form.

    Args:
        form: ``"waterfall"``, ``"json"``, ``"otlp-json"`` or ``"html"``.
        file: Where to write.
        details: Whether a waterfall shows all attributes, events and links.
    """
    match form:
        case "waterfall":
            return _Waterfall(file, details=details)
        case "html":
            return _Html(file)
    return _Lines(file, otlp=form == "otlp-json")


class _Waterfall:
    def __init__(self, file: IO[str], *, details: bool) -> None:
        self.spans = 0
        self._console = Console(file=file, highlight=False)
        self._details = details
        self._gatherer = Gatherer()

    def take(self, request: ExportTraceServiceRequest) -> None:
        for span in spans_of(request):
            self.spans += 1
            self._draw(self._gatherer.add(span))

    def pause(self) -> None:
        self._draw(self._gatherer.quiet())

    def end(self) -> None:
        self._draw(self._gatherer.rest())

    def _draw(self, traces: Iterator[Trace]) -> None:
        for trace in traces:
            print_trace(
                trace.spans, self._console, continued=trace.continued, details=self._details
            )


class _Lines:
    """Write a line for each span, or for each request."""

    def __init__(self, file: IO[str], *, otlp: bool) -> None:
        self.spans = 0
        self._file = file
        self._otlp = otlp

    def take(self, request: ExportTraceServiceRequest) -> None:
        spans = list(spans_of(request))
        self.spans += len(spans)
        if self._otlp and spans:
            self._file.write(otlp_json(request) + "\n")
        elif not self._otlp:
            self._file.writelines(json.dumps(span_json(span)) + "\n" for span in spans)

    def pause(self) -> None:
        self._file.flush()

    def end(self) -> None:
        self._file.flush()


class _Html:
    def __init__(self, file: IO[str]) -> None:
        self.spans = 0
        self._report = Report(file)

    def take(self, request: ExportTraceServiceRequest) -> None:
        for span in spans_of(request):
            self.spans += 1
            self._report.add(span)

    def pause(self) -> None:
        """Do nothing: a report is of use only when it is complete."""

    def end(self) -> None:
        self._report.end()
