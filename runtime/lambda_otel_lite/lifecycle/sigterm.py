"""What happens when the platform shuts the environment down.

It sends SIGTERM first, but only to functions with an extension
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html, "Shutdown phase").
"""

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType
from typing import Any

from lambda_otel_lite.log import Logger
from lambda_otel_lite.startup.threads import original, start_thread_from_signal

logger = Logger("lambda_otel_lite.extension")

sleep = original("time", "sleep")

# Seconds after which the signal is sent once more.
_AGAIN_S = 0.02
# Stages of a SIGTERM: none has come, the work before the exit is under way, the work is done.
_IDLE, _PREPARING, _PREPARED = range(3)


# What takes back each handler that was set, in their order.
_set: list[Callable[[], None]] = []


def leave_sigterm_alone() -> None:
    """Give SIGTERM the effect back that it had before `on_sigterm`, unless others have changed it.

    Outside of the main thread, where Python allows no such change, it stays as it is.
    """
    while _set:
        with suppress(ValueError):
            _set.pop()()


def on_sigterm(before_exit: Callable[[], None]) -> None:
    """Do something before SIGTERM has its usual effect: the user's signal handler or the default.

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
        # Until it is heard: a signal that comes just before a system call does not interrupt it.
        while stage == _PREPARED:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
            sleep(_AGAIN_S)

    def handle(number: int, frame: FrameType | None) -> None:
        # The code that this interrupts may hold any lock: a span's, stdout's, one of the threading
        # module. So a thread does the work while the main thread goes on, and sends the signal once
        # more when it is done. Not a threading.Thread: its start takes such a lock.
        nonlocal stage
        if stage == _IDLE:
            stage = _PREPARING
            start_thread_from_signal(prepare)
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
    undo = partial(_set_back, handle, previous)
    _set.append(undo)
    _in_forked_processes(undo)


def _set_back(handle: object, previous: Any) -> None:
    if previous is not None and signal.getsignal(signal.SIGTERM) is handle:
        signal.signal(signal.SIGTERM, previous)


def _in_forked_processes(undo: Callable[[], None]) -> None:
    """Give SIGTERM its former effect in processes that user code forks, and may terminate.

    A child must not export its copies of the parent's spans. And if there is a handler, Python
    forgets a signal that comes between the fork and the child's first line; so it is held back.
    """
    local = threading.local()

    def hold_back() -> None:
        local.mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})

    def let_through() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, local.mask)

    def begin_anew() -> None:
        undo()
        let_through()

    os.register_at_fork(before=hold_back, after_in_parent=let_through, after_in_child=begin_anew)
