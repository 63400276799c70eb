"""Keep what an app asks for its functions, until it is synthesized."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from lambda_otel_lite_cdk.functions.reasons import Explanation, Reason
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aws_cdk import aws_lambda as lambda_

    from lambda_otel_lite_cdk.forwarding.subscription import Forwarding


class EntryPoint(IntEnum):
    """Where a request came from; of two settings, that of the higher entry point holds."""

    SCOPE = 0
    INJECTOR = 1
    MIXIN = 2
    FUNCTION = 3


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for a function, or for all functions in a scope.

    Args:
        entry_point: Where it came from.
        settings: How the telemetry behaves.
        forwarding: Where log records are sent, or None to leave them in the log group.
        rollout: Percent of the functions that it is for; only for scopes.
        unless: Returns why a function is to be left out, None if it is not; only for scopes.
    """

    entry_point: EntryPoint
    settings: TelemetrySettings = field(default_factory=TelemetrySettings)
    forwarding: Forwarding | None = None
    rollout: float = 100
    unless: Callable[[lambda_.Function], str | None] = lambda _: None

    @property
    def is_for_one(self) -> bool:
        """Whether it is for one function, and not for all that are made in a scope."""
        return self.entry_point >= EntryPoint.MIXIN


class Requests:
    """Keep the requests of an app or stage, by construct path.

    Neither the order nor the number of calls makes a difference to what is read.

    Args:
        path: Construct path of the app or stage.
        outer: The requests of the app or stage around it.
    """

    def __init__(self, path: str, outer: Requests | None) -> None:
        self._outer = outer
        self._asked: dict[str, list[Request]] = {}
        self._opt_outs: dict[str, str] = {}
        self._acknowledged: dict[str, dict[str, str]] = {}
        self._stages: set[str] = set()
        self.note_stage(path)

    def ask(self, path: str, request: Request) -> None:
        """Note what is wanted for the function or the scope at a path."""
        self._asked.setdefault(path, []).append(request)

    def opt_out(self, path: str, reason: str) -> None:
        """Note that all functions at and under a path are to be left alone."""
        self._opt_outs[path] = reason

    def acknowledge(self, path: str, check: str, reason: str) -> None:
        """Note that what a check finds at and under a path is known and accepted."""
        self._acknowledged.setdefault(path, {})[check] = reason

    def note_stage(self, path: str) -> None:
        """Note that the stage at a path has requests of its own, which ask these."""
        self._stages.add(path)
        if self._outer:
            self._outer.note_stage(path)

    def of(self, path: str) -> tuple[Request, ...]:
        """Return what is asked for a function; what holds over the others comes last."""
        outer = self._outer.of(path) if self._outer else ()
        near = [one for above in from_the_top(path) for one in self._asked.get(above, [])]
        return (*outer, *sorted(near, key=lambda request: request.entry_point))

    def opted_out(self, path: str) -> Explanation | None:
        """Return why a function is opted out, or None; the nearest scope gives the reason."""
        for above in reversed(list(from_the_top(path))):
            if above in self._opt_outs:
                scope = above or "the app"
                return Reason.OPTED_OUT.because(scope=scope, why=self._opt_outs[above])
        return self._outer.opted_out(path) if self._outer else None

    def acknowledged(self, path: str) -> dict[str, str]:
        """Return the checks that are acknowledged for a construct, by id, with the reasons."""
        found = self._outer.acknowledged(path) if self._outer else {}
        for above in from_the_top(path):
            found = {**found, **self._acknowledged.get(above, {})}
        return found

    def reaches(self, stage: str) -> bool:
        """Tell whether a stage has requests of its own; without them, these do not reach it.

        Args:
            stage: Construct path of the stage.
        """
        return stage in self._stages


def from_the_top(path: str) -> Iterator[str]:
    """Yield the paths of the app, of what is in it, and so on down to the given one."""
    yield ""
    parts = path.split("/") if path else []
    for end in range(1, len(parts) + 1):
        yield "/".join(parts[:end])
