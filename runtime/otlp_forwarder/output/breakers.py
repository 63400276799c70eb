"""Stop asking a collector that does not work, and ask now and then whether it works again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

#: Seconds of nothing but failures after which nobody asks any more. Who waits for a collector
#: occupies the account's concurrency, which other functions need.
PATIENCE = 10.0
#: Seconds until a single request, a probe, asks again: the first time, and at most. After each
#: probe in vain it is twice as long, within these bounds.
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 60.0
#: Names whose failures are remembered. Log records may choose destinations.
MOST_REMEMBERED = 256


@dataclass(slots=True)
class _Failing:
    """What has not worked since its last success.

    Args:
        since: When the first of its failures began.
        closed_until: When it may be asked again; None: it may be asked.
        pause: How long it is not asked after the next probe in vain.
        probing: Whether a probe is under way.
    """

    since: float
    closed_until: float | None = None
    pause: float = FIRST_PAUSE
    probing: bool = False


class Breakers:
    """Who is asked; one object serves all threads and invocations.

    Names stand for what can fail by itself: a URL that nobody answers at, or what answers there to
    some headers.

    Args:
        clock: Seconds of a clock that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failing: dict[Hashable, _Failing] = {}
        self._changed = threading.Condition()

    def may_ask(self, names: Iterable[Hashable], seconds: float) -> bool:
        """Tell whether a request may be sent. Where one is sent as a probe, wait what it finds.

        Args:
            names: What must work for it.
            seconds: Longest time to wait.
        """
        if not self._failing:
            return True
        until = self._clock() + seconds
        with self._changed:
            while True:
                found = (self._failing.get(name) for name in names)
                closed = [each for each in found if each and each.closed_until is not None]
                if not any(each.probing for each in closed):
                    break
                if not self._changed.wait(max(0.0, until - self._clock())):
                    return False
            if any(self._clock() < (each.closed_until or 0.0) for each in closed):
                return False
            for each in closed:
                each.probing = True
            return True

    def add_answer(self, name: Hashable) -> None:
        """Note that something works: it answered, whatever it said."""
        if name in self._failing:
            with self._changed:
                self._failing.pop(name, None)
                self._changed.notify_all()

    def add_failure(self, name: Hashable, began: float, pause: float) -> bool:
        """Note that a request failed.

        Args:
            name: What did not work.
            began: When the request began.
            pause: Seconds for which it asked not to be asked.

        Returns:
            Whether it may be tried again in this invocation.
        """
        with self._changed:
            if name not in self._failing and len(self._failing) >= MOST_REMEMBERED:
                del self._failing[next(iter(self._failing))]
            failing = self._failing.setdefault(name, _Failing(since=began))
            if failing.closed_until is None and self._clock() - failing.since < PATIENCE:
                return True
            self._close(failing, pause)
            return False

    def add_unknown(self, name: Hashable) -> None:
        """Note that a request did not get so far as to find out whether something works."""
        with self._changed:
            if failing := self._failing.get(name):
                failing.probing = False
                self._changed.notify_all()

    def give_up(self, name: Hashable, pause: float) -> None:
        """Note that an invocation had no time for another try."""
        with self._changed:
            failing = self._failing.get(name)
            if failing and failing.closed_until is None:
                self._close(failing, pause)

    def _close(self, failing: _Failing, pause: float) -> None:
        if failing.closed_until is None or failing.probing:
            wanted = min(max(failing.pause, pause), LONGEST_PAUSE)
            failing.closed_until = self._clock() + wanted
            failing.pause = min(2 * failing.pause, LONGEST_PAUSE)
        failing.probing = False
        self._changed.notify_all()
