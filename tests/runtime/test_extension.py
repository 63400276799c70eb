"""The extension's thread, and what is done at SIGTERM."""

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from queue import SimpleQueue
from types import FrameType
from typing import Any

import pytest

from lambda_otel_lite.lifecycle import extension
from lambda_otel_lite.lifecycle.extension import InternalExtension, on_sigterm
from lambda_otel_lite.lifecycle.extensions_api import ExtensionsApiError, Invoke

from .waiting import until

A, B = Invoke("a", None), Invoke("b", None)


class Api:
    """Answers as it was told, then waits for ever as an idle platform does."""

    def __init__(self, *answers: Invoke | Exception, refusal: Exception | None = None) -> None:
        self._answers = list(answers)
        self._refusal = refusal
        self.registered: list[str] = []

    def register(self, name: str, events: Sequence[str]) -> None:
        """Register or refuse."""
        if self._refusal:
            raise self._refusal
        self.registered += [name, *events]

    def next_event(self, on_arrival: Callable[[], None]) -> Invoke:
        """Give the next answer."""
        if not self._answers:
            threading.Event().wait()
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        on_arrival()
        return answer


class Stage:
    """An extension that follows an `Api`, and what it called."""

    def __init__(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(extension, "ExtensionsApi", lambda address: api)
        self.called: SimpleQueue[object] = SimpleQueue()
        self.extension = InternalExtension(
            "api:80",
            lambda: self.called.put("arrived"),
            self._on_invoke,
            lambda: self.called.put("lost"),
            lambda: self.called.put("found"),
        )
        monkeypatch.setattr(self.extension, "_pause", self)

    def wait(self, seconds: float) -> None:
        """Stand in for the pause between two calls."""
        self.called.put(seconds)

    def _on_invoke(self, event: Invoke) -> None:
        self.called.put(event.request_id)
        if event is A:
            raise ValueError("no")

    def next(self, count: int) -> list[object]:
        """Return what is called next."""
        return [self.called.get(timeout=10) for _ in range(count)]


@pytest.mark.parametrize("refusal", [OSError("no"), ExtensionsApiError("no"), ValueError("port")])
def test_hazard_07_a_refusal_is_a_warning(
    refusal: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is started then."""
    before = threading.active_count()
    assert not Stage(Api(refusal=refusal), monkeypatch).extension.start(["INVOKE"])
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert threading.active_count() == before


def test_every_event_is_followed_whatever_becomes_of_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error in a callback is logged; the next event is asked for as ever."""
    api = Api(A, B)
    stage = Stage(api, monkeypatch)
    assert stage.extension.start(["INVOKE"])
    assert stage.next(4) == ["arrived", "a", "arrived", "b"]
    assert api.registered == ["lambda-otel-lite", "INVOKE"]
    assert [record.message for record in caplog.records] == ["telemetry of invocation a failed"]


def test_hazard_01_waits_grow_and_start_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No busy loop on any error; lost and found are told once each."""
    errors = [OSError("no"), ExtensionsApiError("403")] * 3
    stage = Stage(Api(*errors, B, OSError("again"), B), monkeypatch)
    stage.extension.start(["INVOKE"])
    assert stage.next(10) == ["lost", 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, "arrived", "found", "b"]
    assert stage.next(5) == ["lost", 0.1, "arrived", "found", "b"]
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2


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
