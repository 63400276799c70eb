"""Who exports, and when, in every order in which two threads can learn of an invocation."""

import gc
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from queue import SimpleQueue
from typing import Any

import pytest
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from lambda_otel_lite.lifecycle import asynchronous
from lambda_otel_lite.lifecycle.asynchronous import AsyncExport
from lambda_otel_lite.lifecycle.extension import Signal
from lambda_otel_lite.lifecycle.extensions_api import Invoke
from lambda_otel_lite.lifecycle.handover import Handover

from .waiting import until

FOREVER = 3600.0


def until_read(begun: Handover, seconds: float = 10.0) -> None:
    """Wait until the extension has read the event; a test in which it never does fails."""
    until(lambda: begun.is_read, seconds)


class Context:
    """A context object as the platform's runtime makes one."""


class Unreferable:
    """A context object that cannot be referenced weakly."""

    __slots__ = ()


class Stage(SpanProcessor):
    """An `AsyncExport` with the two threads that use it and a record of what they did."""

    def __init__(self) -> None:
        self.events: list[str] = []
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(self)
        self.export = AsyncExport(provider)
        self._events: SimpleQueue[Invoke | Signal | None] = SimpleQueue()
        self._asked = threading.Semaphore(0)
        self._sent = 0
        self._extension = threading.Thread(
            target=self.export.follow, args=(self._next(),), daemon=True
        )
        self._extension.start()
        assert self._asked.acquire(timeout=10)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Note which thread exports."""
        del timeout_millis
        extension = threading.current_thread() is self._extension
        self.events.append("extension exports" if extension else "handler exports")
        return True

    def _next(self) -> Iterator[Invoke | Signal]:
        self._asked.release()
        while (event := self._events.get()) is not None:
            yield event
            self._asked.release()

    # The platform

    def send(self, *events: Invoke | Signal) -> None:
        """Have the extension take events, one after the other."""
        for event in events:
            self._events.put(event)
        self._sent += len(events)

    def arrive(self, request_id: str, deadline_ms: int | None = None) -> None:
        """Have the extension told of an invocation."""
        self.send(Signal.ARRIVED, Invoke(request_id, deadline_ms))

    def take(self) -> None:
        """Wait until the extension has taken what was sent, and asks for more."""
        while self._sent:
            assert self._asked.acquire(timeout=10)
            self._sent -= 1

    def close(self) -> None:
        """End the extension's thread."""
        self._events.put(None)
        self._extension.join(10)
        assert not self._extension.is_alive()

    # The handler

    def begin(self, request_id: str | None) -> Any:
        """Begin a traced handler; return what its end takes."""
        return self.export.begin(request_id)

    def end(self, begun: Any, context: Any) -> None:
        """End it as the lifecycle does."""
        if begun is None or not self.export.end(begun, context):
            self.force_flush()

    def handle(self, request_id: str | None) -> None:
        """Run a traced handler whose context is released at once."""
        self.end(self.begin(request_id), Context())


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Make a stage; no thread outlives its test."""
    made = Stage()
    yield made
    made.close()


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the extension leave the handler alone for as long as it takes."""
    monkeypatch.setattr(asynchronous, "BEGIN_GRACE", FOREVER)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the extension read each event at once, as if the handler had taken its time."""
    monkeypatch.setattr(asynchronous, "BEGIN_GRACE", 0.0)


@pytest.mark.usefixtures("patient")
def test_the_extension_learns_of_the_invocation_first(stage: Stage) -> None:
    """The extension waits for the begin and the end."""
    stage.handle("a")  # From here on the extension has patience.
    stage.arrive("a")
    stage.take()
    stage.arrive("b")
    stage.handle("b")
    stage.take()
    assert stage.events == ["extension exports"] * 2


@pytest.mark.usefixtures("hasty")
def test_the_handler_begins_first(stage: Stage) -> None:
    """The extension waits for the end alone."""
    begun = stage.begin("a")
    stage.arrive("a")
    assert stage.events == []
    stage.end(begun, Context())
    stage.take()
    assert stage.events == ["extension exports"]


def test_the_handler_has_ended_before_the_extension_learns_of_it(stage: Stage) -> None:
    """The extension has nothing to wait for."""
    stage.handle("a")
    assert stage.events == []
    stage.arrive("a")
    stage.take()
    assert stage.events == ["extension exports"]


def test_a_handler_that_never_begins_is_not_waited_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first one costs a grace, those that follow nothing, until one has begun."""
    rests: list[float] = []

    class Recording(Handover):
        def rest(self, seconds: float) -> None:
            rests.append(seconds)

    monkeypatch.setattr(asynchronous, "Handover", Recording)
    with closing(Stage()) as stage:
        for request_id in "abc":
            stage.arrive(request_id)
            stage.take()
        assert rests == [asynchronous.BEGIN_GRACE, 0.0, 0.0]
        assert stage.events == ["extension exports"] * 3
        stage.begin("d")
        stage.arrive("d", 0)
        stage.take()
        assert rests[3:] == [asynchronous.BEGIN_GRACE]


def test_a_handler_that_begins_after_the_grace_exports_by_itself(stage: Stage) -> None:
    """The extension has let go of the invocation; the next one is waited for again."""
    stage.arrive("a")
    stage.take()
    stage.handle("a")
    assert stage.events == ["extension exports", "handler exports"]
    stage.arrive("b")
    stage.handle("b")
    stage.take()
    assert stage.events[2:] == ["extension exports"]


@pytest.mark.usefixtures("hasty")
def test_a_handler_that_begins_late_is_rested_for_in_the_next_invocation(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the one before has left behind does not have the extension read the event early."""
    stage.arrive("a")
    stage.take()
    monkeypatch.setattr(asynchronous, "BEGIN_GRACE", FOREVER)
    stage.handle("a")
    stage.arrive("b")
    # Were the extension not to rest, it would be done with the invocation in this time.
    with pytest.raises(AssertionError):
        until(lambda: len(stage.events) > 2, 0.1)
    stage.handle("b")
    stage.take()
    assert stage.events == ["extension exports", "handler exports", "extension exports"]


@pytest.mark.usefixtures("hasty")
def test_a_retry_under_the_same_request_id(stage: Stage) -> None:
    """When the extension has read its event, the second run is waited for like the first."""
    for _ in range(3):
        begun = stage.begin("a")
        stage.arrive("a")
        until_read(begun)
        stage.end(begun, Context())
        stage.take()
    assert stage.events == ["extension exports"] * 3


def test_a_retry_that_the_handler_learns_of_first(stage: Stage) -> None:
    """The handler cannot tell that the extension will hear of it again, and exports by itself."""
    stage.handle("a")
    stage.arrive("a")
    stage.take()
    stage.handle("a")
    stage.arrive("a")
    stage.take()
    assert stage.events == ["extension exports", "handler exports", "extension exports"]


@pytest.mark.parametrize("context", [Context(), Unreferable(), None])
def test_a_context_object_that_shows_nothing(stage: Stage, context: Any) -> None:
    """If nothing shows that the response has left, a grace bounds the wait."""
    stage.arrive("a")
    stage.end(stage.begin("a"), context)
    stage.take()
    assert stage.events == ["extension exports"]


def test_a_released_context_object_ends_the_wait(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The response has left when the platform's runtime lets go of it; no grace is spent."""
    monkeypatch.setattr(asynchronous, "RESPONSE_GRACE", FOREVER)
    context = Context()
    stage.end(stage.begin("a"), context)
    stage.arrive("a")
    assert stage.events == []
    del context
    stage.take()
    assert stage.events == ["extension exports"]


def test_a_context_object_of_a_reference_cycle(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Garbage collection in any thread may release the context; that is no invocation's end."""
    monkeypatch.setattr(asynchronous, "RESPONSE_GRACE", 0.0)
    context = Context()
    context.itself = context  # type: ignore[attr-defined]
    begun = stage.begin("a")
    stage.end(begun, context)
    del context
    stage.arrive("a")
    stage.take()
    monkeypatch.setattr(asynchronous, "BEGIN_GRACE", 0.0)
    next_begun = stage.begin("b")
    stage.arrive("b")
    until_read(next_begun)
    gc.collect()
    assert begun.responded
    assert stage.events == ["extension exports"]
    stage.end(next_begun, Context())
    stage.take()


@pytest.mark.usefixtures("hasty")
def test_a_response_that_takes_its_time(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the context object shows that the response has not left, nothing is exported."""
    monkeypatch.setattr(asynchronous, "RESPONSE_GRACE", FOREVER)
    begun, context = stage.begin("a"), Context()
    stage.arrive("a")
    until_read(begun)
    stage.end(begun, context)
    stage.events.append("answered")
    del context
    stage.take()
    assert stage.events == ["answered", "extension exports"]


def test_a_response_that_takes_too_long(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the deadline the export comes first, for after it there is none."""
    monkeypatch.setattr(asynchronous, "RESPONSE_GRACE", FOREVER)
    context = Context()
    stage.end(stage.begin("a"), context)
    deadline = time.time() + 0.3
    stage.arrive("a", int(deadline * 1000))
    stage.take()
    assert stage.events == ["extension exports"]


@pytest.mark.usefixtures("hasty")
def test_a_deadline_ends_the_wait_for_the_end(stage: Stage) -> None:
    """A handler that never ends does not hold the extension beyond the deadline."""
    begun = stage.begin("a")
    stage.arrive("a", int((time.time() + 0.05) * 1000))
    stage.take()
    assert stage.events == ["extension exports"]
    stage.end(begun, Context())
    assert stage.events == ["extension exports", "handler exports"]


@pytest.mark.usefixtures("patient")
def test_a_quick_handler_has_the_processor_to_itself_until_its_response_has_left(
    stage: Stage,
) -> None:
    """The extension does not even read what has arrived before."""
    begun, context = stage.begin("a"), Context()
    stage.arrive("a")
    stage.end(begun, context)
    # Were the extension woken by the end, it would read the event in this time.
    with pytest.raises(AssertionError):
        until_read(begun, 0.1)

    del context
    stage.take()
    assert begun.is_read
    assert stage.events == ["extension exports"]


@pytest.mark.usefixtures("patient")
def test_what_is_said_of_one_invocation_does_not_wake_the_extension_in_the_next(
    stage: Stage,
) -> None:
    """A begin, an end and the sign of the response are more than it takes."""
    first = stage.begin("a")
    stage.arrive("a")
    stage.end(first, Context())
    stage.take()
    first.wake()
    second = stage.begin("b")
    stage.arrive("b")
    first.wake()
    with pytest.raises(AssertionError):
        until_read(second, 0.1)
    stage.end(second, Context())
    stage.take()
    assert stage.events == ["extension exports"] * 2


@pytest.mark.parametrize("context", [Unreferable(), None])
@pytest.mark.usefixtures("patient")
def test_the_end_wakes_the_extension_if_nothing_else_will(context: Any, stage: Stage) -> None:
    """The context object cannot show that the response has left."""
    begun = stage.begin("a")
    stage.arrive("a")
    stage.end(begun, context)
    stage.take()
    assert stage.events == ["extension exports"]


def test_a_function_that_keeps_its_context_objects_is_waited_for_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first time all graces pass; from then on the end wakes the extension, and few do."""
    kept = [Context(), Context()]
    for request_id, context in zip("ab", kept, strict=True):
        begun = stage.begin(request_id)
        stage.arrive(request_id)
        stage.end(begun, context)
        stage.take()
        monkeypatch.setattr(asynchronous, "BEGIN_GRACE", FOREVER)
        monkeypatch.setattr(asynchronous, "RESPONSE_GRACE", FOREVER)
    assert stage.events == ["extension exports"] * 2


@pytest.mark.usefixtures("patient")
def test_a_function_that_keeps_its_context_objects_no_more(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once the release was noticed, the end alone does not wake the extension any more."""
    monkeypatch.setattr(asynchronous, "RESPONSE_GRACE", 0.0)
    kept = Context()
    stage.end(stage.begin("a"), kept)
    stage.send(Invoke("a", None))
    stage.take()
    stage.handle("b")
    stage.arrive("b")
    stage.take()

    begun, context = stage.begin("c"), Context()
    stage.arrive("c")
    stage.end(begun, context)
    with pytest.raises(AssertionError):
        until_read(begun, 0.1)
    del context
    stage.take()
    assert stage.events == ["extension exports"] * 3


def test_disconnected_and_reconnected(stage: Stage) -> None:
    """Without the API the handler's thread exports; what was handed over is exported too."""
    stage.handle("a")
    stage.send(Signal.DISCONNECTED)
    stage.take()
    assert stage.events == ["extension exports"]
    stage.handle("b")
    assert stage.events[1:] == ["handler exports"]
    stage.send(Signal.ARRIVED, Signal.RECONNECTED, Invoke("b", None))
    stage.take()
    assert stage.events[2:] == ["extension exports"]
    stage.handle("c")
    stage.arrive("c")
    stage.take()
    assert stage.events[3:] == ["extension exports"]


@pytest.mark.usefixtures("patient")
def test_reconnected_amid_an_invocation(stage: Stage) -> None:
    """The extension waits for the end of an invocation that it was told of too late."""
    begun = stage.begin("a")
    stage.send(Signal.DISCONNECTED)
    stage.take()
    stage.send(Signal.RECONNECTED, Invoke("a", None))
    until_read(begun)
    stage.end(begun, Context())
    stage.take()
    assert stage.events == ["extension exports"] * 2
    # The next one is rested for again.
    stage.arrive("b")
    stage.handle("b")
    stage.take()
    assert stage.events[2:] == ["extension exports"]


def test_no_request_id(stage: Stage) -> None:
    """Without a request id there is nothing to match, and the handler's thread exports."""
    stage.handle(None)
    assert stage.events == ["handler exports"]


@pytest.mark.usefixtures("patient")
def test_a_handler_within_another_exports_by_itself(stage: Stage) -> None:
    """The extension waits for the outer one all the same."""
    outer = stage.begin("a")
    stage.handle("another")
    assert stage.events == ["handler exports"]
    stage.arrive("a")
    stage.end(outer, Context())
    stage.take()
    assert stage.events[1:] == ["extension exports"]


@pytest.mark.usefixtures("hasty")
def test_a_handler_whose_request_id_is_not_the_platforms_exports_by_itself(stage: Stage) -> None:
    """The extension never hears of it; nobody else would export its spans."""
    begun = stage.begin("made up")
    stage.arrive("a")
    stage.take()
    stage.end(begun, Context())
    assert stage.events == ["extension exports", "handler exports"]


def test_whatever_fails_the_next_event_is_taken(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """What goes wrong is one log line, and the extension goes on."""
    stage.begin("a")
    stage.send(Invoke("a", "soon"))  # type: ignore[arg-type]
    stage.take()
    assert [(one.levelno, one.name) for one in caplog.records] == [
        (logging.ERROR, "lambda_otel_lite.extension")
    ]
    stage.send(Invoke("b", None))
    stage.take()
    assert stage.events == ["extension exports"]


@pytest.mark.parametrize("failure", [SystemExit, KeyboardInterrupt, MemoryError])
def test_an_exporter_that_ends_its_thread_does_not_end_this_one(
    failure: type[BaseException], stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(provider: object) -> None:
        raise failure

    with monkeypatch.context() as patched:
        patched.setattr(asynchronous, "flush", fail)
        stage.arrive("a")
        stage.handle("a")
        stage.take()
    stage.arrive("b")
    stage.handle("b")
    stage.take()
    assert stage.events == ["extension exports"]


def test_the_handlers_thread_exports_once_nobody_follows_any_more() -> None:
    stage = Stage()
    stage.handle("a")
    stage.close()
    stage.handle("b")
    assert stage.events == ["extension exports", "handler exports"]


def test_whoever_follows_anew_is_handed_invocations_again() -> None:
    stage = Stage()
    stage.close()
    handed_over: list[bool] = []

    def events() -> Iterator[Invoke | Signal]:
        handed_over.append(stage.export.end(stage.begin("a"), Context()))
        yield Signal.ARRIVED

    stage.export.follow(events())
    assert handed_over == [True]


def test_many_invocations_in_every_order(stage: Stage) -> None:
    """Each invocation is exported once by the extension, whoever learns of it first."""
    for number in range(200):
        if number % 3:
            stage.arrive(str(number))
        stage.handle(str(number))
        if not number % 3:
            stage.arrive(str(number))
        stage.take()
    assert stage.events == ["extension exports"] * 200
