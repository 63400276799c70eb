"""Read what tracing adds to a function, as ``make bench SAVE=--save`` measured it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: Written by ``make bench SAVE=--save``; a test compares it with the figures kept there.
FILE = Path(__file__).with_name("overhead.json")
#: From this size on a function has a whole processor, and below it a share of one. Source:
#: https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
ONE_PROCESSOR_MB = 1769


@dataclass(frozen=True)
class Overhead:
    """What a way of tracing adds to a function.

    Args:
        row: The benchmarks' row that was measured.
        cold_ms: What it adds to a cold start, in milliseconds. In it a function has two processors,
            whatever its memory.
        call_us: What it adds to a call, in microseconds of a whole processor, by the number of
            spans. Waiting for a backend is not in it.
        line_bytes: Bytes of its log line, by the number of spans; empty where it writes none.
    """

    row: str
    cold_ms: float
    call_us: Mapping[float, float]
    line_bytes: Mapping[float, float]

    def ms(self, spans: float, memory_mb: int, cold_starts: float) -> float:
        """Return the milliseconds that are added to an average invocation, as they are billed.

        Args:
            spans: How many it has.
            memory_mb: Memory of the function.
            cold_starts: Share of invocations that are cold starts.
        """
        slower = max(1.0, ONE_PROCESSOR_MB / memory_mb)
        return at(self.call_us, spans) / 1000 * slower + self.cold_ms * cold_starts


def read_overheads() -> dict[str, Overhead]:
    """Return what is known of each way, by its name."""
    return {
        name: Overhead(
            found["row"],
            found["cold_ms"],
            *(
                {float(n): value for n, value in found[key].items()}
                for key in ("call_us", "line_bytes")
            ),
        )
        for name, found in json.loads(FILE.read_text("utf-8")).items()
    }


def at(points: Mapping[float, float], number: float) -> float:
    """Return what is on the straight lines between some points, and on their ends' beyond them."""
    known = sorted(points)
    place = next((i for i, end in enumerate(known[1:-1], 1) if number <= end), len(known) - 1)
    low, high = known[place - 1], known[place]
    slope = (points[high] - points[low]) / (high - low)
    return max(0.0, points[low] + (number - low) * slope)
