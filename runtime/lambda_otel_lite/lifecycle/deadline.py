"""One thread that wakes shortly before an invocation's deadline.

A timed-out function is killed without a word. The thread is started by the first invocation and
serves all that follow; an ordinary invocation costs it no wake-up, for it sleeps on towards the
deadline it knows and looks only then whether a later one has taken its place.
"""

import logging
import math
import threading
import time
from collections.abc import Callable

logger = logging.getLogger("lambda_otel_lite.deadline")

#: The longest timeout that a function can have, in ms (Lambda quotas, "Function timeout").
LONGEST_MS = 900_000


class DeadlineWatch[SubjectT]:
    """Calls back when an armed deadline comes near.

    Args:
        margin_ms: How long before the deadline, in ms; 0 watches nothing.
        on_deadline: Called in the watch's thread with what was armed; must not raise.
    """

    def __init__(self, margin_ms: int, on_deadline: Callable[[SubjectT], None]) -> None:
        self._margin = margin_ms / 1000
        self._on_deadline = on_deadline
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        # When to call back, in s since the epoch, and with what: one value, so set at once.
        self._alarm: tuple[float, SubjectT] | None = None
        # When the thread looks next, in s since the epoch. Set by whoever wants it earlier, and
        # kept when that alarm is disarmed: a thread that went back to waiting for a call would be
        # woken by every invocation that is over before it gets its turn.
        self._looks_at = math.inf
        self._thread: threading.Thread | None = None

    def arm(self, remaining_ms: float, subject: SubjectT) -> None:
        """Watch a deadline, in place of any other.

        Args:
            remaining_ms: Time left until the deadline, in ms.
            subject: Whose deadline it is. The call back may come just after `disarm`; this tells
                it from the next one's.
        """
        if not self._margin:
            return
        # Wall-clock time: a process frozen between invocations sees no other clock move on.
        alarm = time.time() + min(remaining_ms, LONGEST_MS) / 1000 - self._margin
        with self._lock:
            self._alarm = alarm, subject
            if alarm < self._looks_at:
                self._looks_at = alarm
                self._changed.notify()
            if self._thread is None:
                self._thread = _start(self._watch)

    def disarm(self) -> None:
        """Watch nothing any more; the thread is left asleep."""
        self._alarm = None

    def _watch(self) -> None:
        while True:
            self._on_deadline(self._next_due())

    def _next_due(self) -> SubjectT:
        with self._changed:
            while True:
                now, armed = time.time(), self._alarm
                if armed and armed[0] <= now:
                    self._alarm, self._looks_at = None, math.inf
                    return armed[1]
                if self._looks_at <= now:
                    self._looks_at = armed[0] if armed else math.inf
                idle = self._looks_at == math.inf
                self._changed.wait(None if idle else self._looks_at - now)


def _start(watch: Callable[[], None]) -> threading.Thread | None:
    thread = threading.Thread(target=watch, name="lambda-otel-lite-deadline", daemon=True)
    try:
        thread.start()
    except RuntimeError as error:
        # The function has used up its threads; it runs unwatched.
        logger.warning("no deadline can be watched: %s", error)
        return None
    return thread
