"""A function that knows nothing of telemetry; its event says what to do."""

import sys
import time
from pathlib import Path
from typing import Any


class SlowToEncode(dict[str, Any]):
    """A response whose encoding takes as long as that of some megabytes."""

    def items(self) -> Any:
        """Take time."""
        time.sleep(0.15)
        return super().items()


def act(event: dict[str, Any]) -> Any:
    """Do what the event says."""
    if "seconds" in event:
        time.sleep(event["seconds"])
    if "wait_for" in event:
        # Opening a named pipe waits for whoever opens its other end.
        print("waiting", flush=True)
        Path(event["wait_for"]).read_text("utf-8")
    if "exit" in event:
        sys.exit(event["exit"])
    if "raise" in event:
        raise ValueError(event["raise"])
    if "slow_response" in event:
        return SlowToEncode(answer=event["slow_response"])
    return {"statusCode": 200, "answer": event.get("answer")}


def handler(event: dict[str, Any], context: Any) -> Any:
    """Handle an event."""
    return act(event)
