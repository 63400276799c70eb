"""The platform's state machine: who may call what, and when an invocation has ended.

Source of the rules: Lambda developer guide, "Runtime API", "Extensions API" and "Lambda execution
environment lifecycle"; the refusals were compared with those of the official emulator.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

#: Longest wait for what must happen, in s; reached only by a test that fails.
PATIENCE = 30.0


class RefusedError(Exception):
    """The platform refuses a call."""

    def __init__(self, status: int, error_type: str) -> None:
        super().__init__(error_type)
        self.status = status
        self.error_type = error_type


class DroppedError(Exception):
    """The platform closes the connection without an answer."""


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one call of ``/event/next``.

    Attributes:
        status: The call is refused with this status and changes nothing.
        breaks: The call waits for an invocation like any other, but then the connection breaks; the
            extension never learns of the invocation.
        late: It breaks when the function has answered, not before.
        body: What is answered in place of an event.
    """

    status: int | None = None
    breaks: bool = False
    late: bool = False
    body: bytes | None = None


@dataclass
class Invocation:
    """One invocation as the platform sees it; the headers are those that it adds to its own."""

    request_id: str
    event: Any
    deadline_ms: int
    first_line: int
    headers: Mapping[str, str] = field(default_factory=dict)
    taken: bool = False
    answered: bool = False
    response: Any = None
    error: Any = None
    outcome: str = ""
    lines_when_answered: int = 0
    last_line: int = 0


@dataclass
class Extension:
    """One registered extension."""

    name: str
    invoked: bool
    waiting: bool = False
    seen: Invocation | None = None


@dataclass
class State:
    """Follows one execution environment.

    Attributes:
        count_lines: Returns how many lines the function has written up to now.
        workers: How many runtime processes serve invocations side by side.
        refuses_registration: Every registration is refused.
        taken_names: Names of extensions that are there already.
        next_times: When ``/event/next`` was called.
    """

    count_lines: Callable[[], int]
    workers: int = 1
    refuses_registration: bool = False
    taken_names: set[str] = field(default_factory=set)
    changed: threading.Condition = field(default_factory=threading.Condition)
    calls: Counter[str] = field(default_factory=Counter)
    next_times: list[float] = field(default_factory=list)
    faults: deque[Fault] = field(default_factory=deque)
    extensions: dict[str, Extension] = field(default_factory=dict)
    current: Invocation | None = None
    initialized: bool = False
    init_error: Any = None
    exited: int | None = None
    waiting_runtimes: int = 0
    restored: bool = False

    # What the function calls

    def register(self, name: str, events: list[str]) -> str:
        """Let an internal extension register."""
        with self.changed:
            self.calls["register"] += 1
            if self.initialized:
                raise RefusedError(403, "Extension.InvalidExtensionState")
            if "SHUTDOWN" in events:
                raise RefusedError(403, "Extension.ShutdownEventNotSupportedForInternal")
            if self.refuses_registration or name in self.taken_names:
                raise RefusedError(403, "Extension.AlreadyRegistered")
            self.taken_names.add(name)
            identifier = f"extension-{len(self.extensions)}"
            self.extensions[identifier] = Extension(name, "INVOKE" in events)
            return identifier

    def extension_next(self, identifier: str) -> Invocation | bytes:
        """Hold an extension's call until there is an invocation for it."""
        with self.changed:
            self.calls["event/next"] += 1
            self.next_times.append(time.monotonic())
            self.changed.notify_all()
            extension = self.extensions.get(identifier)
            if extension is None:
                raise RefusedError(403, "Extension.UnknownExtensionIdentifier")
            if extension.waiting:
                raise RefusedError(403, "Extension.InvalidExtensionState")
            fault = self.faults.popleft() if self.faults else Fault()
            if fault.status is not None:
                raise RefusedError(fault.status, "Platform.Fault")
            if fault.body is not None:
                return fault.body
            extension.waiting = True
            self._advance()
            self._wait(lambda: extension.invoked and self.current not in (None, extension.seen))
            extension.waiting = False
            extension.seen = invocation = self.current
            if fault.late:
                self._wait(lambda: invocation is not None and invocation.answered)
            if fault.breaks:
                raise DroppedError
            if invocation is None:
                raise DroppedError
            return invocation

    def runtime_next(self) -> Invocation:
        """Hold the runtime's call until there is an invocation for it."""
        with self.changed:
            self.calls["runtime/next"] += 1
            if self.waiting_runtimes == self.workers:
                raise RefusedError(403, "InvalidStateTransition")
            current = self.current
            if self.workers == 1 and current is not None and not current.answered:
                raise RefusedError(403, "InvalidStateTransition")
            self.waiting_runtimes += 1
            self._advance()
            self._wait(lambda: self.current is not None and not self.current.taken)
            invocation = self.current
            if invocation is None:
                raise DroppedError
            invocation.taken = True
            self.waiting_runtimes -= 1
            return invocation

    def restore_next(self) -> None:
        """Take the snapshot once all have come to rest, and restore it at once."""
        with self.changed:
            self.calls["restore/next"] += 1
            self._wait(lambda: all(one.waiting for one in self.extensions.values()))
            self.restored = True

    def answer(self, request_id: str, *, response: Any = None, error: Any = None) -> None:
        """Take the function's answer."""
        lines = self.count_lines()
        with self.changed:
            invocation = self.current
            if invocation is None or invocation.request_id != request_id or invocation.answered:
                raise RefusedError(400, "InvalidRequestID")
            invocation.answered = True
            invocation.response, invocation.error = response, error
            invocation.lines_when_answered = lines
            self.changed.notify_all()

    def fail_init(self, error: Any) -> None:
        """Take the report of a failed init."""
        with self.changed:
            self.init_error = error
            self.changed.notify_all()

    # What the platform does

    def wait_until(self, happened: Callable[[], bool], what: str) -> None:
        """Wait for something; the function's end ends every wait."""
        with self.changed:
            if not self.changed.wait_for(lambda: happened() or self.exited is not None, PATIENCE):
                raise AssertionError(f"{what} did not happen: {self}")
            if not happened():
                raise AssertionError(f"{what} did not happen: the function exited: {self}")

    def is_idle(self) -> bool:
        """Say whether init has completed and no invocation is under way."""
        return self.initialized and self.current is None

    def invoke(self, invocation: Invocation) -> None:
        """Hand out an invocation."""
        with self.changed:
            self.current = invocation
            self.changed.notify_all()

    def note_exit(self, code: int) -> None:
        """Note that the function's process has ended."""
        with self.changed:
            self.exited = code
            if self.current is not None:
                self._end(self.current, "exited")
            self.changed.notify_all()

    def time_out(self, invocation: Invocation) -> None:
        """End an invocation that has reached its deadline."""
        with self.changed:
            if not invocation.outcome:
                self._end(invocation, "timed out")

    def _end(self, invocation: Invocation, outcome: str) -> None:
        invocation.outcome = outcome
        invocation.last_line = self.count_lines()
        self.current = None
        self.changed.notify_all()

    def _advance(self) -> None:
        """End the init or the invocation when runtime and extensions have all asked for more."""
        at_rest = self.waiting_runtimes == self.workers and all(
            one.waiting and (self.current is None or not one.invoked or one.seen is self.current)
            for one in self.extensions.values()
        )
        if at_rest:
            self.initialized = True
            if self.current is not None and self.current.answered:
                self._end(self.current, "ended")
        self.changed.notify_all()

    def _wait(self, happened: Callable[[], bool]) -> None:
        self.changed.wait_for(lambda: happened() or self.exited is not None)
        if not happened():
            raise DroppedError
