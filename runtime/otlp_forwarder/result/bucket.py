"""Put into a bucket what the collector refuses and no queue takes."""

from __future__ import annotations

import functools
import logging
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from otlp_forwarder.aws import client as aws_client
from otlp_forwarder.result._messages import write_messages
from otlp_forwarder.variables import OVERFLOW_FOLDER

if TYPE_CHECKING:
    from otlp_forwarder.input.records import Part
    from otlp_forwarder.output.destination import Destination

logger = logging.getLogger(__name__)

#: Most characters of an object's metadata, which has 2 KB. Source:
#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
MOST_METADATA = 1500


@functools.cache
def _s3() -> Any:
    return aws_client("s3")


class Bucket:
    """A bucket, which need not exist.

    Objects are encrypted as the bucket's default says, and sent by TLS.

    Args:
        name: Its name; None: there is no bucket, and it takes nothing.
        client: Returns boto3's S3 client.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        name: str | None,
        client: Callable[[], Any] = _s3,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._client = client
        self._clock = clock

    def __bool__(self) -> bool:
        """Tell whether there is one."""
        return self._name is not None

    def put(
        self, destination: Destination, parts: Iterable[Part], reason: str, until: float
    ) -> list[Part]:
        """Put parts into the bucket, as log records that the forwarder reads, an object for each.

        Args:
            destination: Where they should go.
            parts: What was not delivered.
            reason: Why; it becomes the object's metadata ``reason``, percent-encoded.
            until: When to begin no further call, by the bucket's clock.

        Returns:
            What is not in the bucket.
        """
        left: list[Part] = []
        for message in write_messages(destination, parts):
            if self._name is None or self._clock() >= until or not self._send(message.text, reason):
                left += message.parts
        return left

    def _send(self, text: str, reason: str) -> bool:
        key = f"{OVERFLOW_FOLDER}{datetime.now(UTC):%Y/%m/%d}/{uuid.uuid4()}.json"
        try:
            self._client().put_object(
                Bucket=self._name,
                Key=key,
                Body=text.encode(),
                ContentType="application/json",
                Metadata={"reason": quote(reason, safe=" :;,.!?'()[]/=+*@")[:MOST_METADATA]},
            )
        except Exception as error:  # noqa: BLE001
            # The kinds of errors are those of boto3, which is not imported here.
            logger.warning("s3://%s did not take %s: %s", self._name, key, error)
            return False
        logger.warning("s3://%s/%s holds spans that fit into no queue: %s", self._name, key, reason)
        return True
