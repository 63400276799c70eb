"""What the forwarder's tests share."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import pytest

from otlp_forwarder.forward import Forwarder, Result
from otlp_forwarder.output.connections import Connections
from otlp_forwarder.output.delivery import CollectorClient
from otlp_forwarder.output.secret import SecretHeaders
from otlp_forwarder.result.bucket import Bucket
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


class Run:
    """Forward events to the receiver, with other settings where they are given."""

    def __init__(self, receiver: OtlpReceiver, mailbox: Mailbox) -> None:
        self._receiver = receiver
        self.mailbox = mailbox
        self.connections = Connections()

    def forwarder(
        self, *, secret: SecretHeaders | None = None, s3: Any = None, **changes: Any
    ) -> Forwarder:
        """Return a forwarder that serves several events, as one environment does."""
        defaults = ForwarderSettings.from_environ(
            {"OTLP_FORWARDER_ENDPOINT": self._receiver.endpoint}
        )
        settings = dataclasses.replace(defaults, **changes)
        waitless = CollectorClient(
            self.connections,
            secret or SecretHeaders(None),
            compression=settings.compression,
            wait=lambda _: None,
        )
        return Forwarder(
            settings,
            waitless,
            Queue(settings.redrive_queue, lambda: self.mailbox),
            Queue(settings.dead_letter_queue, lambda: self.mailbox),
            Bucket(settings.overflow_bucket, lambda: s3),
        )

    def __call__(self, event: Any, forwarder: Forwarder | None = None, /, **changes: Any) -> Result:
        """Forward an event as it comes to a function: as JSON."""
        forwarder = forwarder or self.forwarder(**changes)
        return forwarder.forward(json.loads(json.dumps(event)), 5.0)


@pytest.fixture
def run(receiver: OtlpReceiver, mailbox: Mailbox) -> Iterator[Run]:
    run = Run(receiver, mailbox)
    yield run
    run.connections.close()


def names(receiver: OtlpReceiver) -> list[str]:
    """Return the names of the spans that a receiver took."""
    return [span.name for span in receiver.spans]
