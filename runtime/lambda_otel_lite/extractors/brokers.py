"""Extractors for batches of message brokers: Kafka, ActiveMQ and RabbitMQ.

Sources: the event formats in https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html,
https://docs.aws.amazon.com/lambda/latest/dg/with-kafka.html and
https://docs.aws.amazon.com/lambda/latest/dg/with-mq.html, and those of pipes in
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-source.html; names from
https://opentelemetry.io/docs/specs/semconv/messaging/kafka/ and
https://opentelemetry.io/docs/specs/semconv/messaging/rabbitmq/.
"""

from typing import Any

from lambda_otel_lite.extractors._messages import (
    Message,
    batch,
    identified,
    is_propagation_field,
)
from lambda_otel_lite.extractors.attributes import SpanAttributes, mapping, objects, only, text

# Longer ones are no trace context (baggage is at most 8,192 bytes: W3C Baggage, "Limits").
_LONGEST_HEADER = 8192


def kafka_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a batch of topics of Amazon MSK or of a Kafka of one's own."""
    found = _messages_of(event, "records")
    topics = {text(record.get("topic")) for record in found}
    return batch(context, "kafka", only(topics), [_kafka_message(record) for record in found])


def activemq_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a batch from a queue of an ActiveMQ broker; JMS properties may carry a context."""
    found = _messages_of(event, "messages")
    destinations = [mapping(one.get("destination")) for one in found]
    # AWS's page writes it in both ways.
    names = {text(one.get("physicalName")) or text(one.get("physicalname")) for one in destinations}
    return batch(context, "activemq", only(names), [_activemq_message(one) for one in found])


def rabbitmq_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a batch from a queue of a RabbitMQ broker."""
    if isinstance(event, list):
        keys = {text(message.get("eventSourceKey")) for message in objects(event)}
    else:
        keys = {text(key) for key in mapping(mapping(event).get("rmqMessagesByQueue"))}
    # QUEUE::VIRTUAL_HOST
    queues = {key and key.partition("::")[0] for key in keys}
    found = _messages_of(event, "rmqMessagesByQueue")
    return batch(context, "rabbitmq", only(queues), [_rabbitmq_message(one) for one in found])


def _messages_of(event: Any, key: str) -> list[dict[Any, Any]]:
    """Return the messages of an event: a pipe's is the list of them, the others' are grouped."""
    found = event if isinstance(event, list) else mapping(event).get(key)
    if isinstance(found, dict):
        return [message for group in found.values() for message in objects(group)]
    return objects(found)


def _kafka_message(record: dict[Any, Any]) -> Message:
    described: dict[str, Any] = {}
    offset, partition = record.get("offset"), record.get("partition")
    if isinstance(offset, int):
        described["messaging.kafka.offset"] = offset
    if isinstance(partition, int):
        described["messaging.destination.partition.id"] = str(partition)
    if "value" in record and record["value"] is None:
        described["messaging.kafka.message.tombstone"] = True
    carrier: dict[str, str | list[str]] = {}
    for headers in objects(record.get("headers")):
        carrier |= _carrier(headers)
    return carrier, described


def _activemq_message(message: dict[Any, Any]) -> Message:
    # AWS's page and library write the name of the second in two ways.
    conversation = text(message.get("correlationId")) or text(message.get("correlationID"))
    described = _described(message.get("messageID"), conversation)
    return _carrier(mapping(message.get("properties"))), described


def _rabbitmq_message(message: dict[Any, Any]) -> Message:
    properties = mapping(message.get("basicProperties"))
    described = _described(properties.get("messageId"), properties.get("correlationId"))
    return _carrier(mapping(properties.get("headers"))), described


def _described(message_id: Any, conversation_id: Any) -> dict[str, str]:
    described = identified(message_id)
    if text(conversation_id):
        described["messaging.message.conversation_id"] = conversation_id
    return described


def _carrier(headers: dict[Any, Any]) -> dict[str, str | list[str]]:
    """Return what propagators read, as text."""
    return {
        name: value
        for name, given in headers.items()
        if is_propagation_field(name) and (value := _decoded(given))
    }


def _decoded(value: Any) -> str | None:
    """Return a header's text, which Kafka and RabbitMQ send as a list of bytes."""
    if isinstance(value, dict):
        value = value.get("bytes")
    if not isinstance(value, list) or len(value) > _LONGEST_HEADER:
        return text(value)
    try:
        # Java's bytes are signed.
        return bytes(byte & 0xFF for byte in value).decode() or None
    except (TypeError, UnicodeDecodeError):
        return None
