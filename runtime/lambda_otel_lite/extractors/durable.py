"""The extractor of durable executions: workflows that run over several invocations.

Sources: https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html; for the event
``aws_durable_execution_sdk_python.execution``
(https://github.com/aws/aws-durable-execution-sdk-python), of which the attributes' names are too:
those of its OpenTelemetry plugin, ``aws-durable-execution-sdk-python-otel`` 2.0.
"""

import json
from typing import Any

from lambda_otel_lite.extractors.attributes import SpanAttributes, mapping, objects, put, text
from lambda_otel_lite.extractors.auto import extractor_for
from lambda_otel_lite.extractors.executions import Execution


def durable_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read an invocation of a durable execution, and what started the execution.

    Every invocation is described by the event that started the execution, which the first and all
    later ones carry: by its trigger, its name and its sender.
    """
    event = mapping(event)
    state = mapping(event.get("InitialExecutionState"))
    operations = objects(state.get("Operations"))
    started = next((one for one in operations if one.get("Type") == "EXECUTION"), {})
    others = [one for one in operations if one is not started]
    # What does not fit into the event is read by the SDK, page by page.
    is_whole = not text(state.get("NextMarker"))
    payload = _payload(mapping(started.get("ExecutionDetails")).get("InputPayload"))
    extracted = extractor_for(payload)(payload, context)
    arn = text(event.get("DurableExecutionArn"))
    if arn is None:
        return extracted
    attributes = extracted.attributes
    attributes["durable.execution.arn"] = arn
    put(attributes, "durable.execution.name", _name(arn))
    attributes["durable.invocation.first"] = is_whole and not others
    if is_whole:
        attributes["durable.operation.count"] = len(others)
    extracted.execution = Execution(arn, _milliseconds(started.get("StartTimestamp")))
    return extracted


def _payload(encoded: Any) -> Any:
    """Return the event that started the execution; None where it is not in this one."""
    try:
        return json.loads(encoded) if text(encoded) else None
    except (ValueError, RecursionError):  # no JSON, or nested without end
        return None


def _name(arn: str) -> str | None:
    """Return the name of an execution.

    Its ARN is ``FUNCTION_ARN:VERSION/durable-execution/NAME/ID``:
    https://docs.aws.amazon.com/lambda/latest/api/API_GetDurableExecution.html.
    """
    parts = arn.split("/")
    return parts[-2] if len(parts) > 1 else None


def _milliseconds(value: Any) -> int | None:
    return int(value) if type(value) in (int, float) and 0 < value < 1 << 62 else None
