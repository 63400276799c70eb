"""One thread that wakes shortly before an invocation's deadline.

The platform kills a function at its timeout without notice. The first invocation starts the thread,
which serves all that follow. An invocation that ends in time does not wake it: it sleeps until the
deadline that it knows, and then looks whether a later one has taken its place.
"""

import logging
import math
import threading
import time
from collections.abc import Callable

logger = logging.getLogger("lambda_otel_lite.deadline")

#: The longest timeout of a function, in ms
#: (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)
LONGEST_MS = 900_000


class DeadlineWatch[SubjectT]:
    """Calls back shortly before a deadline.

    Args:
        margin_ms: How long before the deadline, in ms; 0 watches nothing.
        on_deadline: Called in the watch's thread with what was armed; must not raise.
    """

    def __init__(self, margin_ms: int, on_deadline: Callable[[SubjectT], None]) -> None:
        self._margin = margin_ms / 1000
        self._on_deadline = on_deadline
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        # When to call back, in s since the epoch, and with what: a pair, so both change at once.
        self._alarm: tuple[float, SubjectT] | None = None
        # When the thread looks next, in s since the epoch. An earlier alarm moves it. It stays when
        # that alarm is disarmed: a thread without a time to look at would be woken by each
        # invocation that is over before the thread has had its turn.
        self._looks_at = math.inf
        self._thread: threading.Thread | None = None

    def arm(self, remaining_ms: float, subject: SubjectT) -> None:
        """Watch a deadline, in place of any other.

        Args:
            remaining_ms: Time left until the deadline, in ms.
            subject: Whose deadline it is. The callback may still come just after `disarm`; by this
                it can be told from the next one.
        """
        if not self._margin:
            return
        # Wall-clock time: the other clocks stand still while the process is frozen.
        alarm = time.time() + min(remaining_ms, LONGEST_MS) / 1000 - self._margin
        with self._lock:
            self._alarm = alarm, subject
            if alarm < self._looks_at:
                self._looks_at = alarm
                self._changed.notify()
            if self._thread is None:
                self._thread = _start(self._watch)

    def disarm(self) -> None:
        """Stop watching; the thread is left asleep."""
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
        # The process may start no more threads; the function runs without the watch.
        logger.warning("no deadline can be watched: %s", error)
        return None
    return thread
