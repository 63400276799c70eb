"""What the forwarder's tests share."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from otlp_forwarder.forward import Forwarder, Result
from otlp_forwarder.output.connections import Connections
from otlp_forwarder.output.delivery import CollectorClient
from otlp_forwarder.output.secret import SecretHeaders
from otlp_forwarder.result.queues import Queue
from otlp_forwarder.settings import ForwarderSettings
from tests.receiver import OtlpReceiver


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """Receive on loopback, and take everything unless ``answers`` say otherwise."""
    with OtlpReceiver() as receiver:
        yield receiver


class Mailbox:
    """What is asked of boto3's SQS client, keeping what is sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.broken = False

    def send_message(self, **message: Any) -> None:
        if self.broken:
            raise ConnectionError("no queue today")
        self.sent.append(message)

    def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> dict[str, Any]:  # noqa: N803
        for entry in Entries:
            self.send_message(QueueUrl=QueueUrl, **entry)
        return {"Successful": Entries}

    def bodies(self, queue: str) -> list[str]:
        return [message["MessageBody"] for message in self.sent if message["QueueUrl"] == queue]

    def reasons(self, queue: str) -> list[str]:
        return [
            message["MessageAttributes"]["reason"]["StringValue"]
            for message in self.sent
            if message["QueueUrl"] == queue
        ]


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


type Run = Callable[..., Result]


@pytest.fixture
def run(receiver: OtlpReceiver, mailbox: Mailbox) -> Iterator[Run]:
    """Forward an event to the receiver, with other settings where they are given."""
    connections = Connections()

    def forward(event: Any, *, secret: SecretHeaders | None = None, **changes: Any) -> Result:
        defaults = ForwarderSettings.from_environ({"OTLP_FORWARDER_ENDPOINT": receiver.endpoint})
        settings = dataclasses.replace(defaults, **changes)
        waitless = CollectorClient(
            connections,
            secret or SecretHeaders(None),
            compression=settings.compression,
            wait=lambda _: None,
        )
        forwarder = Forwarder(
            settings,
            waitless,
            Queue(settings.redrive_queue, lambda: mailbox),
            Queue(settings.dead_letter_queue, lambda: mailbox),
        )
        # As it comes to a function: as JSON.
        return forwarder.forward(json.loads(json.dumps(event)), 5.0)

    yield forward
    connections.close()


def names(receiver: OtlpReceiver) -> list[str]:
    """Return the names of the spans that a receiver took."""
    return [span.name for span in receiver.spans]
