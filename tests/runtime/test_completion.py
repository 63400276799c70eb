"""Who exports, and when, in every order in which two threads can learn of an invocation."""

import gc
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from lambda_otel_lite.lifecycle import asynchronous
from lambda_otel_lite.lifecycle.asynchronous import AsyncCompletion
from lambda_otel_lite.lifecycle.completion import FinalizeCompletion, SyncCompletion
from lambda_otel_lite.lifecycle.extensions_api import Invoke

from .waiting import until


class Context:
    """A context object as the platform's runtime makes one."""


class Unreferable:
    """A context object that cannot be referred to weakly."""

    __slots__ = ()


class Stage:
    """An `AsyncCompletion` with the two threads that use it and a record of what they did."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.completion = AsyncCompletion(self._flush)
        self._extension: threading.Thread | None = None

    def _flush(self) -> None:
        extension = threading.current_thread() is self._extension
        self.events.append("extension exports" if extension else "handler exports")

    def tell_extension(self, request_id: str, deadline_ms: int | None = None) -> None:
        """Start to deliver an event, and wait until the extension holds the invocation."""
        self.join()
        event = Invoke(request_id, deadline_ms)
        self._extension = threading.Thread(target=self.completion.on_invoke, args=(event,))
        self._extension.start()
        until(lambda: request_id in (self.completion._held, self.completion._released))

    def arrive(self, request_id: str) -> None:
        """Start to deliver an event that the extension takes its time to read."""
        self.join()

        def follow() -> None:
            self.completion.on_arrival()
            self.completion.on_invoke(Invoke(request_id, None))

        self._extension = threading.Thread(target=follow)
        self._extension.start()

    def join(self) -> None:
        """Wait until the extension asks for the next event."""
        if self._extension is not None:
            self._extension.join(10)
            assert not self._extension.is_alive()

    def handle(self, request_id: str) -> None:
        """Run a traced handler whose context is released at once."""
        self.completion.begin(request_id)
        self.completion.end(request_id, Context())


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Make a stage; no thread outlives its test."""
    made = Stage()
    yield made
    made.join()


def test_the_extension_learns_of_the_invocation_first(stage: Stage) -> None:
    """The extension waits for the begin and the end."""
    stage.tell_extension("a")
    stage.handle("a")
    stage.join()
    assert stage.events == ["extension exports"]


def test_the_handler_begins_first(stage: Stage) -> None:
    """The extension waits for the end alone."""
    stage.completion.begin("a")
    stage.tell_extension("a")
    assert stage.events == []
    stage.completion.end("a", Context())
    stage.join()
    assert stage.events == ["extension exports"]


def test_the_handler_has_ended_before_the_extension_learns_of_it(stage: Stage) -> None:
    """The extension has nothing to wait for."""
    stage.handle("a")
    assert stage.events == []
    stage.tell_extension("a")
    stage.join()
    assert stage.events == ["extension exports"]


def test_an_undecorated_handler_is_not_waited_for_twice(stage: Stage) -> None:
    """The first one costs a grace, those that follow nothing."""
    stage.tell_extension("a")
    stage.join()
    assert stage.completion._begin_grace == 0
    stage.tell_extension("b")
    stage.join()
    assert stage.events == ["extension exports"] * 2


def test_a_handler_that_begins_after_the_grace_exports_by_itself(stage: Stage) -> None:
    """The extension has let go of the invocation; the next one is waited for again."""
    stage.tell_extension("a")
    stage.join()
    stage.handle("a")
    assert stage.events == ["extension exports", "handler exports"]
    stage.tell_extension("b")
    stage.handle("b")
    stage.join()
    assert stage.events[2:] == ["extension exports"]


def test_a_retry_under_the_same_request_id(stage: Stage) -> None:
    """The second run is waited for like the first."""
    for _ in range(3):
        stage.tell_extension("a")
        assert stage.completion._released is None
        stage.handle("a")
        stage.join()
    assert stage.events == ["extension exports"] * 3


def test_a_retry_that_the_handler_learns_of_first(stage: Stage) -> None:
    """The handler cannot tell that the extension will hear of it again, and exports by itself."""
    stage.tell_extension("a")
    stage.handle("a")
    stage.join()
    stage.handle("a")
    stage.tell_extension("a")
    stage.join()
    assert stage.events == ["extension exports", "handler exports", "extension exports"]


@pytest.mark.parametrize("context", [Context(), Unreferable(), None])
def test_a_context_object_that_shows_nothing(stage: Stage, context: Any) -> None:
    """Where nothing shows that the response has left, a grace bounds the wait."""
    stage.tell_extension("a")
    stage.completion.begin("a")
    stage.completion.end("a", context)
    stage.join()
    assert stage.events == ["extension exports"]


def test_a_released_context_object_ends_the_wait(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The response has left when the platform's runtime lets go of it; no grace is spent."""
    monkeypatch.setattr(asynchronous, "RESPONSE_GRACE", 3600.0)
    stage.tell_extension("a")
    stage.handle("a")
    stage.join()
    assert stage.events == ["extension exports"]


def test_a_context_object_of_a_reference_cycle(stage: Stage) -> None:
    """Garbage collection in any thread may release the context; that is no invocation's end."""
    stage.tell_extension("a")
    context = Context()
    context.itself = context  # type: ignore[attr-defined]
    stage.completion.begin("a")
    stage.completion.end("a", context)
    del context
    stage.join()
    stage.tell_extension("b")
    stage.completion.begin("b")
    gc.collect()
    assert stage.events == ["extension exports"]
    stage.completion.end("b", Context())
    stage.join()


def test_a_response_that_takes_its_time(stage: Stage) -> None:
    """While the platform's runtime is at work on the answer, nothing is exported."""
    context = Context()

    def handle_event_request() -> None:
        stage.completion.begin("a")
        stage.completion.end("a", context)
        time.sleep(asynchronous.RESPONSE_GRACE * 4)
        stage.events.append("answered")

    stage.tell_extension("a")
    handle_event_request()
    stage.join()
    assert stage.events == ["answered", "extension exports"]


def test_a_response_that_takes_too_long(stage: Stage) -> None:
    """Before the deadline the export comes first, for after it there is none."""
    context, exported = Context(), threading.Event()

    def handle_event_request() -> None:
        stage.completion.begin("a")
        stage.completion.end("a", context)
        until(lambda: stage.events)
        exported.set()

    stage.tell_extension("a", int((time.time() + 0.3) * 1000))
    handle_event_request()
    stage.join()
    assert exported.is_set()


def test_a_deadline_ends_the_wait_for_the_end(stage: Stage) -> None:
    """A handler that never ends does not hold the extension beyond the deadline."""
    stage.completion.begin("a")
    stage.tell_extension("a", int((time.time() + 0.05) * 1000))
    stage.join()
    assert stage.events == ["extension exports"]
    stage.completion.end("a", Context())
    assert stage.events == ["extension exports", "handler exports"]


def test_a_quick_handler_has_the_processor_to_itself_until_its_response_has_left(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The extension does not even look what has arrived before."""
    monkeypatch.setattr(stage.completion, "_begin_grace", 3600.0)
    stage.arrive("a")
    context = Context()
    stage.completion.begin("a")
    stage.completion.end("a", context)
    assert stage.completion._wake.empty()
    assert stage.completion._held is None

    del context
    stage.join()
    assert stage.events == ["extension exports"]


def test_what_was_said_of_one_invocation_does_not_wake_the_extension_in_the_next(
    stage: Stage,
) -> None:
    """A begin, an end and the sign of the response are more than it takes."""
    stage.tell_extension("a")
    stage.handle("a")
    stage.completion._wake.put(None)
    stage.join()
    assert stage.completion._wake.empty()


@pytest.mark.parametrize("context", [Unreferable(), None])
def test_the_end_wakes_the_extension_where_nothing_else_will(
    context: Any, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The context object cannot show that the response has left."""
    monkeypatch.setattr(stage.completion, "_begin_grace", 3600.0)
    stage.arrive("a")
    stage.completion.begin("a")
    stage.completion.end("a", context)
    stage.join()
    assert stage.events == ["extension exports"]


def test_a_function_that_keeps_its_context_objects_is_waited_for_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first time the extension looks by itself; from then on the end wakes it."""
    kept = [Context(), Context()]
    for request_id, context in zip("ab", kept, strict=True):
        stage.arrive(request_id)
        stage.completion.begin(request_id)
        stage.completion.end(request_id, context)
        stage.join()
        monkeypatch.setattr(stage.completion, "_begin_grace", 3600.0)
        monkeypatch.setattr(asynchronous, "BEGIN_GRACE", 3600.0)
    assert stage.events == ["extension exports"] * 2


def test_a_handler_that_never_begins_is_not_waited_for_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither before its event is read nor after."""
    stage.arrive("a")
    stage.join()
    monkeypatch.setattr(asynchronous, "BEGIN_GRACE", 3600.0)
    stage.arrive("b")
    stage.join()
    assert stage.events == ["extension exports"] * 2


def test_lost_and_found(stage: Stage) -> None:
    """While the API is lost the handler's thread exports; what was handed over comes out too."""
    stage.handle("a")
    stage.completion.on_lost()
    assert stage.events == ["handler exports"]
    stage.handle("b")
    stage.completion.complete()
    assert stage.events == ["handler exports"] * 3
    stage.completion.on_found()
    stage.tell_extension("c")
    stage.handle("c")
    stage.join()
    assert stage.events == ["handler exports"] * 3 + ["extension exports"]


def test_complete_by_hand(stage: Stage) -> None:
    """Completing ends the invocation that the extension holds; without one it exports at once."""
    stage.completion.complete()
    assert stage.events == ["handler exports"]
    stage.tell_extension("a")
    stage.completion.complete()
    stage.completion.complete()
    stage.join()
    assert stage.events.count("extension exports") == 1


def test_no_request_id(stage: Stage) -> None:
    """Without a request id there is nothing to match, and the handler's thread exports."""
    stage.completion.begin(None)
    stage.completion.end(None, None)
    assert stage.events == ["handler exports"]


def test_many_invocations_in_every_order(stage: Stage) -> None:
    """Each invocation is exported once by the extension, whoever learns of it first."""
    for number in range(200):
        event = Invoke(str(number), None)
        extension = threading.Thread(target=stage.completion.on_invoke, args=(event,))
        if number % 3:
            extension.start()
        stage.handle(str(number))
        if not number % 3:
            extension.start()
        extension.join(10)
        assert not extension.is_alive()
    assert len(stage.events) == 200


def test_sync_exports_at_every_end() -> None:
    """Sync mode exports in the caller's thread."""
    exports: list[str] = []
    sync = SyncCompletion(lambda: exports.append("now"))
    sync.begin("a")
    assert exports == []
    sync.end("a", None)
    sync.complete()
    assert exports == ["now", "now"]


def test_finalize_leaves_everything_alone() -> None:
    """Finalize mode has nothing to call that could export."""
    finalize = FinalizeCompletion()
    finalize.begin("a")
    finalize.end("a", None)
    finalize.complete()
    finalize.on_invoke(Invoke("a", None))
    finalize.on_lost()
    finalize.on_found()
