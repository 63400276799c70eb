"""Put into a queue what cannot be delivered now."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from otlp_forwarder.result._messages import write_records

if TYPE_CHECKING:
    from otlp_forwarder.input.records import Part
    from otlp_forwarder.output.merge import Request

logger = logging.getLogger(__name__)

#: Most bytes of a message: 16 KiB below 256 KiB, the limit that many queues were made with, because
#: attributes count too. Source:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MESSAGE_BYTES = 240 * 1024


@functools.cache
def _sqs() -> Any:
    import boto3  # noqa: PLC0415 - a part of Lambda's Python runtime, slow to import

    return boto3.client("sqs")


class Queue:
    """A queue, which need not exist.

    Args:
        url: Its URL; None: there is no queue, and it takes nothing.
        client: Returns boto3's SQS client.
    """

    def __init__(self, url: str | None, client: Callable[[], Any] = _sqs) -> None:
        self._url = url
        self._client = client

    def put(self, request: Request, reason: str) -> Sequence[Part]:
        """Put a request into the queue, as log records that the forwarder reads.

        Args:
            request: What was not delivered.
            reason: Why; it becomes the message attribute ``reason``.

        Returns:
            The parts that are not in the queue: there is none, it cannot be reached, or a part by
            itself is too large for a message.
        """
        if self._url is None:
            return request.parts
        left: list[Part] = []
        for line, parts in write_records(request.destination, request.parts, MESSAGE_BYTES):
            if len(line) > MESSAGE_BYTES or not self._send(line, reason):
                left += parts
        return left

    def _send(self, line: str, reason: str) -> bool:
        attributes = {"reason": {"DataType": "String", "StringValue": reason}}
        try:
            self._client().send_message(
                QueueUrl=self._url, MessageBody=line, MessageAttributes=attributes
            )
        except Exception:
            # The kinds of errors are those of boto3, which is not imported here.
            logger.exception("%s did not take a message", self._url)
            return False
        return True
