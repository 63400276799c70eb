"""A function that several invocations run side by side, each in a process of its own."""

import sys
from pathlib import Path
from typing import Any

from opentelemetry import trace

tracer = trace.get_tracer("user")


def handler(event: dict[str, Any], context: Any) -> Any:
    """Write and make spans, and wait in between until the test says so."""
    request_id = context.aws_request_id
    print(f"begin {request_id}")  # noqa: T201 - what functions do
    for number in range(event["spans"]):
        with tracer.start_as_current_span(f"span {number}") as span:
            span.set_attribute("request_id", request_id)
            span.set_attribute("text", f"{request_id}{number}" * 20)
            print(f"err {request_id}", file=sys.stderr)  # noqa: T201
    with tracer.start_as_current_span("open") as span:
        span.set_attribute("request_id", request_id)
        print(f"waiting {request_id}")  # noqa: T201
        Path(event["gate"]).read_text("utf-8")
    print(f"end {request_id}")  # noqa: T201
    return {"tenant": getattr(context, "tenant_id", None)}
