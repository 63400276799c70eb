"""What the handler's thread and the extension's thread tell each other about one invocation."""

import weakref
from _queue import Empty, SimpleQueue  # not from queue, which gevent and eventlet patch
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any


class Handover:
    """One invocation on its way from the handler's thread to the extension's.

    The two threads learn of an invocation in either order, so each sets what it knows. Who sets
    what is `lambda_otel_lite.lifecycle.asynchronous`'s business.

    Args:
        previous: Request id of the invocation before, which is exported.

    Attributes:
        request_id: The platform's request id; None until one of the threads has learnt of it.
        previous: As given.
        begun: The traced handler has started.
        ended: The handler's span has ended.
        responded: The response has left.
        is_read: The extension has read the event and waits for `ended`.
        is_followed: The extension exports when it has ended; False: the handler's thread does.
    """

    __slots__ = (
        "_context",
        "_wake_ups",
        "begun",
        "ended",
        "is_followed",
        "is_read",
        "previous",
        "request_id",
        "responded",
    )

    def __init__(self, previous: str | None = None) -> None:
        self.request_id: str | None = None
        self.previous = previous
        self.begun = self.ended = self.responded = False
        self.is_read = False
        self.is_followed = True
        # A SimpleQueue: its put() may interrupt itself, as it does when the garbage collector
        # calls a weak reference's callback (https://docs.python.org/3/library/queue.html).
        self._wake_ups: SimpleQueue[None] = SimpleQueue()
        self._context: weakref.ref[Any] | None = None

    # Handler's thread

    def watch(self, context: Any) -> bool:
        """Have the extension woken when the response has left.

        awslambdaric (``bootstrap.handle_event_request``) holds the invocation's context object
        until it has posted the response, and releases it then.

        Args:
            context: The Lambda context.

        Returns:
            False if the object cannot be referenced weakly, so that nothing will be noticed.
        """
        try:
            self._context = weakref.ref(context, self._on_release)
        except TypeError:
            return False
        return True

    def wake(self) -> None:
        """Wake the extension if it waits for this invocation."""
        self._wake_ups.put(None)

    def respond(self) -> None:
        """Wake the extension, because the response has left."""
        self.responded = True
        self._wake_ups.put(None)

    def _on_release(self, _: object) -> None:
        # Runs in any thread, in the middle of anything: it may take no lock.
        self.respond()

    # Extension's thread

    def rest(self, seconds: float) -> None:
        """Sleep until the first wake-up, or for so long."""
        with suppress(Empty):
            self._wake_ups.get(timeout=seconds)

    def wait(self, happened: Callable[[], bool], seconds: float | None) -> bool:
        """Wait until something has happened; return whether it has.

        Args:
            happened: Looked at after each wake-up.
            seconds: The longest wait, in s; None: no limit.
        """
        until = None if seconds is None else monotonic() + seconds
        while not happened():
            remaining = None if until is None else until - monotonic()
            if remaining is not None and remaining <= 0:
                return False
            with suppress(Empty):
                self._wake_ups.get(timeout=remaining)
        return True
