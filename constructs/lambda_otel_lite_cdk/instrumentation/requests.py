"""Keep what is asked for the functions of an app, each request under its own rank."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from aws_cdk import Aspects, Tag

from lambda_otel_lite_cdk.functions.eligibility import OPT_OUT_TAG, is_in_rollout
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aws_cdk import aws_lambda as lambda_
    from constructs import IConstruct

    from lambda_otel_lite_cdk.forwarding.subscription import Forwarding


class Door(IntEnum):
    """Where a request came from; of two settings, that of the higher door holds."""

    SCOPE = 0
    INJECTOR = 1
    MIXIN = 2
    FUNCTION = 3


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked for a function, or for all functions in a scope.

    Args:
        door: Where it came from.
        settings: How the telemetry behaves.
        forwarding: Where log records are sent, or None to leave them in the log group.
        rollout: Percent of the functions that it is for; only for scopes.
        unless: Returns a reason for functions that it is not for, else None; only for scopes.
    """

    door: Door
    settings: TelemetrySettings = field(default_factory=TelemetrySettings)
    forwarding: Forwarding | None = None
    rollout: float = 100
    unless: Callable[[lambda_.Function], str | None] = lambda _: None


class Requests:
    """Hold the requests of an app or stage, by construct path.

    Args:
        outer: The requests of the app or stage around it.
    """

    def __init__(self, outer: Requests | None) -> None:
        self._outer = outer
        self._asked: dict[str, list[Request]] = {}
        self._opt_outs: dict[str, str] = {}
        self._aspects: dict[str, _Aspects] = {}
        self._acknowledged: dict[str, dict[str, str]] = {}

    def ask(self, path: str, request: Request) -> None:
        """Note what is wanted for the function or the scope of a path."""
        self._asked.setdefault(path, []).append(request)

    def opt_out(self, path: str, reason: str) -> None:
        """Note that all functions at and under a path are to be left alone."""
        self._opt_outs[path] = reason

    def acknowledge(self, path: str, check: str, reason: str) -> None:
        """Note that what a check finds at and under a path is known and accepted."""
        self._acknowledged.setdefault(path, {})[check] = reason

    def of(self, path: str) -> list[Request]:
        """Return what is asked for a function; what holds over the others comes last."""
        outer = self._outer.of(path) if self._outer else []
        near = [one for above in from_the_top(path) for one in self._asked.get(above, [])]
        return [*outer, *sorted(near, key=lambda request: request.door)]

    def acknowledged(self, path: str) -> dict[str, str]:
        """Return the checks that are acknowledged for a construct, with the reasons."""
        found = self._outer.acknowledged(path) if self._outer else {}
        for above in from_the_top(path):
            found = {**found, **self._acknowledged.get(above, {})}
        return found

    def opted_out(self, path: str) -> str | None:
        """Return why the functions at a path are to be left alone, or None."""
        for above in reversed(list(from_the_top(path))):
            if above in self._opt_outs:
                return f"opted out at {above or 'the app'}: {self._opt_outs[above]}"
        return self._outer.opted_out(path) if self._outer else None

    def tagged_off(self, path: str, function: lambda_.Function) -> str | None:
        """Return where a function is tagged to be left alone, or None; the nearest tag decides."""
        above = list(from_the_top(path))
        if above[-2] in self._aspects:
            # Its neighbours have been asked about the scopes that they share.
            self._aspects[path] = _aspects_of(function)
        else:
            for one, scope in zip(above, function.node.scopes, strict=True):
                self._aspects[one] = _aspects_of(scope)
        for one in reversed(above):
            if (value := self._aspects[one].tag) is not None:
                return f"tagged {OPT_OUT_TAG}={value} at {one}" if value == "off" else None
        return None

    def may_change(self, path: str) -> bool:
        """Tell whether an aspect comes by a function, which may change it later.

        Args:
            path: The function's; `tagged_off` was asked about it.
        """
        return any(self._aspects[one].others for one in from_the_top(path))


@dataclass(frozen=True)
class _Aspects:
    """What the aspects of a scope mean for the functions in it."""

    tag: str | None
    others: bool


def _aspects_of(scope: IConstruct) -> _Aspects:
    # Tags are aspects themselves, and may be applied after this one.
    every = Aspects.of(scope).all
    tags = [one for one in every if isinstance(one, Tag)]
    values = [tag.value for tag in tags if tag.key == OPT_OUT_TAG]
    return _Aspects(values[-1] if values else None, others=len(tags) < len(every))


def left_out(function: lambda_.Function, requests: list[Request]) -> str | None:
    """Return why the nearest request leaves a function out, None where it does not."""
    reason = requests[-1].unless(function)
    return f"left out by a predicate: {reason}" if reason else None


def waits(path: str, requests: list[Request]) -> str | None:
    """Return why a function's turn in the rollout has not come, None where it has.

    What is asked for a function by name is no matter of rollout, and of scopes the nearest decides.
    """
    nearest = requests[-1]
    if is_in_rollout(path, nearest.rollout):
        return None
    return f"not among the first {nearest.rollout:g} % of the functions"


def from_the_top(path: str) -> Iterator[str]:
    """Yield the paths of the app, of what is in it, and so on down to the given one."""
    yield ""
    parts = path.split("/") if path else []
    for end in range(1, len(parts) + 1):
        yield "/".join(parts[:end])
