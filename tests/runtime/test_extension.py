"""The extension's thread: what it is told, and what it does if the API fails."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from queue import SimpleQueue

import pytest

from lambda_otel_lite.lifecycle import extension
from lambda_otel_lite.lifecycle.extension import InternalExtension, Signal
from lambda_otel_lite.lifecycle.extensions_api import ExtensionsApiError, Invoke

A, B = Invoke("a", None), Invoke("b", None)


class Api:
    """Answers as it was told."""

    def __init__(self, *answers: Invoke | Exception, refusal: Exception | None = None) -> None:
        self._answers = list(answers)
        self._refusal = refusal
        self.registered: list[str] = []

    def register(self, name: str, events: Sequence[str]) -> None:
        """Register or refuse."""
        if self._refusal:
            raise self._refusal
        self.registered += [name, *events]

    @contextmanager
    def next_event(self) -> Iterator[Callable[[], Invoke]]:
        """Give the next answer."""
        answer = self._answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        yield lambda: answer


@pytest.fixture
def make_extension(monkeypatch: pytest.MonkeyPatch) -> Callable[[Api], InternalExtension]:
    """Return a function that makes an extension of an API."""

    def make(api: Api) -> InternalExtension:
        monkeypatch.setattr(extension, "ExtensionsApi", lambda address: api)
        return InternalExtension("api:80")

    return make


@pytest.mark.parametrize("refusal", [OSError("no"), ExtensionsApiError("no"), ValueError("port")])
def test_hazard_07_a_refusal_is_a_warning(
    refusal: Exception,
    make_extension: Callable[[Api], InternalExtension],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing is started then."""
    before = threading.active_count()
    followed: list[Iterator[Invoke | Signal]] = []
    assert not make_extension(Api(refusal=refusal)).start(["INVOKE"], followed.append)
    assert followed == []
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert threading.active_count() == before


def test_events_are_followed_in_a_daemon_thread(
    make_extension: Callable[[Api], InternalExtension],
) -> None:
    """Each is announced before it is read."""
    api = Api(A, B)
    followed: SimpleQueue[object] = SimpleQueue()

    def follow(events: Iterator[Invoke | Signal]) -> None:
        followed.put(threading.current_thread().daemon)
        for event in islice(events, 4):
            followed.put(event)

    assert make_extension(api).start(["INVOKE"], follow)
    assert [followed.get(timeout=10) for _ in range(5)] == [
        True,
        *(Signal.ARRIVED, A),
        *(Signal.ARRIVED, B),
    ]
    assert api.registered == ["lambda-otel-lite", "INVOKE"]


def test_hazard_01_waits_grow_and_start_anew(
    make_extension: Callable[[Api], InternalExtension],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """No busy loop on any error; that the API is gone and that it is back are said once each."""
    errors = [OSError("no"), ExtensionsApiError("403")] * 3
    happened: list[object] = []
    monkeypatch.setattr(extension, "sleep", happened.append)
    events = make_extension(Api(*errors, B, OSError("again"), B)).events()

    for event in islice(events, 8):
        happened.append(event)  # noqa: PERF402 - the waits come between them

    assert happened == [
        *(Signal.DISCONNECTED, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0),
        *(Signal.ARRIVED, Signal.RECONNECTED, B),
        *(Signal.DISCONNECTED, 0.1, Signal.ARRIVED, Signal.RECONNECTED, B),
    ]
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2


def test_without_a_thread_to_spare_nothing_is_registered(
    make_extension: Callable[[Api], InternalExtension],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The platform would wait for an extension that never asks for an event."""

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(extension, "start_thread", refuse)
    api = Api()
    assert not make_extension(api).start(["INVOKE"], lambda events: None)
    assert api.registered == []
    assert "can't start new thread" in caplog.text


@pytest.mark.parametrize("failure", [MemoryError, RecursionError, SystemExit, KeyboardInterrupt])
def test_events_are_followed_whatever_is_raised(
    failure: type[BaseException],
    make_extension: Callable[[Api], InternalExtension],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without the thread no invocation would end; it waits longer each time."""
    happened: SimpleQueue[object] = SimpleQueue()
    monkeypatch.setattr(extension, "sleep", happened.put)
    attempts = iter((failure(), failure()))

    def follow(events: Iterator[Invoke | Signal]) -> None:
        for event in events:
            happened.put(event)
            for error in attempts:
                raise error
            return

    assert make_extension(Api(A, A, A)).start(["INVOKE"], follow)
    assert [happened.get(timeout=10) for _ in range(5)] == [
        *(Signal.ARRIVED, 0.1, Signal.ARRIVED, 0.2, Signal.ARRIVED)
    ]
    assert caplog.text.count("the internal extension failed and goes on") == 2


@pytest.mark.parametrize("error", [MemoryError("no room"), UnicodeDecodeError("a", b"", 0, 1, "b")])
def test_any_error_of_the_api_is_tried_again(
    error: Exception,
    make_extension: Callable[[Api], InternalExtension],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(extension, "sleep", lambda seconds: None)

    assert list(islice(make_extension(Api(error, B)).events(), 4)) == [
        *(Signal.DISCONNECTED, Signal.ARRIVED, Signal.RECONNECTED, B)
    ]
