"""The mode ``async``: export in the extension's thread, after the response has left."""

import time
from collections.abc import Iterable
from typing import Any

from opentelemetry.sdk.trace import TracerProvider

from lambda_otel_lite.lifecycle.extension import Signal
from lambda_otel_lite.lifecycle.extensions_api import Invoke
from lambda_otel_lite.lifecycle.handover import Handover
from lambda_otel_lite.lifecycle.response import ResponsePosting
from lambda_otel_lite.log import Logger
from lambda_otel_lite.processor import flush
from lambda_otel_lite.startup.threads import Lock

logger = Logger("lambda_otel_lite.extension")

# How long the extension leaves the handler alone after an event has arrived, in s. If no traced
# handler has begun by then, none will: the invocation lasts as long as the extension waits.
BEGIN_GRACE = 0.1

# How long it waits for the response to leave, in s; to encode and post 5 MB takes about 0.1. Where
# awslambdaric runs the function, its client tells when that is. Elsewhere the context object's
# release does. Measured, an export that begins too early costs a response of 1 KB to 5.5 MB
# nothing, because the JSON encoder lets no other thread run. At worst, with 2,000 spans beside 1 MB
# of objects that are encoded in Python, the response comes after 260 ms, not 236.
RESPONSE_GRACE = 0.2

# The same if it was not released the last time: some frameworks keep the context object.
KEPT_GRACE = 0.02

# How long before the deadline it stops waiting for a response, in s, and exports.
_EXPORT_TIME = 0.1


class AsyncExport:
    """Exports in the extension's thread, after the response has left.

    The handler's thread and the extension's learn of an invocation in either order; the request id
    tells them that it is the same one. If the extension does not wait for an invocation, because
    it has finished it or has lost the API, the handler's thread exports: late is better than never.

    Args:
        provider: Whose spans are exported.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._lock = Lock()
        self._handover = Handover()
        self._connected = True
        self._posting = ResponsePosting()
        self._begin_grace = BEGIN_GRACE
        self._context_is_kept = False

    # Handler's thread

    def begin(self, request_id: str | None) -> Handover | None:
        """Tell the extension that a traced handler has begun.

        Returns:
            What `end` takes; None if the handler's thread must export: without a request id there
            is nothing to match, and a handler within another is no invocation.
        """
        if request_id is None:
            return None
        with self._lock:
            self._begin_grace = BEGIN_GRACE
            handover = self._handover
            if handover.request_id not in (None, request_id):
                if handover.begun and not handover.ended:
                    return None
                # The extension never learnt of the one before.
                handover = self._handover = Handover()
            if handover.request_id is None:
                handover.request_id = request_id
                # A retry has the same request id, and so has a handler that begins after the grace.
                # The extension may not hear of it.
                handover.is_followed = request_id != handover.previous
            handover.begun = True
        return handover

    def end(self, handover: Handover, context: Any) -> bool:
        """Hand the invocation over to the extension.

        Args:
            handover: What `begin` returned.
            context: The Lambda context.

        Returns:
            False if the extension does not wait for it, so that the handler's thread must export.
        """
        with self._lock:
            handover.ended = True
            is_followed = self._connected and handover.is_followed
            is_noticed = self._posting.notify(handover.respond) or (
                handover.watch(context) and not self._context_is_kept
            )
            # An extension that rests is woken when the response has left. To wake it now would have
            # it run in place of the thread that is about to post the response.
            must_wake = is_followed and (handover.is_read or not is_noticed)
            if not is_followed:
                self._finish(handover)
        if must_wake:
            handover.wake()
        return is_followed

    # Extension's thread

    def follow(self, events: Iterable[Invoke | Signal]) -> None:
        """Export what each event calls for; whatever fails, the next event is taken.

        Args:
            events: Those of an `InternalExtension`, which asks for the next when this is done.
        """
        self._connected = True
        try:
            for event in events:
                # Without this thread no invocation ends.
                try:
                    self._take(event)
                except BaseException:
                    logger.exception("telemetry failed at %s", event)
        finally:
            # Nobody follows any more: the handler's thread exports.
            self._disconnect()

    def _take(self, event: Invoke | Signal) -> None:
        if isinstance(event, Invoke):
            self._export(event)
        elif event is Signal.ARRIVED:
            # Most handlers are done in this time; the extension then finds all it needs to know.
            self._handover.rest(self._begin_grace)
        elif event is Signal.RECONNECTED:
            self._connected = True
        else:
            self._disconnect()

    def _export(self, event: Invoke) -> None:
        """Wait for the invocation's end and export; the invocation lasts until this returns."""
        handover = self._claim(event.request_id)
        try:
            if handover.begun and handover.wait(lambda: handover.ended, _remaining(event)):
                self._wait_for_response(handover, event)
        finally:
            self._release(handover)
        flush(self._provider)

    def _disconnect(self) -> None:
        with self._lock:
            self._connected = False
            if self._handover.ended:
                self._finish(self._handover)
        # The handler may have handed over an invocation whose event is lost.
        flush(self._provider)

    def _claim(self, request_id: str) -> Handover:
        with self._lock:
            handover = self._handover
            if handover.request_id not in (None, request_id):
                # Nobody waits for that one any more; whoever ends it exports it.
                handover.is_followed = False
                handover = self._handover = Handover()
            handover.request_id = request_id
            handover.is_read = handover.is_followed = True
            if not handover.begun and request_id != handover.previous:
                # A function without a traced handler is not waited for again, until it has one.
                self._begin_grace = 0.0
        return handover

    def _wait_for_response(self, handover: Handover, event: Invoke) -> None:
        grace = KEPT_GRACE if self._context_is_kept else RESPONSE_GRACE
        remaining = _remaining(event)
        if remaining is not None:
            grace = min(grace, remaining - _EXPORT_TIME)
        self._context_is_kept = not handover.wait(lambda: handover.responded, grace)

    def _release(self, handover: Handover) -> None:
        """Stop waiting: from now on the handler's thread exports what is still to come."""
        with self._lock:
            handover.is_followed = False
            self._finish(handover)

    # Either thread, with the lock

    def _finish(self, handover: Handover) -> None:
        """Make room for the next invocation."""
        if self._handover is handover:
            self._handover = Handover(handover.request_id)


def _remaining(event: Invoke) -> float | None:
    """Return the time left until the deadline, in s."""
    return None if event.deadline_ms is None else event.deadline_ms / 1000 - time.time()
