"""Say how a function's telemetry behaves, and check it before anything is deployed."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Literal, TypeGuard, get_args

from lambda_otel_lite_cdk import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

#: When spans leave the function. Source: the runtime's specification, "Processing Modes".
ProcessorMode = Literal["sync", "async", "finalize"]

_MODES: tuple[str, ...] = get_args(ProcessorMode)
#: Largest queue or batch that the runtime accepts.
_MOST_SPANS = 1_000_000
#: The runtime's own default. Source: its specification, "Processing Configuration".
_DEFAULT_QUEUE_SIZE = 2048


class SettingsError(ValueError):
    """A telemetry setting is out of range; the message names construct, value, range and fix."""


@dataclass(frozen=True)
class TelemetrySettings:
    """Hold the telemetry settings of a function or of a whole fleet.

    A field that is not set leaves its environment variable unset, so that the runtime's default
    holds. Values are checked when the settings are constructed. What is wrong is raised, all of it
    at once, where the settings are used: only there is the construct known that has to be named.

    Args:
        mode: When spans leave the function: ``"sync"`` in the handler's thread before the response,
            ``"async"`` after the response, ``"finalize"`` only at shutdown. Default ``"sync"``.
        queue_size: Ended spans kept until they leave, 1 to 1,000,000; more are dropped and counted.
            Default 2048 spans.
        batch_size: Spans in one record at most, 1 to 1,000,000 and not above ``queue_size``.
            Default 512 spans.
        compression_level: Gzip level of a record, 0 (none) to 9 (smallest). Default 6.
        service_name: The service that the spans belong to. Default: the function's name.

    Source of names and defaults: the runtime's specification, "Environment Variables".
    """

    _: KW_ONLY
    mode: ProcessorMode | None = None
    queue_size: int | None = None
    batch_size: int | None = None
    compression_level: int | None = None
    service_name: str | None = None

    def __post_init__(self) -> None:
        # Kept outside the fields: what is wrong with two equal settings is equal too.
        object.__setattr__(self, "_problems", tuple(self._find_problems()))

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with these settings, one sentence each with value, range and fix."""
        problems: tuple[str, ...] = vars(self)["_problems"]
        return problems

    def check(self, where: str) -> None:
        """Raise what is wrong with these settings.

        Args:
            where: The construct that uses the settings, such as ``Shop/Orders``.

        Raises:
            SettingsError: A value is out of range; the message names every such value.
        """
        if self.problems:
            raise SettingsError(f"{where}: " + " ".join(self.problems))

    def environment(self) -> dict[str, str]:
        """Return the environment variables that carry these settings to the runtime.

        Raises:
            SettingsError: A value is out of range.
        """
        self.check("TelemetrySettings")
        values = {
            environment.PROCESSOR_MODE: self.mode,
            environment.QUEUE_SIZE: self.queue_size,
            environment.BATCH_SIZE: self.batch_size,
            environment.COMPRESSION_LEVEL: self.compression_level,
            environment.SERVICE_NAME: self.service_name,
            # The layer holds no protobuf, which the other exporter needs.
            environment.EXPORTER: "native",
        }
        return {name: str(value) for name, value in values.items() if value is not None}

    def _find_problems(self) -> Iterator[str]:
        if self.mode is not None and self.mode not in _MODES:
            accepted = ", ".join(repr(mode) for mode in _MODES)
            yield _problem("mode", self.mode, f"one of {accepted}", "'sync'")
        yield from _out_of_range("queue_size", self.queue_size, 1, _MOST_SPANS, _DEFAULT_QUEUE_SIZE)
        yield from _out_of_range("batch_size", self.batch_size, 1, _MOST_SPANS, 512)
        yield from _out_of_range("compression_level", self.compression_level, 0, 9, 6)
        if self.service_name is not None and not self.service_name.strip():
            yield _problem("service_name", self.service_name, "a name", "the function's name")
        queue = _DEFAULT_QUEUE_SIZE if self.queue_size is None else self.queue_size
        if _is_number(self.batch_size) and _is_number(queue) and self.batch_size > queue > 0:
            yield (
                f"TelemetrySettings.batch_size is {self.batch_size}, but the queue holds {queue} "
                f"spans: it must not be above queue_size. Lower batch_size or raise queue_size."
            )


def _is_number(value: object) -> TypeGuard[int]:
    # bool is an int to Python, but `queue_size=True` is a mistake.
    return isinstance(value, int) and not isinstance(value, bool)


def _out_of_range(field: str, value: object, low: int, high: int, default: int) -> Iterator[str]:
    if value is None or (_is_number(value) and low <= value <= high):
        return
    yield _problem(field, value, f"a whole number from {low} to {high}", str(default))


def _problem(field: str, value: object, accepted: str, default: str) -> str:
    return (
        f"TelemetrySettings.{field} is {value!r}; it must be {accepted}. "
        f"Correct it, or leave it out for the default, {default}."
    )
