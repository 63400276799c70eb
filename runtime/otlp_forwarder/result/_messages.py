"""Write what was not delivered as log records, which `otlp_forwarder.input.records` reads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otlp_forwarder.input.compression import pack
from otlp_forwarder.input.malformed import MalformedError
from otlp_forwarder.input.records import EXPECTED, OWN, Part
from otlp_forwarder.output.spans import halves

if TYPE_CHECKING:
    from otlp_forwarder.output.destination import Destination

#: Most bytes of a message that can be made smaller: 16 KiB below 256 KiB, the limit that many
#: queues were made with, because attributes count too; and of one that cannot, the same below
#: 1 MiB, the limit of a queue today. Source:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MESSAGE_BYTES = 240 * 1024
LARGEST = 1008 * 1024
#: Bytes, without compression, from which messages are made at once.
AT_ONCE = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Message:
    """A message for a queue.

    Args:
        text: A log record.
        parts: What is in it.
    """

    text: str
    parts: Sequence[Part]


def write_messages(destination: Destination, parts: Iterable[Part]) -> Iterator[Message]:
    """Yield parts as log records again, in as few as the limit allows.

    Args:
        destination: Where they go; it does not hold the headers of the secret.
        parts: What to write. A single span that needs more than the limit makes a longer one.
    """
    chosen: list[Part] = []
    size = 0
    for part in parts:
        if chosen and size + len(part.data) > AT_ONCE:
            yield from _written(destination, chosen)
            chosen, size = [], 0
        chosen.append(part)
        size += len(part.data)
    if chosen:
        yield from _written(destination, chosen)


def _written(destination: Destination, parts: Sequence[Part]) -> Iterator[Message]:
    message = Message(
        json.dumps(
            {
                "__otel_otlp_stdout": OWN,
                "source": OWN,
                # That of the settings is known, and its query may be a key.
                "endpoint": "" if destination.own else destination.url,
                "method": "POST",
                **EXPECTED,
                "headers": dict(destination.headers),
                "payload": pack(b"".join(part.data for part in parts)),
                "spans": sum(part.spans for part in parts),
            }
        ),
        parts,
    )
    if len(message.text) <= MESSAGE_BYTES:
        yield message
    elif len(parts) > 1:
        middle = len(parts) // 2
        yield from _written(destination, parts[:middle])
        yield from _written(destination, parts[middle:])
    elif divided := _halves(parts[0]):
        for part in divided:
            yield from _written(destination, [part])
    else:
        yield message


def _halves(part: Part) -> tuple[Part, Part] | None:
    try:
        return halves(part)
    except MalformedError:
        return None
