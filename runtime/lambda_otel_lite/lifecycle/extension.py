"""The internal extension: a thread that the platform tells of every invocation.

While the thread has not asked for the next event, the platform keeps the environment running: this
is where work after the response has its place. The thread is handed a callback and knows nothing of
spans.
"""

import _thread
import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from lambda_otel_lite.lifecycle.extensions_api import ExtensionsApi, ExtensionsApiError, Invoke

logger = logging.getLogger("lambda_otel_lite.extension")

NAME = "lambda-otel-lite"

# Waits between failed calls, in s: a refusing API is asked after a tenth of a second at first, then
# once a second. It must be asked: until the extension calls for the next event, no invocation ends.
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 1.0

# Stages of a SIGTERM: none, work before the exit under way, that done.
_IDLE, _PREPARING, _PREPARED = range(3)


class InternalExtension:
    """Registers with the platform and follows its events.

    Args:
        address: ``host:port`` of the API, from ``AWS_LAMBDA_RUNTIME_API``.
        on_arrival: Called when there is an event, before time is taken to read it.
        on_invoke: Called for each invocation; the invocation lasts until it returns.
        on_lost: Called when the API stops answering.
        on_found: Called when it answers again.
    """

    def __init__(
        self,
        address: str,
        on_arrival: Callable[[], None],
        on_invoke: Callable[[Invoke], None],
        on_lost: Callable[[], None],
        on_found: Callable[[], None],
    ) -> None:
        self._api = ExtensionsApi(address)
        self._on_arrival = on_arrival
        self._on_invoke = on_invoke
        self._on_lost = on_lost
        self._on_found = on_found
        self._pause = threading.Event()

    def start(self, events: Sequence[str]) -> bool:
        """Register, and follow the events in a daemon thread.

        Args:
            events: ``["INVOKE"]``, or nothing to be told of no more than the shutdown.

        Returns:
            False where the platform refused; nothing is running then.
        """
        try:
            self._api.register(NAME, events)
        except (OSError, ExtensionsApiError, ValueError) as error:
            logger.warning("the internal extension cannot be registered: %s", error)
            return False
        # A daemon: no thread of telemetry keeps a process alive that wants to exit.
        threading.Thread(target=self._follow, name=NAME, daemon=True).start()
        return True

    def _follow(self) -> None:
        wait = _FIRST_WAIT
        while True:
            try:
                event = self._api.next_event(self._on_arrival)
            except (OSError, ExtensionsApiError) as error:
                if wait == _FIRST_WAIT:
                    logger.warning("the Extensions API failed, trying again: %s", error)
                    self._on_lost()
                self._pause.wait(wait)
                wait = min(wait * 2, _LONGEST_WAIT)
                continue
            if wait != _FIRST_WAIT:
                wait = _FIRST_WAIT
                self._on_found()
            try:
                self._on_invoke(event)
            except Exception:
                logger.exception("telemetry of invocation %s failed", event.request_id)


def on_sigterm(before_exit: Callable[[], None]) -> None:
    """Have something done when the platform shuts the environment down.

    The platform sends SIGTERM only to functions with an extension. What the signal did before,
    by the user's handler or by default, it does afterwards.

    Args:
        before_exit: Called in a thread of its own; must not raise.
    """
    if threading.current_thread() is not threading.main_thread():
        logger.debug("not in the main thread: SIGTERM is left alone")
        return
    previous = signal.getsignal(signal.SIGTERM)
    stage = _IDLE

    def prepare() -> None:
        nonlocal stage
        before_exit()
        stage = _PREPARED
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    def handle(number: int, frame: FrameType | None) -> None:
        # What this interrupts may hold any lock: a span's, stdout's, one of the threading module.
        # So the work is a thread's, for which the main thread goes on, and which signals again. No
        # threading.Thread, whose start takes such a lock.
        nonlocal stage
        if stage == _IDLE:
            stage = _PREPARING
            _thread.start_new_thread(prepare, ())
            return
        if stage == _PREPARING:
            return
        stage = _IDLE
        if callable(previous):
            previous(number, frame)
        elif previous is signal.SIG_DFL:
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)

    signal.signal(signal.SIGTERM, handle)
    _undo_in_forked_processes(handle, previous)


def _undo_in_forked_processes(handle: object, previous: Any) -> None:
    """Leave SIGTERM as it was to processes that user code forks, and may terminate.

    A child's copies of spans are not its own to export. And Python forgets a signal that comes
    between the fork and the child's first line if there is a handler for it, so it is held back.
    """
    local = threading.local()

    def hold_back() -> None:
        local.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def let_through() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, local.mask)

    def undo() -> None:
        if previous is not None and signal.getsignal(signal.SIGTERM) is handle:
            signal.signal(signal.SIGTERM, previous)
        let_through()

    os.register_at_fork(before=hold_back, after_in_parent=let_through, after_in_child=undo)
