"""What it costs to turn spans into log records: this project's writer and the package's."""

import contextlib
import io
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from otlp_stdout_span_exporter import OTLPStdoutSpanExporter

from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.export.exporter import LogRecordExporter
from lambda_otel_lite.resource import get_lambda_resource

if TYPE_CHECKING:
    from lambda_otel_lite.export.exporter import Exporter

#: What the platform sets; the line limit is the default.
ENVIRONMENT = {
    "AWS_LAMBDA_FUNCTION_NAME": "orders",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef",
    "AWS_REGION": "eu-west-1",
}


class _Printed:
    """Writes where the package's exporter does, so that neither of the two has a real file."""

    def write(self, line: str) -> None:
        sys.stdout.write(line)
        sys.stdout.flush()


EXPORTERS: dict[str, Callable[[], "Exporter"]] = {
    "native": lambda: LogRecordExporter(Settings.from_environ(ENVIRONMENT), _Printed()),
    "OTLPStdoutSpanExporter": OTLPStdoutSpanExporter,
}


def make_spans(count: int) -> list[ReadableSpan]:
    """Return spans as the workload of the warm call makes them, in traces of 21."""
    memory = InMemorySpanExporter()
    resource = get_lambda_resource(settings=Settings.from_environ(ENVIRONMENT))
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("benchmark", "1")
    while len(memory.get_finished_spans()) < count:
        with tracer.start_as_current_span("POST /orders") as root:
            root.set_attribute("http.request.method", "POST")
            for iteration in range(20):
                with tracer.start_as_current_span(f"operation_depth_2_iter_{iteration}") as span:
                    span.set_attribute("depth", 2)
                    span.set_attribute("iteration", iteration)
                    span.set_attribute("payload", "x" * 256)
    return list(memory.get_finished_spans()[:count])


def cost(make: Callable[[], "Exporter"], spans: Sequence[ReadableSpan]) -> tuple[float, float]:
    """Return CPU time in µs and output in bytes, both for each span, of one export."""
    exporter = make()
    exporter.export(spans[:1])  # whatever is loaded at the first use
    repeats = max(1, 2000 // len(spans))
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        began = time.process_time_ns()
        for _ in range(repeats):
            exporter.export(spans)
        took = time.process_time_ns() - began
    count = repeats * len(spans)
    return took / count / 1000, len(output.getvalue()) / count
