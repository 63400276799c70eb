"""A function that knows nothing of telemetry; its event says what to do."""

import multiprocessing
import sys
import threading
import time
from pathlib import Path
from typing import Any

kept: list[Any] = []


class SlowToEncode(dict[str, Any]):
    """A response whose encoding takes as long as that of some megabytes."""

    def items(self) -> Any:
        """Take time."""
        time.sleep(0.15)
        return super().items()


def act(event: dict[str, Any], context: Any) -> Any:
    """Do what the event says."""
    if event.get("keep"):
        # As frameworks do that hold the context in a global object.
        kept.append(context)
    if "seconds" in event:
        time.sleep(event["seconds"])
    for _ in range(30 if event.get("fork") else 0):
        # Often, because the signal is to come at every stage of the child's start.
        child = multiprocessing.get_context("fork").Process(target=threading.Event().wait)
        child.start()
        child.terminate()
        child.join()
    if "wait_for" in event:
        # Opening a named pipe waits for whoever opens its other end.
        print("waiting", flush=True)  # noqa: T201 - what functions do
        Path(event["wait_for"]).read_text("utf-8")
    if "exit" in event:
        sys.exit(event["exit"])
    if "raise" in event:
        raise ValueError(event["raise"])
    if event.get("threads"):
        return [(one.name, one.daemon) for one in threading.enumerate()]
    if "slow_response" in event:
        return SlowToEncode(answer=event["slow_response"])
    return {"statusCode": 200, "answer": event.get("answer")}


def handler(event: dict[str, Any], context: Any) -> Any:
    """Handle an event."""
    return act(event, context)
