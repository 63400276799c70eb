"""What a log record is made of, in bytes: ``make bench-lines``.

The spans are those of a request to an API: the handler's, and below it calls of AWS services.
"""

import contextlib
import copy
import io
import json
import random
import sys
from collections.abc import Sequence
from typing import Any, cast

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import SpanKind

from lambda_otel_lite import ProcessorMode, create_traced_handler
from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.extractors import api_gateway_v2_extractor
from lambda_otel_lite.resource import get_lambda_resource
from lambda_otel_lite.telemetry import TelemetryCompletionHandler
from tests.benchmarks.export import ENVIRONMENT, EXPORTERS
from tests.benchmarks.figure import Figure
from tests.benchmarks.measure import Spread
from tests.spans import FakeContext, event

SIZES = (1, 5, 20, 500)
NATIVE, PACKAGE = EXPORTERS
_OPERATIONS = ("PutItem", "SendMessage", "GetObject")


class _Ids(IdGenerator):
    """Ids that are the same in every run, so that the sizes are."""

    def __init__(self) -> None:
        self._chance = random.Random(1)  # noqa: S311 - no secret

    def generate_span_id(self) -> int:
        return self._chance.getrandbits(64)

    def generate_trace_id(self) -> int:
        return self._chance.getrandbits(128)


def request_spans(count: int) -> list[ReadableSpan]:
    """Return the spans of one request."""
    memory = InMemorySpanExporter()
    settings = Settings.from_environ(ENVIRONMENT)
    provider = TracerProvider(resource=get_lambda_resource(settings=settings), id_generator=_Ids())
    provider.add_span_processor(SimpleSpanProcessor(memory))
    completion = TelemetryCompletionHandler(provider, ProcessorMode.FINALIZE, settings=settings)
    tracer = provider.get_tracer("opentelemetry.instrumentation.botocore", "0.66b2")

    @create_traced_handler("orders", completion, api_gateway_v2_extractor)
    def handler(event: dict[str, Any], context: object) -> dict[str, int]:
        del event, context
        for number in range(count - 1):
            operation = _OPERATIONS[number % len(_OPERATIONS)]
            attributes: dict[str, Any] = {
                "rpc.system": "aws-api",
                "rpc.method": operation,
                "aws.region": "eu-west-1",
                "aws.request_id": f"{number * 0x9E3779B97F4A7C15 % 2**64:016X}",
                "http.status_code": 200,
            }
            tracer.start_span(operation, kind=SpanKind.CLIENT, attributes=attributes).end()
        return {"statusCode": 200}

    handler(event("api_gateway_v2"), FakeContext())
    provider.shutdown()
    return list(memory.get_finished_spans())


def size(name: str, spans: Sequence[ReadableSpan]) -> int:
    """Return the bytes of what an exporter writes of the spans."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        EXPORTERS[name]().export(spans)
    return len(output.getvalue())


def figure_name(count: int) -> str:
    """Return the name of the figure of a request's line."""
    return f"line of a request of {count} spans"


def figures() -> list[Figure]:
    """Return the bytes of a request's line at each size."""
    return [
        Figure(
            figure_name(count),
            "bytes",
            {name: Spread((size(name, request_spans(count)),)) for name in EXPORTERS},
        )
        for count in SIZES
    ]


def parts(spans: Sequence[ReadableSpan]) -> dict[str, int]:
    """Return what each part adds to this project's line, in bytes, if it comes last."""
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        EXPORTERS[NATIVE]().export(spans)
    lines = output.getvalue().splitlines(keepends=True)
    fields = sum(len(line) - len(json.loads(line)["payload"]) for line in lines)
    whole = size(NATIVE, spans)
    return {
        "fields of the line": fields,
        "resource": whole - size(NATIVE, [_changed(one, _resource=Resource({})) for one in spans]),
        "attributes": whole - size(NATIVE, [_changed(one, _attributes={}) for one in spans]),
        "ids and times": whole - size(NATIVE, [_alike(one) for one in spans]),
    }


def _changed(span: ReadableSpan, **fields: object) -> ReadableSpan:
    other = copy.copy(span)
    vars(other).update(fields)
    return other


def _alike(span: ReadableSpan) -> ReadableSpan:
    context = copy.copy(cast("Any", span.context))
    context = type(context)(1, 1, is_remote=False)
    return _changed(span, _context=context, _parent=None, _start_time=1, _end_time=1)


def table() -> str:
    """Return the table in Markdown."""
    names = list(parts(request_spans(1)))
    lines = [
        f"| spans | {NATIVE} | {PACKAGE} | ratio | {' | '.join(names)} |",
        "|---" * (4 + len(names)) + "|",
    ]
    for count in SIZES:
        spans = request_spans(count)
        own, package = size(NATIVE, spans), size(PACKAGE, spans)
        cells = (count, own, package, f"{own / package:.2f}", *parts(spans).values())
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
