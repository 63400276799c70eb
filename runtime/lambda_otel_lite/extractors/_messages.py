"""What the extractors of all message sources share: messages, their carriers, and their span.

Names: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.trace import SpanKind

from lambda_otel_lite.extractors.attributes import (
    Carrier,
    SpanAttributes,
    TriggerType,
    invocation_attributes,
    put,
    text,
)

XRAY_HEADER = "x-amzn-trace-id"

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
    "uber-trace-id",
    "ot-tracer-traceid",
    "ot-tracer-spanid",
    "ot-tracer-sampled",
    XRAY_HEADER,
)

#: The headers that came with a message, and what its span or link says of it.
Message = tuple[Carrier, Mapping[str, Any]]

#: A message of which nothing is known.
UNKNOWN: Message = ({}, {})


def batch(
    context: Any, system: str, destination: str | None, messages: Sequence[Message]
) -> SpanAttributes:
    """Describe the processing of a batch of messages.

    Args:
        context: The Lambda context.
        system: ``messaging.system``.
        destination: Name of the queue, topic or stream, where all messages come from one.
        messages: The messages, in order.
    """
    attributes = invocation_attributes(context)
    attributes["messaging.system"] = system
    attributes["messaging.operation.name"] = attributes["messaging.operation.type"] = "process"
    put(attributes, "messaging.destination.name", destination)
    single = len(messages) == 1
    if single:
        attributes.update(messages[0][1])
    elif messages:
        attributes["messaging.batch.message_count"] = len(messages)
    return SpanAttributes(
        TriggerType.PUBSUB,
        attributes,
        span_name=f"process {destination}" if destination else None,
        # One message continues its sender's trace; of a batch no message is the parent.
        carrier=(messages[0][0] or None) if single else None,
        kind=SpanKind.CONSUMER,
        link_carriers=() if single else [carrier for carrier, _ in messages],
        link_attributes=() if single else [described for _, described in messages],
    )


def identified(message_id: Any) -> dict[str, str]:
    """Return what is said of a message of which the id alone is known."""
    return {"messaging.message.id": message_id} if text(message_id) else {}


def is_propagation_field(name: Any) -> bool:
    """Tell whether some propagator reads the header of this name."""
    return isinstance(name, str) and name.lower() in _PROPAGATION_FIELDS
