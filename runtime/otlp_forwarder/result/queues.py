"""Put into a queue what cannot be delivered now."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from otlp_forwarder.aws import client as aws_client
from otlp_forwarder.result._messages import LARGEST, Message, write_messages

if TYPE_CHECKING:
    from otlp_forwarder.input.records import Part
    from otlp_forwarder.output.destination import Destination

logger = logging.getLogger(__name__)

#: Most messages of one call, and most bytes of them together. Source:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
BATCH_MESSAGES, BATCH_BYTES = 10, LARGEST


@functools.cache
def _sqs() -> Any:
    return aws_client("sqs")


@dataclass(slots=True)
class Put:
    """What a queue did not take.

    Args:
        left: There is no queue, it cannot be reached, or there was no time.
        too_large: No queue takes it.
    """

    left: list[Part] = field(default_factory=list)
    too_large: list[Part] = field(default_factory=list)


class Queue:
    """A queue, which need not exist.

    Args:
        url: Its URL; None: there is no queue, and it takes nothing.
        client: Returns boto3's SQS client.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        url: str | None,
        client: Callable[[], Any] = _sqs,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._client = client
        self._clock = clock

    def put(
        self, destination: Destination, parts: Iterable[Part], reason: str, until: float
    ) -> Put:
        """Put parts into the queue, as log records that the forwarder reads.

        Args:
            destination: Where they should go.
            parts: What was not delivered.
            reason: Why; it becomes the message attribute ``reason``.
            until: When to begin no further call, by the queue's clock.

        Returns:
            What is not in the queue.
        """
        put = Put()
        if self._url is None:
            put.left = list(parts)
            return put
        for batch in _batches(write_messages(destination, parts)):
            if len(batch[0].text) > LARGEST:
                put.too_large += batch[0].parts
            elif self._clock() >= until:
                put.left += [part for message in batch for part in message.parts]
            else:
                put.left += self._send(batch, reason)
        return put

    def _send(self, batch: list[Message], reason: str) -> list[Part]:
        """Send messages, and return what is in those that were not taken."""
        attributes = {"reason": {"DataType": "String", "StringValue": reason}}
        failed: set[str] = set()
        try:
            if len(batch) == 1:
                self._client().send_message(
                    QueueUrl=self._url,
                    MessageBody=batch[0].text,
                    MessageAttributes=attributes,
                )
            else:
                answer = self._client().send_message_batch(
                    QueueUrl=self._url,
                    Entries=[
                        {
                            "Id": str(number),
                            "MessageBody": message.text,
                            "MessageAttributes": attributes,
                        }
                        for number, message in enumerate(batch)
                    ],
                )
                refused = answer.get("Failed", [])
                failed = {each["Id"] for each in refused}
                for each in refused[:1]:
                    logger.warning(
                        "%s did not take %d messages: %s", self._url, len(failed), each.get("Code")
                    )
        except Exception as error:  # noqa: BLE001
            # The kinds of errors are those of boto3, which is not imported here.
            logger.warning("%s did not take %d messages: %s", self._url, len(batch), error)
            failed = set(map(str, range(len(batch))))
        return [
            part
            for number, message in enumerate(batch)
            if str(number) in failed
            for part in message.parts
        ]


def _batches(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Yield messages that can be sent by one call; one that is too large by itself."""
    batch: list[Message] = []
    size = 0
    for message in messages:
        # What a message needs besides its text is far less than the limit leaves.
        if batch and (len(batch) == BATCH_MESSAGES or size + len(message.text) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += len(message.text)
    if batch:
        yield batch
