"""Brokers, delivery streams, mail and change streams: attributes, names, links and the parent."""

from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from lambda_otel_lite.extractors import auto_extractor, kafka_extractor, rabbitmq_extractor
from tests.spans import OTHER_TRACEPARENT, TRACEPARENT, FakeContext, event

_PROCESS = {"messaging.operation.name": "process", "messaging.operation.type": "process"}


def _own(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes without those that every invocation has."""
    return {
        name: value
        for name, value in attributes.items()
        if not name.startswith(("faas.invocation", "cloud.", "aws.lambda."))
    }


@pytest.mark.parametrize(
    ("name", "span_name", "attributes"),
    [
        (
            "kafka",
            "process orders",
            {
                "messaging.system": "kafka",
                "messaging.destination.name": "orders",
                "messaging.destination.partition.id": "0",
                "messaging.kafka.offset": 15,
            },
        ),
        (
            "activemq",
            "process orders",
            {
                "messaging.system": "activemq",
                "messaging.destination.name": "orders",
                "messaging.message.id": "ID:b-9bcfa592-1.mq.eu-west-1.amazonaws.com"
                "-37557-1234520418293-4:1:1:1:1",
                "messaging.message.conversation_id": "order-42",
            },
        ),
        (
            "rabbitmq",
            "process orders",
            {
                "messaging.system": "rabbitmq",
                "messaging.destination.name": "orders",
                "messaging.message.id": "message-1",
                "messaging.message.conversation_id": "order-42",
            },
        ),
        (
            "ses",
            "process mail",
            {
                "messaging.system": "aws.ses",
                "messaging.message.id": "o3vrnil0e2ic28trm7dfhrc2v0cnbeccl4nbp0g1",
            },
        ),
    ],
)
def test_one_message_continues_its_senders_trace(
    name: str, span_name: str, attributes: dict[str, Any]
) -> None:
    extracted = auto_extractor(event(name), FakeContext())

    assert _own(extracted.attributes) == _PROCESS | attributes
    assert extracted.span_name == span_name
    assert extracted.trigger == "pubsub"
    assert extracted.kind is SpanKind.CONSUMER
    assert list((extracted.carrier or {}).values()) == [TRACEPARENT]
    assert not extracted.link_carriers


def test_a_batch_of_several_partitions_is_linked_message_by_message() -> None:
    extracted = auto_extractor(event("kafka_batch"), FakeContext())

    assert _own(extracted.attributes) == _PROCESS | {
        "messaging.system": "kafka",
        "messaging.destination.name": "orders",
        "messaging.batch.message_count": 3,
    }
    assert extracted.carrier is None
    assert list(extracted.link_carriers) == [
        {"TraceParent": TRACEPARENT},
        {"traceparent": OTHER_TRACEPARENT},
        {},
    ]
    assert [one["messaging.kafka.offset"] for one in extracted.link_attributes] == [15, 7, 8]


@pytest.mark.parametrize(
    ("name", "same"),
    [("pipe_kafka", "kafka"), ("pipe_activemq", "activemq"), ("pipe_rabbitmq", "rabbitmq")],
)
def test_a_pipes_list_is_read_as_the_sources_own_event(name: str, same: str) -> None:
    piped = auto_extractor(event(name), FakeContext())
    own = auto_extractor(event(same), FakeContext())

    assert piped.attributes == own.attributes
    assert piped.span_name == own.span_name == "process orders"
    assert piped.carrier == own.carrier


def test_a_record_without_a_value_is_a_tombstone() -> None:
    sample = event("kafka")
    (record,) = sample["records"]["orders-0"]
    record |= {"key": None, "value": None, "headers": None}

    extracted = auto_extractor(sample, FakeContext())

    assert extracted.attributes["messaging.kafka.message.tombstone"] is True
    assert extracted.carrier is None


def test_a_kafka_of_ones_own_is_kafka() -> None:
    sample = event("kafka")
    sample["eventSource"] = "SelfManagedKafka"
    sample.pop("eventSourceArn", None)

    assert auto_extractor(sample, FakeContext()).span_name == "process orders"


def test_a_batch_of_several_topics_has_no_destination() -> None:
    sample = event("kafka_batch")
    sample["records"]["orders-0"][0]["topic"] = "returns"

    extracted = kafka_extractor(sample, FakeContext())

    assert "messaging.destination.name" not in extracted.attributes
    assert extracted.span_name is None


@pytest.mark.parametrize(
    "header",
    [
        [48, 48, -1],
        ["48"],
        [0.5],
        [[48]],
        {"bytes": 7},
        [48] * 10_000,
        None,
        7,
    ],
)
def test_a_header_that_is_no_text_is_no_context(header: Any) -> None:
    kafka = event("kafka")
    kafka["records"]["orders-0"][0]["headers"] = [{"traceparent": header}]
    rabbitmq = event("rabbitmq")
    (message,) = rabbitmq["rmqMessagesByQueue"]["orders::/"]
    message["basicProperties"]["headers"] = {"traceparent": header}

    assert kafka_extractor(kafka, FakeContext()).carrier is None
    assert rabbitmq_extractor(rabbitmq, FakeContext()).carrier is None


def test_bytes_may_be_signed() -> None:
    sample = event("kafka")
    signed = [byte - 256 if byte > 127 else byte for byte in "tenant=Müller".encode()]
    sample["records"]["orders-0"][0]["headers"] = [{"baggage": signed}]

    assert kafka_extractor(sample, FakeContext()).carrier == {"baggage": "tenant=Müller"}


def test_a_delivery_streams_records_are_a_batch() -> None:
    extracted = auto_extractor(event("firehose"), FakeContext())

    assert _own(extracted.attributes) == _PROCESS | {
        "messaging.system": "aws.firehose",
        "messaging.destination.name": "clicks",
        "messaging.batch.message_count": 2,
    }
    assert extracted.span_name == "process clicks"
    assert extracted.trigger == "pubsub"


def test_hazard_16_a_mail_names_nobody() -> None:
    extracted = auto_extractor(event("ses"), FakeContext())

    assert "example.com" not in str(extracted.attributes) + str(extracted.carrier)


@pytest.mark.parametrize(
    ("change", "operation"), [("insert", "insert"), ("update", "edit"), ("delete", "delete")]
)
def test_a_change_stream_tells_of_data(change: str, operation: str) -> None:
    sample = event("documentdb")
    sample["events"][0]["event"]["operationType"] = change

    extracted = auto_extractor(sample, FakeContext())

    assert _own(extracted.attributes) == {
        "db.system.name": "mongodb",
        "db.namespace": "shop",
        "db.collection.name": "orders",
        "faas.document.collection": "orders",
        "faas.document.operation": operation,
    }
    assert extracted.span_name == "process orders"
    assert extracted.trigger == "datasource"


def test_a_change_stream_of_several_collections_has_no_name() -> None:
    sample = event("documentdb")
    second = {"event": {"ns": {"db": "shop", "coll": "returns"}, "operationType": "insert"}}
    sample["events"].append(second)

    extracted = auto_extractor(sample, FakeContext())

    assert extracted.span_name is None
    assert extracted.attributes["db.namespace"] == "shop"
    assert "db.collection.name" not in extracted.attributes


def test_a_change_stream_of_unlike_changes_has_no_operation() -> None:
    sample = event("documentdb")
    second = {"event": {"ns": {"db": "shop", "coll": "orders"}, "operationType": "delete"}}
    sample["events"].append(second)

    attributes = auto_extractor(sample, FakeContext()).attributes

    assert "faas.document.operation" not in attributes
    assert attributes["db.operation.batch.size"] == 2
