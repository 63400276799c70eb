"""The trace of a durable execution, which all of its invocations are in, and how one ends.

It is the trace that AWS's plugin ``aws-durable-execution-sdk-python-otel`` 2.0 chooses
(https://github.com/aws/aws-durable-execution-sdk-python), so that what that makes is in it too: the
trace of the X-Ray header, be it sampled or not, since all invocations of an execution have the same
(https://docs.aws.amazon.com/lambda/latest/api/API_TraceHeader.html); else one that is derived from
the execution's ARN and start. A caller's context that is found as for any other event comes first.
"""

from hashlib import blake2b
from typing import Any

from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import Span, StatusCode, Tracer, get_current_span

from lambda_otel_lite.configuration.settings import xray_trace_header
from lambda_otel_lite.durable import sdk
from lambda_otel_lite.extractors.attributes import mapping, put, text
from lambda_otel_lite.extractors.executions import Execution
from lambda_otel_lite.propagation.xray import parse_root


class Starter:
    """Starts spans of invocations in the trace of their execution.

    Args:
        tracer: Makes the spans.
        execution: What the event says of the execution.
    """

    def __init__(self, tracer: Tracer, execution: Execution) -> None:
        self._tracer = tracer
        self._execution = execution

    def start_span(self, name: str, *, context: Context, **described: Any) -> Span:
        """Start an invocation's span.

        Args:
            name: Its name.
            context: The caller's; a span in it is the parent.
            described: All else that a tracer's ``start_span`` takes.
        """
        sdk.prepare()
        # Of a provider that has succeeded another the method is another tracer's.
        maker: Any = getattr(self._tracer.start_span, "__self__", self._tracer)
        known = get_current_span(context).get_span_context().is_valid
        trace_id = None if known else _trace_id(self._execution)
        if trace_id is None or not hasattr(maker, "id_generator"):
            return self._tracer.start_span(name, context=context, **described)
        generator = maker.id_generator
        maker.id_generator = _Given(trace_id, generator)
        try:
            return self._tracer.start_span(name, context=context, **described)
        finally:
            maker.id_generator = generator


def record_response(span: Span, response: Any) -> None:
    """Make the span of an invocation an error if its response says that the execution has failed.

    One that waits for its next step has not: its response says ``PENDING``.
    """
    if not span.is_recording():
        return
    response = mapping(response)
    attributes: dict[str, Any] = {}
    put(attributes, "durable.invocation.status", response.get("Status"))
    if response.get("Status") == "FAILED":
        error = mapping(response.get("Error"))
        attributes["error.type"] = text(error.get("ErrorType")) or "_OTHER"
        message = text(error.get("ErrorMessage")) or "the durable execution has failed"
        span.set_status(StatusCode.ERROR, f"{attributes['error.type']}: {message}")
    span.set_attributes(attributes)


def derived_trace_id(execution: Execution) -> int | None:
    """Return the id that is derived from an execution; None if its start is not known.

    The first 8 digits are the start in seconds, as those of X-Ray's ids are.
    """
    if execution.started_ms is None:
        return None
    digest = blake2b(execution.arn.encode("utf-8", "surrogatepass")).hexdigest()
    return int(f"{execution.started_ms // 1000:08x}{digest}"[:32], 16)


def _trace_id(execution: Execution) -> int | None:
    header = xray_trace_header()
    return (parse_root(header) if header else None) or derived_trace_id(execution)


class _Given(IdGenerator):
    """Gives a trace that is known, and makes span ids.

    Args:
        trace_id: The trace.
        generator: Makes the span ids.
    """

    def __init__(self, trace_id: int, generator: IdGenerator) -> None:
        self._trace_id = trace_id
        self._generator = generator

    def generate_trace_id(self) -> int:
        """Return the trace that is known."""
        return self._trace_id

    def generate_span_id(self) -> int:
        """Return an id of the generator's."""
        return self._generator.generate_span_id()

    def is_trace_id_random(self) -> bool:
        """Say that it is not: https://www.w3.org/TR/trace-context-2/#random-trace-id-flag."""
        return False
