"""Who exports an invocation's spans, and when: one class for each processing mode.

All share two calls, made by `lambda_otel_lite.lifecycle.lifecycle` in the handler's thread:
``begin`` before the handler runs and ``end`` after its span has ended. The mode ``async`` has a
module of its own, `lambda_otel_lite.lifecycle.asynchronous`, which the others need not load.
"""

from collections.abc import Callable
from typing import Any, Protocol


class Completion(Protocol):
    """What a processing mode does at the two ends of an invocation."""

    def begin(self, request_id: str | None) -> None:
        """Note that a traced handler starts."""

    def end(self, request_id: str | None, context: Any) -> None:
        """Export the spans, or see to it that they are exported."""

    def complete(self) -> None:
        """Do what ``TelemetryCompletionHandler.complete()`` promises outside a traced handler."""


class SyncCompletion:
    """Exports in the handler's thread, before the response leaves.

    Args:
        flush: Exports all spans that have ended; must not raise.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush

    def begin(self, request_id: str | None) -> None:
        """Do nothing."""

    def end(self, request_id: str | None, context: Any) -> None:
        """Export now."""
        del request_id, context
        self._flush()

    def complete(self) -> None:
        """Export now."""
        self._flush()


class FinalizeCompletion:
    """Leaves the export to the shutdown or to the user's own span processor."""

    def begin(self, request_id: str | None) -> None:
        """Do nothing."""

    def end(self, request_id: str | None, context: Any) -> None:
        """Do nothing."""

    def complete(self) -> None:
        """Do nothing."""

    def on_arrival(self) -> None:
        """Do nothing."""

    def on_invoke(self, event: object) -> None:
        """Do nothing; an extension without events is told of none."""

    def on_lost(self) -> None:
        """Do nothing."""

    def on_found(self) -> None:
        """Do nothing."""
