"""What is done when the platform shuts the environment down."""

import os
import signal
import threading
import warnings
from collections.abc import Iterator
from functools import partial
from types import FrameType
from typing import Any

import pytest

from lambda_otel_lite.lifecycle.sigterm import on_sigterm

from .waiting import until


@pytest.fixture
def sigterm() -> Iterator[list[str]]:
    """Give a record of what a SIGTERM did; afterwards the signal is as it was."""
    before = signal.getsignal(signal.SIGTERM)
    yield []
    signal.signal(signal.SIGTERM, before)


def _has(record: list[str], count: int) -> bool:
    return len(record) == count


def test_hazard_17_the_users_handler_is_called_afterwards(sigterm: list[str]) -> None:
    """Handlers are chained, in this order, at every signal."""

    def users(number: int, frame: FrameType | None) -> None:
        sigterm.append("user")

    signal.signal(signal.SIGTERM, users)
    on_sigterm(lambda: sigterm.append("telemetry"))
    for count in (2, 4):
        signal.raise_signal(signal.SIGTERM)
        until(partial(_has, sigterm, count))
    assert sigterm == ["telemetry", "user"] * 2


def test_hazard_17_an_ignored_signal_stays_ignored(sigterm: list[str]) -> None:
    """The process goes on after the export."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    on_sigterm(lambda: sigterm.append("telemetry"))
    signal.raise_signal(signal.SIGTERM)
    until(lambda: sigterm == ["telemetry"])


def test_hazard_17_the_default_is_what_it_was(
    sigterm: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a handler of the user's the signal ends the process."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    on_sigterm(lambda: sigterm.append("telemetry"))

    def kill(process: int, number: Any) -> None:
        sigterm.append(f"killed by {number!r}, handled by {signal.getsignal(number)!r}")

    monkeypatch.setattr(os, "kill", kill)
    signal.raise_signal(signal.SIGTERM)
    until(lambda: len(sigterm) == 2)
    assert sigterm[0] == "telemetry"
    assert sigterm[1].endswith("handled by <Handlers.SIG_DFL: 0>")


def test_sigterm_amid_whatever_holds_a_lock(sigterm: list[str]) -> None:
    """The interrupted code goes on and gives its locks back; a second signal changes nothing."""
    signal.signal(signal.SIGTERM, lambda number, frame: sigterm.append("user"))
    lock = threading.Lock()

    def export() -> None:
        with lock:
            sigterm.append("telemetry")

    on_sigterm(export)
    with lock, threading._active_limbo_lock:  # type: ignore[attr-defined]
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        sigterm.append("went on")
    until(lambda: len(sigterm) == 3)
    assert sigterm == ["went on", "telemetry", "user"]


def test_another_thread_leaves_the_signal_alone(sigterm: list[str]) -> None:
    """Python sets signal handlers in the main thread only."""
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=on_sigterm, args=(lambda: None,))
    thread.start()
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.usefixtures("sigterm")
def test_a_forked_process_has_the_signal_as_it_was() -> None:
    """The parent keeps the handler, and neither is left with the signal blocked."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    on_sigterm(lambda: None)
    ours = signal.getsignal(signal.SIGTERM)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # The test runner's threads are no matter here.
        child = os.fork()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    handler = signal.getsignal(signal.SIGTERM)
    if child == 0:
        os._exit(0 if handler is signal.SIG_DFL and signal.SIGTERM not in blocked else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert handler is ours
    assert signal.SIGTERM not in blocked
