"""One thread that wakes shortly before an invocation's deadline.

The platform kills a function at its timeout without notice. The first invocation starts the thread,
which serves all that follow. An invocation that ends in time does not wake it: it sleeps until the
deadline that it knows, and then looks whether a later one has taken its place.
"""

import math
import time
from _queue import Empty, SimpleQueue  # not from queue, which gevent and eventlet patch
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from lambda_otel_lite.log import Logger
from lambda_otel_lite.startup.threads import Lock, start_thread

logger = Logger("lambda_otel_lite.deadline")

#: The longest timeout of a function, in ms
#: (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html)
LONGEST_MS = 900_000


class DeadlineWatch[SubjectT]:
    """Calls back shortly before a deadline.

    Args:
        margin_ms: How long before the deadline, in ms; 0 watches nothing.
        on_deadline: Called in the watch's thread with what was armed. What it raises is logged.
    """

    def __init__(self, margin_ms: int, on_deadline: Callable[[SubjectT], None]) -> None:
        self._margin = margin_ms / 1000
        self._on_deadline = on_deadline
        self._lock = Lock()
        self._wake_ups: SimpleQueue[None] = SimpleQueue()
        # When to call back, in s since the epoch, and with what: a pair, so both change at once.
        self._alarm: tuple[float, SubjectT] | None = None
        # When the thread looks next, in s since the epoch. An earlier alarm moves it. It stays when
        # that alarm is disarmed: a thread without a time to look at would be woken by each
        # invocation that is over before the thread has had its turn.
        self._looks_at = math.inf
        self._is_watching = False

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
                self._wake_ups.put(None)
            if not self._is_watching:
                self._is_watching = _start(self._watch)

    def disarm(self) -> None:
        """Stop watching; the thread is left asleep."""
        self._alarm = None

    def _watch(self) -> None:
        while True:
            due = self._next_due()
            try:
                self._on_deadline(due)
            except BaseException:
                logger.exception("telemetry failed at a deadline")

    def _next_due(self) -> SubjectT:
        while True:
            with self._lock:
                now, armed = time.time(), self._alarm
                if armed and armed[0] <= now:
                    self._alarm, self._looks_at = None, math.inf
                    return armed[1]
                if self._looks_at <= now:
                    self._looks_at = armed[0] if armed else math.inf
                idle = self._looks_at == math.inf
                seconds = None if idle else self._looks_at - now
            with suppress(Empty):
                self._wake_ups.get(timeout=seconds)


def _start(watch: Callable[[], None]) -> bool:
    try:
        start_thread(watch)
    except RuntimeError as error:
        # The process may start no more threads; the function runs without the watch.
        logger.warning("no deadline can be watched: %s", error)
        return False
    return True


def remaining_ms(context: Any) -> float | None:
    """Return the time that a Lambda context says is left, in ms; None if it says nothing."""
    try:
        remaining = context.get_remaining_time_in_millis()
    except Exception:  # noqa: BLE001 - somebody else's context object may do anything
        return None
    # The comparison is also false for NaN.
    return remaining if isinstance(remaining, int | float) and remaining >= 0 else None
