"""What many functions write to their logs, and how CloudWatch Logs hands it on."""

from __future__ import annotations

import io
import random
from itertools import batched
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider

from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.export.exporter import LogRecordExporter
from tests.forwarder.samples import log_data, stream_event

#: Spans that an invocation makes, below a span of the invocation itself.
SPANS_OF_INVOCATION = 25
#: Log records that CloudWatch Logs sends at once, and such batches that a stream hands over.
LINES_OF_BATCH, BATCHES_OF_EVENT = 5, 4


class Kept(SpanProcessor):
    """Keeps the spans that end, until they are taken."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.spans.append(span)

    def take(self) -> list[ReadableSpan]:
        taken, self.spans = self.spans, []
        return taken


def function_lines(
    name: str, spans: int, ids: set[bytes], spans_of_invocation: int = SPANS_OF_INVOCATION
) -> list[str]:
    """Return the lines of a function, one for each invocation, made by the runtime's exporter.

    Args:
        name: The function's name.
        spans: How many spans it makes in all its invocations.
        ids: Where to add the ids of the spans.
        spans_of_invocation: How many of them an invocation makes.
    """
    environment = {"AWS_LAMBDA_FUNCTION_NAME": name, "LAMBDA_OTEL_EXPORTER": "native"}
    log = io.StringIO()
    exporter = LogRecordExporter(Settings.from_environ(environment), log)
    resource = Resource({"service.name": name, "cloud.provider": "aws", "faas.name": name})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    kept = Kept()
    provider.add_span_processor(kept)
    tracer = provider.get_tracer("fleet")
    for _ in range(spans // spans_of_invocation):
        with tracer.start_as_current_span("GET /orders/{id}") as invocation:
            invocation.set_attributes({"http.request.method": "GET", "faas.trigger": "http"})
            for step in range(spans_of_invocation - 1):
                number = random.getrandbits(64)
                with tracer.start_as_current_span("query", attributes={"db.row": f"{number:x}"}):
                    invocation.add_event(f"step {step}")
        made = kept.take()
        ids.update(span.context.span_id.to_bytes(8) for span in made if span.context)
        exporter.export(made)
    return log.getvalue().splitlines()


def fleet_events(functions: int, spans: int) -> tuple[list[dict[str, Any]], set[bytes]]:
    """Return the events with which a fleet's logs invoke the forwarder, and all span ids in them.

    One half of the log batches comes by subscription, the other by a stream.

    Args:
        functions: Number of functions.
        spans: Number of spans of all of them together.
    """
    ids: set[bytes] = set()
    lines = [function_lines(f"function-{n}", spans // functions, ids) for n in range(functions)]
    batches = [log_data(*part) for each in lines for part in batched(each, LINES_OF_BATCH)]
    random.Random(1).shuffle(batches)  # noqa: S311
    direct, streamed = batches[::2], batches[1::2]
    events = [
        *({"awslogs": {"data": data}} for data in direct),
        *(stream_event(*part) for part in batched(streamed, BATCHES_OF_EVENT)),
    ]
    return events, ids
