"""Log records and events as functions, CloudWatch Logs, Kinesis and SQS write them."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from otlp_forwarder.input import wire

ENDED = 1_767_225_600_000_000_000


def pack(data: bytes) -> str:
    """Compress and encode, as both the log record and the subscription event do."""
    return base64.b64encode(gzip.compress(data)).decode()


def request(*names: str, service: str = "orders", ended: int = ENDED) -> ExportTraceServiceRequest:
    """Return the request with which a service exports spans of these names."""
    spans = [
        Span(
            name=name,
            trace_id=b"t" * 16,
            span_id=name.encode()[:8].ljust(8),
            start_time_unix_nano=ended - 1_000_000,
            end_time_unix_nano=ended,
        )
        for name in names
    ]
    resource = Resource(
        attributes=[KeyValue(key="service.name", value=AnyValue(string_value=service))]
    )
    scope = ScopeSpans(spans=spans)
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=resource, scope_spans=[scope])]
    )


def record(*names: str, ended: int = ENDED, **changes: Any) -> str:
    """Return a log record with spans of these names, fields changed or (None) left out."""
    fields = {
        "__otel_otlp_stdout": "0.1.0",
        "source": "orders",
        "endpoint": "http://localhost:4318/v1/traces",
        "method": "POST",
        "content-type": "application/x-protobuf",
        "content-encoding": "gzip",
        "payload": pack(request(*names, ended=ended).SerializeToString()),
        "base64": True,
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    return json.dumps({name: value for name, value in fields.items() if value is not None})


def log_data(*messages: Any, kind: str = "DATA_MESSAGE") -> str:
    """Return what CloudWatch Logs sends to its subscribers."""
    batch = {
        "messageType": kind,
        "owner": "123456789012",
        "logGroup": "/aws/lambda/orders",
        "logStream": "2026/01/01/[$LATEST]0123456789abcdef",
        "subscriptionFilters": ["telemetry"],
        "logEvents": [
            {"id": str(index), "timestamp": 1767225600000, "message": message}
            for index, message in enumerate(messages)
        ],
    }
    return pack(json.dumps(batch).encode())


def subscription_event(*messages: Any, kind: str = "DATA_MESSAGE") -> dict[str, Any]:
    """Return the event with which CloudWatch Logs invokes a subscribed function."""
    return {"awslogs": {"data": log_data(*messages, kind=kind)}}


def stream_event(*data: Any) -> dict[str, Any]:
    """Return the event with which Lambda invokes a stream's consumer, one record for each data.

    The sequence numbers are 100, 101 and so on.
    """
    return {
        "Records": [
            {
                "kinesis": {
                    "kinesisSchemaVersion": "1.0",
                    "partitionKey": "6c1a7fa8",
                    "sequenceNumber": str(100 + index),
                    "data": each,
                    "approximateArrivalTimestamp": 1767225600.5,
                },
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": f"shardId-000000000000:{100 + index}",
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": "arn:aws:iam::123456789012:role/forwarder",
                "awsRegion": "eu-west-1",
                "eventSourceARN": "arn:aws:kinesis:eu-west-1:123456789012:stream/telemetry",
            }
            for index, each in enumerate(data)
        ]
    }


def queue_event(*bodies: Any) -> dict[str, Any]:
    """Return the event with which Lambda invokes a queue's consumer; ids are m0, m1 and so on."""
    return {
        "Records": [
            {
                "messageId": f"m{index}",
                "receiptHandle": "AQEB",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:redrive",
                "awsRegion": "eu-west-1",
            }
            for index, body in enumerate(bodies)
        ]
    }


def parts_in(message: str) -> list[bytes]:
    """Return the serialized ResourceSpans in a log record, whatever is in them."""
    data = gzip.decompress(base64.b64decode(json.loads(message)["payload"]))
    return [data[start:end] for _, start, end in wire.walk(data, 0, len(data))]
