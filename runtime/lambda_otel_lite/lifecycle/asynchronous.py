"""The mode ``async``: export in the extension's thread, after the response has left."""

import contextlib
import sys
import threading
import time
import weakref
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

from lambda_otel_lite.lifecycle.extensions_api import Invoke

# How long the extension waits to be told that a traced handler has begun, in s. Nobody tells it of
# an undecorated handler, and an invocation lasts as long as the extension waits.
BEGIN_GRACE = 0.1

# How long it waits for the context object to show that the response has left, in s, before it looks
# for itself; time enough for a runtime that cannot be looked at.
RESPONSE_GRACE = 0.02

# How long before the deadline it gives up waiting for a response, in s, and exports.
_EXPORT_TIME = 0.1

# The function of the platform's runtime (awslambdaric, module bootstrap) that calls the handler and
# posts what came of it.
_RUNTIME_FUNCTION = "handle_event_request"


class AsyncCompletion:
    """Exports in the extension's thread, after the response has left.

    The handler's thread and the extension's each learn of an invocation in their own time, and in
    either order; the request id is what they match it by. Whenever the extension does not wait for
    an invocation, because it was never told of its begin or has lost the API, the handler's thread
    exports by itself: late is better than never.

    Args:
        flush: Exports all spans that have ended; must not raise.
    """

    def __init__(self, flush: Callable[[], None]) -> None:
        self._flush = flush
        self._lock = threading.Lock()
        # Wakes the extension. A SimpleQueue, because its put() is the one that may be called from
        # a weak reference's callback, in whatever that interrupted.
        self._wake: SimpleQueue[None] = SimpleQueue()
        self._begun: str | None = None
        self._ended: str | None = None
        self._responded: str | None = None
        self._held: str | None = None
        self._released: str | None = None
        self._lost = False
        self._begin_grace = BEGIN_GRACE
        self._waited = 0.0
        self._context: weakref.ref[Any] | None = None
        self._context_is_kept = False
        self._handler_thread = 0

    # Handler's thread

    def begin(self, request_id: str | None) -> None:
        """Tell the extension that this invocation will have an end."""
        with self._lock:
            self._begun = request_id
            self._begin_grace = BEGIN_GRACE
            awaited = self._held == request_id
        if awaited:
            self._wake.put(None)

    def end(self, request_id: str | None, context: Any) -> None:
        """Hand the invocation over to the extension, or export where it does not wait for it."""
        with self._lock:
            # Also of an invocation that is exported here: the extension may only now learn of it.
            self._ended = request_id
            self._handler_thread = threading.get_ident()
            handed_over = not self._lost and request_id not in (None, self._released)
            noticed = handed_over and self._notice_response(request_id, context)
            awaited = self._held == request_id
        # Before the extension's first look the sign of the response is enough to wake it. To wake
        # it now would have it run in place of the thread that is about to post the response.
        if awaited or (handed_over and not noticed):
            self._wake.put(None)
        if not handed_over:
            self._flush()

    def complete(self) -> None:
        """End the invocation that the extension holds, else export now."""
        with self._lock:
            held = self._held if not self._lost else None
            if held is not None:
                self._begun = self._ended = held
                self._handler_thread = threading.get_ident()
        if held is not None:
            self._wake.put(None)
        else:
            self._flush()

    def _notice_response(self, request_id: str | None, context: Any) -> bool:
        """Have the extension woken when the response has left; say if that is sure to happen."""

        # The platform's runtime holds the invocation's context object until it has posted the
        # response and lets go of it right then: its end is the sign that the response has left.
        def gone(_: Any) -> None:
            self._responded = request_id
            self._wake.put(None)

        try:
            self._context = weakref.ref(context, gone)
        except TypeError:
            self._context = None
            return False
        return not self._context_is_kept

    # Extension's thread

    def on_arrival(self) -> None:
        """Leave the handler alone for the time in which most handlers are done.

        Whatever happens in this time, the extension finds it noted when it looks.
        """
        arrived = time.monotonic()
        with contextlib.suppress(Empty):
            self._wake.get(timeout=self._begin_grace)
        self._waited = time.monotonic() - arrived

    def on_invoke(self, event: Invoke) -> None:
        """Wait for the invocation's end and export; the invocation lasts until this returns."""
        request_id = event.request_id
        with self._lock:
            self._held = request_id
            # The platform retries a failed asynchronous invocation under the same request id.
            if self._released == request_id:
                self._released = None
        begun = self._wait_for_begin(request_id)
        if begun and self._wait(lambda: self._ended == request_id, _remaining(event)):
            self._wait_for_response(event)
        self._release(request_id)
        self._flush()

    def on_lost(self) -> None:
        """Note that the extension cannot follow invocations, and export what it was to export."""
        with self._lock:
            self._lost = True
        # The handler may have handed an invocation over whose event is lost.
        self._flush()

    def on_found(self) -> None:
        """Note that it can again."""
        with self._lock:
            self._lost = False

    def _wait_for_begin(self, request_id: str) -> bool:
        grace, self._waited = self._begin_grace - self._waited, 0.0
        if self._wait(lambda: request_id in (self._begun, self._ended), grace):
            return True
        # A function that was undecorated once is not waited for again until it proves not to be.
        self._begin_grace = 0.0
        return False

    def _wait_for_response(self, event: Invoke) -> None:
        """Wait until the response has left, which a large one takes its time to do."""
        while not self._wait(lambda: self._responded == event.request_id, RESPONSE_GRACE):
            # A traceback or the user's code may keep the context object alive for long.
            self._context_is_kept = True
            remaining = _remaining(event)
            in_time = remaining is None or remaining > _EXPORT_TIME
            if not (in_time and _is_answering(self._handler_thread)):
                return

    def _release(self, request_id: str) -> None:
        """Stop waiting: from here on the handler's thread exports what is still to come."""
        with self._lock:
            self._held = None
            self._released = request_id
            if self._ended == request_id:
                self._begun = self._ended = self._responded = None
        # What was said of this invocation must not have the extension look early at the next one,
        # which does not begin before the extension asks for it.
        with contextlib.suppress(Empty):
            while True:
                self._wake.get_nowait()

    def _wait(self, happened: Callable[[], bool], seconds: float | None) -> bool:
        until = None if seconds is None else time.monotonic() + seconds
        while not happened():
            remaining = None if until is None else until - time.monotonic()
            if remaining is not None and remaining <= 0:
                return False
            try:
                self._wake.get(timeout=remaining)
            except Empty:
                return happened()
        return True


def _remaining(event: Invoke) -> float | None:
    """Return the time left until the deadline, in s."""
    return None if event.deadline_ms is None else event.deadline_ms / 1000 - time.time()


def _is_answering(thread: int) -> bool:
    """Say whether the platform's runtime still works on an answer in its thread."""
    frame = sys._current_frames().get(thread)  # noqa: SLF001 - documented, for debuggers
    while frame is not None and frame.f_code.co_name != _RUNTIME_FUNCTION:
        frame = frame.f_back
    return frame is not None
