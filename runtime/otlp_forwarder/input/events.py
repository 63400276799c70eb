"""Take apart the event of an invocation: a subscription's, a stream's or a queue's.

Sources of the shapes:

- https://docs.aws.amazon.com/lambda/latest/dg/services-cloudwatchlogs.html
- https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
- https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
- https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from otlp_forwarder.input._envelope import log_messages, parse_json
from otlp_forwarder.input.malformed import MalformedError


class Source(Enum):
    """Who invoked the forwarder, which says what the platform does about a failure."""

    #: The invocation fails, and the platform invokes again with the whole event.
    SUBSCRIPTION = "subscription"
    #: The platform invokes again with the first item that failed and all after it.
    STREAM = "stream"
    #: The items that failed stay in the queue.
    QUEUE = "queue"
    #: None of the three: there is nothing to forward, and so nothing that can fail.
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Item:
    """A part of an event that can fail by itself.

    Args:
        name: What a failure is reported by: sequence number, message id, or nothing.
        content: Its messages as they came, to be read by `messages`.
    """

    name: str
    content: Any


@dataclass(frozen=True, slots=True)
class Batch:
    """An event as it came.

    Args:
        source: Who sent it.
        items: Its items in their order.
    """

    source: Source
    items: list[Item]


def read_event(event: Any) -> Batch:
    """Return the items of an event; nothing in them has been unpacked yet.

    Args:
        event: The invocation's event, whoever sent it.
    """
    match event:
        case {"awslogs": _}:
            return Batch(Source.SUBSCRIPTION, [Item("", event)])
        case {"Records": [{"eventSource": "aws:kinesis"}, *_] as records}:
            return Batch(Source.STREAM, list(_stream_items(records)))
        case {"Records": [{"eventSource": "aws:sqs"}, *_] as records}:
            return Batch(Source.QUEUE, list(_queue_items(records)))
        case _:
            return Batch(Source.UNKNOWN, [])


def messages(item: Item, limit: int) -> list[Any]:
    """Return the messages of an item, any of which may be a log record.

    Args:
        item: An item of an event.
        limit: Most bytes that it is unpacked to.

    Raises:
        MalformedError: It holds no messages.
    """
    content = parse_json(item.content) if isinstance(item.content, str) else item.content
    match content:
        case {"awslogs": {"data": data}}:
            return log_messages(data, limit)
        case {"__otel_otlp_stdout": _}:
            # A single log record, which the forwarder itself put into its queue.
            return [item.content]
        case {"requestPayload": {"awslogs": {"data": data}}}:
            # An event that failed, as Lambda hands it to an on-failure destination.
            return log_messages(data, limit)
        case _:
            raise MalformedError("item is not of CloudWatch Logs")


def _stream_items(records: Iterable[Any]) -> Iterable[Item]:
    for record in records:
        match record:
            case {"kinesis": {"sequenceNumber": str(name), "data": data}}:
                yield Item(name, {"awslogs": {"data": data}})
            case _:
                yield Item("", None)


def _queue_items(records: Iterable[Any]) -> Iterable[Item]:
    for record in records:
        match record:
            case {"messageId": str(name), "body": str(body)}:
                yield Item(name, body)
            case _:
                yield Item("", None)
