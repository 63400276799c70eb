"""A function with a thread that prints all the time."""

import random
import sys
import threading
from typing import Any

from opentelemetry import trace

random.seed(1)


def _print() -> None:
    while True:
        # In one piece: a line in two is what print() makes of it, and not to be helped.
        sys.stdout.write("noise\n")


threading.Thread(target=_print, daemon=True).start()


def handler(event: dict[str, Any], context: Any) -> int:
    """Make many spans."""
    for number in range(50):
        with trace.get_tracer("user").start_as_current_span(f"span {number}"):
            pass
    return 0
