"""Messages, data changes and timers: attributes, names, links and the one parent."""

import base64
import json
from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from lambda_otel_lite.extractors import (
    TriggerType,
    auto_extractor,
    cloudwatch_logs_extractor,
    dynamodb_extractor,
    eventbridge_extractor,
    kinesis_extractor,
    s3_extractor,
    sns_extractor,
    sqs_extractor,
)
from lambda_otel_lite.extractors.attributes import SpanAttributes
from tests.spans import OTHER_TRACEPARENT, TRACEPARENT, XRAY_HEADER, FakeContext, event


def _own(extracted: SpanAttributes) -> dict[str, Any]:
    """Return the attributes without those that every invocation has."""
    common = (
        "faas.invocation_id",
        "aws.lambda.invoked_arn",
        "cloud.resource_id",
        "cloud.account.id",
    )
    assert all(name in extracted.attributes for name in common)
    return {key: value for key, value in extracted.attributes.items() if key not in common}


def _process(system: str, **others: object) -> dict[str, object]:
    return {
        "messaging.system": system,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        **others,
    }


def test_one_sqs_message_continues_its_senders_trace() -> None:
    extracted = sqs_extractor(event("sqs"), FakeContext())

    assert _own(extracted) == _process(
        "aws_sqs",
        **{
            "messaging.destination.name": "orders",
            "messaging.message.id": "059f36b4-87a3-44ab-83d2-661970000001",
        },
    )
    assert extracted.span_name == "process orders"
    assert extracted.trigger == TriggerType.PUBSUB == "pubsub"
    assert extracted.kind is SpanKind.CONSUMER
    # "tenant" is the application's business and none of the propagators'.
    assert extracted.carrier == {"traceparent": TRACEPARENT, "tracestate": "vendor=opaque"}
    assert not extracted.link_carriers


def test_an_sqs_batch_has_a_carrier_for_each_message_and_no_parent() -> None:
    extracted = sqs_extractor(event("sqs_batch"), FakeContext())

    assert _own(extracted) == _process(
        "aws_sqs",
        **{"messaging.destination.name": "orders", "messaging.batch.message_count": 5},
    )
    assert extracted.carrier is None
    ids = [described["messaging.message.id"] for described in extracted.link_attributes]
    assert ids == [record["messageId"] for record in event("sqs_batch")["Records"]]
    assert list(extracted.link_carriers) == [
        {"traceparent": TRACEPARENT},
        {"Traceparent": OTHER_TRACEPARENT},
        {"x-amzn-trace-id": XRAY_HEADER},
        {"traceparent": TRACEPARENT},
        {},
    ]


@pytest.mark.parametrize(
    "name",
    ["b3", "X-B3-TraceId", "x-b3-spanid", "X-Amzn-Trace-Id", "uber-trace-id", "ot-tracer-traceid"],
)
def test_a_message_may_carry_what_any_propagator_injects(name: str) -> None:
    sample = event("sqs")
    sample["Records"][0]["messageAttributes"] = {name: {"stringValue": "v", "dataType": "String"}}

    assert sqs_extractor(sample, FakeContext()).carrier == {name: "v"}


_BYTES = base64.b64encode(TRACEPARENT.encode()).decode()


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("sqs", {"dataType": "Binary", "binaryValue": _BYTES}),
        ("sns", {"Type": "Binary", "Value": _BYTES}),
    ],
)
def test_a_publisher_may_send_the_context_as_bytes(name: str, attribute: dict[str, str]) -> None:
    sample = event(name)
    (record,) = sample["Records"]
    described = record if name == "sqs" else record["Sns"]
    described["messageAttributes" if name == "sqs" else "MessageAttributes"] = {
        "traceparent": attribute
    }

    assert auto_extractor(sample, FakeContext()).carrier == {"traceparent": TRACEPARENT}


@pytest.mark.parametrize("value", ["x", "é", "/w==", "", None, 7, {}])
def test_bytes_that_are_no_text_are_no_context(value: Any) -> None:
    sample = event("sqs")
    sample["Records"][0]["messageAttributes"] = {
        "traceparent": {"dataType": "Binary", "binaryValue": value}
    }

    assert sqs_extractor(sample, FakeContext()).carrier is None


@pytest.mark.parametrize("header", ["b3", "X-Amzn-Trace-Id"])
def test_an_envelope_carries_what_any_propagator_injects(header: str) -> None:
    sample = event("sqs")
    envelope = {
        "Type": "Notification",
        "MessageAttributes": {header: {"Type": "String", "Value": "v"}},
    }
    sample["Records"][0] |= {"body": json.dumps(envelope), "messageAttributes": {}}

    assert sqs_extractor(sample, FakeContext()).carrier == {header: "v"}


@pytest.mark.parametrize("name", ["sns", "sns_through_sqs"])
def test_a_notification_carries_the_publishers_context(name: str) -> None:
    extractor = sns_extractor if name == "sns" else sqs_extractor

    extracted = extractor(event(name), FakeContext())

    assert extracted.carrier == {"traceparent": TRACEPARENT}
    assert extracted.trigger == "pubsub"


def test_a_notification_is_named_by_its_topic() -> None:
    extracted = sns_extractor(event("sns"), FakeContext())

    assert extracted.span_name == "process order-placed"
    assert _own(extracted) == _process(
        "aws.sns",
        **{
            "messaging.destination.name": "order-placed",
            "messaging.message.id": "95df01b4-ee98-5cb9-9903-4c221d41eb5e",
        },
    )


@pytest.mark.parametrize(
    "body",
    [
        '{"Type": "Notification", "MessageAttributes": {',
        '"MessageAttributes" traceparent' + "[" * 200_000,
        "[" * 200_000 + '"MessageAttributes" traceparent',
        '["MessageAttributes", "traceparent"]',
        '{"Type": "Notification", "traceparent": 1, "MessageAttributes": []}',
        None,
    ],
    ids=["broken", "trailing", "deep", "list", "empty", "null"],
)
def test_a_body_that_only_looks_like_a_notification_is_left_alone(body: str | None) -> None:
    sample = event("sqs")
    sample["Records"][0] |= {"body": body, "messageAttributes": {}}

    assert sqs_extractor(sample, FakeContext()).carrier is None


def test_no_records_are_no_message() -> None:
    for extractor in (sqs_extractor, sns_extractor, kinesis_extractor):
        extracted = extractor({"Records": []}, FakeContext())
        assert extracted.span_name is None
        assert extracted.carrier is None
        assert not extracted.link_carriers


def test_a_kinesis_batch_is_named_by_its_stream() -> None:
    extracted = kinesis_extractor(event("kinesis"), FakeContext())

    assert extracted.span_name == "process clicks"
    assert _own(extracted) == _process(
        "aws.kinesis",
        **{"messaging.destination.name": "clicks", "messaging.batch.message_count": 2},
    )


def test_an_event_of_a_bus_is_a_message() -> None:
    extracted = eventbridge_extractor(event("eventbridge"), FakeContext())

    assert extracted.span_name == "process OrderPlaced"
    assert extracted.trigger == "pubsub"
    assert extracted.kind is SpanKind.CONSUMER
    assert _own(extracted) == _process(
        "aws.eventbridge",
        **{
            "aws.eventbridge.source": "com.example.orders",
            "aws.eventbridge.detail_type": "OrderPlaced",
            "messaging.message.id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
        },
    )


def test_a_scheduled_event_is_a_timer_named_by_its_rule() -> None:
    sample = event("scheduled")

    extracted = eventbridge_extractor(sample, FakeContext())

    assert extracted.trigger == TriggerType.TIMER == "timer"
    assert extracted.span_name == "nightly-report"
    assert extracted.kind is SpanKind.SERVER
    assert _own(extracted)["faas.time"] == "2026-04-09T12:00:00Z"
    assert eventbridge_extractor(sample | {"resources": []}, None).span_name == "Scheduled Event"


@pytest.mark.parametrize(
    ("event_name", "operation"),
    [
        ("ObjectCreated:Put", "insert"),
        ("ObjectRemoved:Delete", "delete"),
        ("LifecycleExpiration:Delete", "delete"),
        ("LifecycleExpiration:DeleteMarkerCreated", "delete"),
        ("LifecycleTransition", "edit"),
        ("ObjectTagging:Put", "edit"),
    ],
)
def test_a_buckets_key_is_decoded_and_never_in_the_name(event_name: str, operation: str) -> None:
    sample = event("s3")
    sample["Records"][0]["eventName"] = event_name

    extracted = s3_extractor(sample, FakeContext())

    assert extracted.trigger == TriggerType.DATASOURCE == "datasource"
    assert extracted.span_name == f"{event_name} invoices"
    assert _own(extracted) == {
        "aws.s3.bucket": "invoices",
        "aws.s3.key": "2026/april/bill no. 17.pdf",
        "faas.document.collection": "invoices",
        "faas.document.name": "2026/april/bill no. 17.pdf",
        "faas.document.operation": operation,
        "faas.document.time": "2026-04-09T12:34:56.000Z",
    }


@pytest.mark.parametrize(
    ("second", "operation"), [("INSERT", "insert"), ("REMOVE", None), ("UNHEARD-OF", None)]
)
def test_a_tables_stream_has_an_operation_where_all_changes_share_it(
    second: str, operation: str | None
) -> None:
    sample = event("dynamodb_stream")
    sample["Records"][1]["eventName"] = second

    extracted = dynamodb_extractor(sample, FakeContext())

    assert extracted.span_name == "process orders"
    assert extracted.trigger == "datasource"
    own = _own(extracted)
    assert own.pop("faas.document.operation", None) == operation
    assert own == {
        "db.system.name": "aws.dynamodb",
        "faas.document.collection": "orders",
        "db.operation.batch.size": 2,
    }


def test_a_single_change_has_no_batch_size() -> None:
    sample = event("dynamodb_stream")
    del sample["Records"][1]

    assert "db.operation.batch.size" not in dynamodb_extractor(sample, None).attributes


def test_log_batches_stay_unread() -> None:
    extracted = cloudwatch_logs_extractor(event("cloudwatch_logs"), FakeContext())

    assert _own(extracted) == {}
    assert extracted.trigger == "datasource"
    assert extracted.span_name is None


def test_the_sample_behind_a_queue_is_a_real_envelope() -> None:
    (record,) = event("sns_through_sqs")["Records"]

    assert json.loads(record["body"])["Type"] == "Notification"
