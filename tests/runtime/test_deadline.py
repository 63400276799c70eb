"""The watch over deadlines, with its real thread."""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

import pytest

from lambda_otel_lite.lifecycle import deadline
from lambda_otel_lite.lifecycle.deadline import DeadlineWatch
from lambda_otel_lite.startup.threads import start_thread


def _watch(margin_ms: int = 100) -> tuple[DeadlineWatch[str], SimpleQueue[str]]:
    rung: SimpleQueue[str] = SimpleQueue()
    return DeadlineWatch(margin_ms, rung.put), rung


def _is_silent(rung: "SimpleQueue[str]", seconds: float) -> bool:
    try:
        rung.get(timeout=seconds)
    except Empty:
        return True
    return False


def test_calls_back_before_the_deadline() -> None:
    """The margin is kept, with what was armed."""
    watch, rung = _watch()
    armed = time.time()
    watch.arm(300, "a")
    assert rung.get(timeout=10) == "a"
    assert time.time() - armed >= 0.2


def test_a_disarmed_deadline_passes_unnoticed() -> None:
    """The thread sleeps through it, and serves the next one."""
    watch, rung = _watch()
    watch.arm(150, "a")
    watch.disarm()
    assert _is_silent(rung, 0.1)
    watch.arm(150, "b")
    assert rung.get(timeout=10) == "b"


def test_a_later_deadline_takes_the_place_of_a_sooner_one() -> None:
    """The thread wakes for the first, sees the second and sleeps on."""
    watch, rung = _watch()
    watch.arm(150, "a")
    watch.arm(300, "b")
    assert rung.get(timeout=10) == "b"
    assert rung.empty()


def test_a_sooner_deadline_wakes_the_thread() -> None:
    """A function whose timeout was longer before is called in time."""
    watch, rung = _watch()
    watch.arm(3_600_000, "a")
    watch.arm(150, "b")
    assert rung.get(timeout=10) == "b"


def test_a_deadline_that_has_passed_is_called_at_once() -> None:
    """Also where less time is left than the margin."""
    watch, rung = _watch()
    watch.arm(0, "a")
    assert rung.get(timeout=10) == "a"


class _Recorded:
    """A queue that tells when somebody goes to sleep on it, and counts how often one is woken."""

    def __init__(self) -> None:
        self.asleep = threading.Semaphore(0)
        self.woken = 0
        self._queue: SimpleQueue[None] = SimpleQueue()

    def get(self, timeout: float | None = None) -> None:
        """Wait as any queue does."""
        self.asleep.release()
        self._queue.get(timeout=timeout)

    def put(self, item: None) -> None:
        """Wake as any queue does."""
        self.woken += 1
        self._queue.put(item)


def test_invocations_that_end_in_time_never_wake_the_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A wake-up takes the interpreter's lock and a processor's time from the handler."""
    recorded = _Recorded()
    started: list[Callable[[], object]] = []
    with monkeypatch.context() as patched:
        patched.setattr(deadline, "SimpleQueue", lambda: recorded)
        patched.setattr(deadline, "start_thread", started.append)
        watch, rung = _watch()
        watch.arm(60_000, "over before the thread has its turn")
    watch.disarm()
    start_thread(started[0])
    # It has been woken once by the alarm that was set before it began.
    assert recorded.asleep.acquire(timeout=10)
    assert recorded.asleep.acquire(timeout=10)
    woken = recorded.woken

    for number in range(100):
        watch.arm(60_000, str(number))
        watch.disarm()

    assert recorded.woken == woken
    watch.arm(150, "soon")
    assert rung.get(timeout=10) == "soon"


@pytest.mark.parametrize("margin_ms", [0, 100])
def test_hazard_06_one_thread_at_most(margin_ms: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a margin none is started, with one a single one."""
    started: list[object] = []
    monkeypatch.setattr(deadline, "start_thread", started.append)
    watch, _ = _watch(margin_ms)
    for _ in range(5):
        watch.arm(3_600_000, "a")
        watch.disarm()
    assert len(started) == (1 if margin_ms else 0)


def test_a_function_without_a_thread_to_spare_runs_unwatched(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The handler is not stopped, and the next invocation tries again."""

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    watch, rung = _watch()
    with monkeypatch.context() as patched:
        patched.setattr(deadline, "start_thread", refuse)
        watch.arm(150, "a")
    assert "can't start new thread" in caplog.text
    watch.arm(150, "b")
    assert rung.get(timeout=10) == "b"


@pytest.mark.parametrize("failure", [RuntimeError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_the_next_deadline_is_watched_whatever_the_one_before_it_raises(
    failure: type[BaseException], caplog: pytest.LogCaptureFixture
) -> None:
    """A user's span processor or log handler may do anything at the end of a span."""
    rung: SimpleQueue[str] = SimpleQueue()

    def fail(subject: str) -> None:
        rung.put(subject)
        raise failure(subject)

    watch = DeadlineWatch(100, fail)
    for subject in ("a", "b"):
        watch.arm(0, subject)
        assert rung.get(timeout=10) == subject
    assert "telemetry failed at a deadline" in caplog.text


@pytest.mark.parametrize("remaining_ms", [1e300, float("inf")])
def test_a_deadline_beyond_all_measure_is_watched_like_the_longest(remaining_ms: float) -> None:
    """Somebody else's context object may say anything; the thread survives it."""
    watch, rung = _watch()
    watch.arm(remaining_ms, "a")
    watch.arm(150, "b")
    assert rung.get(timeout=10) == "b"
