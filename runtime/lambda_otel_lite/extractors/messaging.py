"""Extractors for events that bring messages: SQS, SNS, Kinesis and EventBridge.

Sources: AWS Lambda developer guide, the event formats of each; messaging semantic conventions for
names and for ``messaging.system`` (``aws_sqs``, ``aws.sns``); FaaS semantic conventions for
``faas.trigger``.
Every message may carry a context of its own, hence the span links.
"""

import json
from collections.abc import Iterable
from typing import Any

from opentelemetry.trace import SpanKind

from lambda_otel_lite.extractors.attributes import (
    Carrier,
    SpanAttributes,
    TriggerType,
    arn_part,
    invocation_attributes,
    mapping,
    put,
    records,
    text,
)

_XRAY_HEADER = "x-amzn-trace-id"
# Whatever a propagator of OTEL_PROPAGATORS may have injected into a message.
_PROPAGATION_FIELDS = (
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-sampled",
    "x-b3-flags",
    _XRAY_HEADER,
)


def sqs_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a batch from a queue: W3C context from message attributes, X-Ray's from the system's."""
    messages = records(event)
    first = messages[0] if messages else {}
    return _batch(
        context,
        "aws_sqs",
        _resource_name(first.get("eventSourceARN")),
        len(messages),
        message_id=first.get("messageId"),
        carriers=(_sqs_carrier(message) for message in messages),
    )


def sns_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a notification of a topic; its context travels in the message attributes."""
    notifications = [mapping(record.get("Sns")) for record in records(event)]
    first = notifications[0] if notifications else {}
    return _batch(
        context,
        "aws.sns",
        _resource_name(first.get("TopicArn")),
        len(notifications),
        message_id=first.get("MessageId"),
        carriers=(
            _attribute_carrier(notification.get("MessageAttributes"), "Value")
            for notification in notifications
        ),
    )


def kinesis_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a batch of a data stream; its records have no place for a context."""
    batch = records(event)
    arn = batch[0].get("eventSourceARN") if batch else None
    stream = (_resource_name(arn) or "").rpartition("/")[2] or None
    return _batch(context, "aws.kinesis", stream, len(batch), message_id=None, carriers=())


def eventbridge_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read an event of a bus; what the scheduler sends has the trigger ``timer``."""
    event = mapping(event)
    attributes = invocation_attributes(context)
    detail_type = text(event.get("detail-type"))
    put(attributes, "aws.eventbridge.source", event.get("source"))
    put(attributes, "aws.eventbridge.detail_type", detail_type)
    if detail_type == "Scheduled Event":
        put(attributes, "faas.time", event.get("time"))
        resources = event.get("resources")
        rule = resources[0] if isinstance(resources, list) and resources else None
        name = (arn_part(rule, 5) or "").rpartition("/")[2]
        return SpanAttributes(TriggerType.TIMER, attributes, span_name=name or detail_type)
    put(attributes, "messaging.message.id", event.get("id"))
    attributes["messaging.system"] = "aws.eventbridge"
    attributes["messaging.operation.type"] = "process"
    return SpanAttributes(
        TriggerType.PUBSUB,
        attributes,
        span_name=f"process {detail_type}" if detail_type else None,
        kind=SpanKind.CONSUMER,
    )


def _batch(  # noqa: PLR0913 - what the messaging conventions ask of a consumer span
    context: Any,
    system: str,
    destination: str | None,
    count: int,
    *,
    message_id: Any,
    carriers: Iterable[Carrier],
) -> SpanAttributes:
    attributes = invocation_attributes(context)
    attributes["messaging.system"] = system
    attributes["messaging.operation.type"] = "process"
    put(attributes, "messaging.destination.name", destination)
    if count > 1:
        attributes["messaging.batch.message_count"] = count
    else:
        put(attributes, "messaging.message.id", message_id)
    found = list(carriers)
    return SpanAttributes(
        TriggerType.PUBSUB,
        attributes,
        span_name=f"process {destination}" if destination else None,
        # One message continues its sender's trace; of a batch no message is the parent.
        carrier=(found[0] or None) if count == 1 and found else None,
        kind=SpanKind.CONSUMER,
        link_carriers=found if count > 1 else (),
    )


def _sqs_carrier(message: dict[Any, Any]) -> Carrier:
    carrier = _attribute_carrier(message.get("messageAttributes"), "stringValue")
    if not carrier:
        carrier = _carrier_through_sns(message.get("body"))
    xray = text(mapping(message.get("attributes")).get("AWSTraceHeader"))
    return {**carrier, _XRAY_HEADER: xray} if xray else carrier


def _attribute_carrier(attributes: Any, value_key: str) -> dict[str, str | list[str]]:
    carrier: dict[str, str | list[str]] = {}
    for name, attribute in mapping(attributes).items():
        value = text(mapping(attribute).get(value_key))
        if value and isinstance(name, str) and name.lower() in _PROPAGATION_FIELDS:
            carrier[name.lower()] = value
    return carrier


def _carrier_through_sns(body: Any) -> dict[str, str | list[str]]:
    """Look into the envelope of a topic that delivers to the queue without raw delivery."""
    if not isinstance(body, str) or '"Notification"' not in body or "traceparent" not in body:
        return {}
    try:
        envelope = mapping(json.loads(body))
    except (ValueError, RecursionError):  # text that is no JSON, or nested without end
        return {}
    return _attribute_carrier(envelope.get("MessageAttributes"), "Value")


def _resource_name(arn: Any) -> str | None:
    return arn_part(arn, 5)
