"""Extractors for events that bring messages by AWS's own services.

Sources: the event formats in https://docs.aws.amazon.com/lambda/latest/dg/lambda-services.html;
names from https://opentelemetry.io/docs/specs/semconv/messaging/ and
https://opentelemetry.io/docs/specs/semconv/faas/faas-spans/.
Every message may carry a context of its own, hence the span links.
"""

import json
from binascii import a2b_base64
from typing import Any

from opentelemetry.trace import SpanKind

from lambda_otel_lite.extractors._messages import (
    UNKNOWN,
    XRAY_HEADER,
    batch,
    identified,
    is_propagation_field,
)
from lambda_otel_lite.extractors.attributes import (
    Carrier,
    SpanAttributes,
    TriggerType,
    arn_part,
    invocation_attributes,
    mapping,
    objects,
    put,
    records,
    text,
)


def sqs_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a batch from a queue: W3C context from message attributes, X-Ray's from the system's."""
    messages = records(event)
    first = messages[0] if messages else {}
    return batch(
        context,
        "aws_sqs",
        arn_part(first.get("eventSourceARN"), 5),
        [(_sqs_carrier(message), identified(message.get("messageId"))) for message in messages],
    )


def sns_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a notification of a topic; its context travels in the message attributes."""
    notifications = [mapping(record.get("Sns")) for record in records(event)]
    first = notifications[0] if notifications else {}
    return batch(
        context,
        "aws.sns",
        arn_part(first.get("TopicArn"), 5),
        [
            (
                _attribute_carrier(notification.get("MessageAttributes")),
                identified(notification.get("MessageId")),
            )
            for notification in notifications
        ],
    )


def kinesis_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a batch of a data stream; its records have no place for a context."""
    found = records(event)
    arn = found[0].get("eventSourceARN") if found else None
    stream = (arn_part(arn, 5) or "").rpartition("/")[2] or None
    return batch(context, "aws.kinesis", stream, [UNKNOWN] * len(found))


def firehose_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read the records that a delivery stream has transformed.

    Source: https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html.
    """
    event = mapping(event)
    arn = event.get("deliveryStreamArn")
    stream = (arn_part(arn, 5) or "").rpartition("/")[2] or None
    return batch(context, "aws.firehose", stream, [UNKNOWN] * len(objects(event.get("records"))))


def ses_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a received mail; addresses and subject are personal data and left out.

    Source: https://docs.aws.amazon.com/ses/latest/dg/receiving-email-action-lambda-event.html.
    """
    mails = [mapping(mapping(record.get("ses")).get("mail")) for record in records(event)]
    extracted = batch(
        context,
        "aws.ses",
        None,
        [(_mail_carrier(mail), identified(mail.get("messageId"))) for mail in mails],
    )
    extracted.span_name = "process mail"
    return extracted


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
    attributes["messaging.operation.name"] = attributes["messaging.operation.type"] = "process"
    return SpanAttributes(
        TriggerType.PUBSUB,
        attributes,
        span_name=f"process {detail_type}" if detail_type else None,
        kind=SpanKind.CONSUMER,
    )


def _sqs_carrier(message: dict[Any, Any]) -> Carrier:
    carrier = _attribute_carrier(message.get("messageAttributes"))
    if not carrier:
        carrier = _carrier_through_sns(message.get("body"))
    xray = text(mapping(message.get("attributes")).get("AWSTraceHeader"))
    return {**carrier, XRAY_HEADER: xray} if xray else carrier


def _attribute_carrier(attributes: Any) -> Carrier:
    """Return what propagators read of the attributes of a message of SQS or SNS."""
    return {
        name: value
        for name, attribute in mapping(attributes).items()
        if is_propagation_field(name) and (value := _attribute_text(mapping(attribute)))
    }


def _attribute_text(attribute: dict[Any, Any]) -> str | None:
    """Return the text of an attribute, which its publisher may have sent as bytes.

    SQS has a field for each; SNS has one for both, and their type beside it.
    """
    value = text(attribute.get("stringValue")) or text(attribute.get("Value"))
    if value and attribute.get("Type") != "Binary":
        return value
    encoded = value or text(attribute.get("binaryValue"))
    try:
        return a2b_base64(encoded).decode() or None if encoded else None
    except ValueError:  # neither base64 nor UTF-8
        return None


def _mail_carrier(mail: dict[Any, Any]) -> Carrier:
    return {
        one["name"]: value
        for one in objects(mail.get("headers"))
        if is_propagation_field(one.get("name")) and (value := text(one.get("value")))
    }


def _carrier_through_sns(body: Any) -> Carrier:
    """Look into the envelope of a topic that delivers to the queue without raw delivery.

    Source: https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
    """
    # Only a notification with attributes is worth parsing.
    if not isinstance(body, str) or '"MessageAttributes"' not in body:
        return {}
    try:
        envelope = mapping(json.loads(body))
    except (ValueError, RecursionError):  # text that is not JSON, or nested without end
        return {}
    return _attribute_carrier(envelope.get("MessageAttributes"))
