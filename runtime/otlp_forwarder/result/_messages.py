"""Write what was not delivered as log records, which `otlp_forwarder.input.records` reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from otlp_forwarder.input.compression import pack
from otlp_forwarder.input.records import EXPECTED, Part

if TYPE_CHECKING:
    from otlp_forwarder.output.destination import Destination


def write_records(
    destination: Destination, parts: Sequence[Part], limit: int
) -> list[tuple[str, Sequence[Part]]]:
    """Return parts as log records again.

    Args:
        destination: Where they go; it does not hold the headers of the secret.
        parts: What to write, in as few log records as the limit allows.
        limit: Most bytes of a log record. A single part that needs more makes a longer one.

    Returns:
        Each log record as text, and the parts in it.
    """
    line = json.dumps(
        {
            "__otel_otlp_stdout": "otlp_forwarder",
            "source": "otlp_forwarder",
            "endpoint": destination.url,
            "method": "POST",
            **EXPECTED,
            "headers": dict(destination.headers),
            "payload": pack(b"".join(part.data for part in parts)),
            "spans": sum(part.spans for part in parts),
        }
    )
    if len(line) <= limit or len(parts) == 1:
        return [(line, parts)]
    middle = len(parts) // 2
    return [
        *write_records(destination, parts[:middle], limit),
        *write_records(destination, parts[middle:], limit),
    ]
