"""What the checks are given: what is known of each function, layer, log group and stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from constructs import IConstruct


class Layer(Protocol):
    """A telemetry layer, which has these as `TelemetryLayer` has them."""

    @property
    def python(self) -> str:
        """The Python version that it is for; empty if it is published."""

    @property
    def package_for(self) -> str | None:
        """The architecture whose exporter package it holds, None if it holds none."""

    @property
    def compiled(self) -> bool:
        """Whether it holds byte code, or is published."""

    @property
    def is_deployed(self) -> bool:
        """Whether it is deployed with the stack, rather than published already."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of something that is checked.

    Args:
        construct: The construct that a warning is attached to, None where there is no app.
        path: The construct path that a message names.
    """

    construct: IConstruct | None = None
    path: str


@dataclass(frozen=True, kw_only=True)
class FunctionFacts(Facts):
    """What is known of an instrumented function.

    Args:
        properties: Its properties, as `as_given` names them.
        layer: The telemetry layer that it was given.
        mode: The processing mode that was asked for, None where none was.
        undone: What of the instrumentation the template does not have, and by whom; empty if it has
            all of it.
        size: Size of its code and layers as far as they are known, unzipped, in bytes.
        has_version: Whether the app publishes a version of it.
        opentelemetry: Versions of OpenTelemetry's core distributions in its code and in each of its
            layers, in the order in which Python looks, as far as they are known.
        leave_out: How it can be left out.
    """

    properties: Mapping[str, Any]
    layer: Layer
    mode: str | None
    undone: str
    size: int
    has_version: bool
    opentelemetry: Sequence[Mapping[str, str]] = ()
    leave_out: str = "Telemetry.of(…).opt_out(…)"


@dataclass(frozen=True, kw_only=True)
class LayerFacts(Facts):
    """What is known of a telemetry layer that is deployed.

    Args:
        layer: The layer.
    """

    layer: Layer


@dataclass(frozen=True, kw_only=True)
class LogGroupFacts(Facts):
    """What is known of a log group whose log records are forwarded; its filter is the construct.

    Args:
        name: The log group's construct path, or its name if it is not of this app.
        filters: How many subscription filters it has.
        quota: How many it may have.
        properties: Its own properties, none if it is not of this app.
    """

    name: str
    filters: int
    quota: int
    properties: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class StageFacts(Facts):
    """What is known of a stage in an app or stage.

    Args:
        asked: Whether its functions are to be instrumented.
        reached: Whether they can be: aspects end at stages, so that each needs its own.
    """

    asked: bool
    reached: bool
