"""Threads, locks and sockets of the operating system, whatever gevent or eventlet puts there.

Their ``patch_all()`` and ``monkey_patch()`` replace what the standard library offers by something
that runs within the thread that waits for it. The extension's thread must run while the handler's
does not yield, so it and all that it shares with the handler's thread are real ones. What is bound
here before user code patches stays real; what user code has patched before is asked for from the
library that did.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any


def original(module: str, name: str) -> Any:
    """Return what a module of the standard library offered before it was patched.

    Sources: https://www.gevent.org/api/gevent.monkey.html, ``get_original``;
    https://eventlet.readthedocs.io/en/latest/patching.html, ``eventlet.patcher.original``.

    Args:
        module: The module's name.
        name: The name in the module.
    """
    eventlet = sys.modules.get("eventlet.patcher")
    if eventlet is not None and eventlet.already_patched:
        return getattr(eventlet.original(module), name)
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None:
        return gevent.get_original(module, name)
    return getattr(sys.modules.get(module) or import_module(module), name)


def are_green() -> bool:
    """Say whether threads that start now run within the thread that waits for them.

    Sources: https://www.gevent.org/api/gevent.monkey.html, ``is_module_patched``;
    https://eventlet.readthedocs.io/en/latest/patching.html, ``is_monkey_patched``.
    """
    eventlet = sys.modules.get("eventlet.patcher")
    if eventlet is not None and eventlet.is_monkey_patched("thread"):
        return True
    gevent = sys.modules.get("gevent.monkey")
    return gevent is not None and gevent.is_module_patched("threading")


# Not by the names in threading: gevent has `threading.RLock` build on its own locks.
Lock: Callable[[], Any] = original("_thread", "allocate_lock")
RLock: Callable[[], Any] = original("_thread", "RLock")

_start_new_thread = original("_thread", "start_new_thread")


def start_thread(work: Callable[[], object]) -> None:
    """Do work in a thread of its own, which does not keep the process from exiting.

    Returns when it has begun, as `threading.Thread.start` does: a thread that still waits for its
    first turn takes it from the handler's next blocking call, which then may miss a signal.

    Args:
        work: Must not raise.

    Raises:
        RuntimeError: The process may start no more threads.
    """
    begun = Lock()
    begun.acquire()

    def run() -> None:
        begun.release()
        work()

    start_thread_from_signal(run)
    begun.acquire()


def start_thread_from_signal(work: Callable[[], object]) -> None:
    """Do the same without waiting for the thread, as a signal handler must.

    Args:
        work: Must not raise.

    Raises:
        RuntimeError: The process may start no more threads.
    """
    _start_new_thread(work, ())
