"""Read the environment once, and report each value in it that cannot be used.

This is the only module of the runtime that uses the process environment. A variable wins over the
argument that says the same as a word, and both over the default; an object that is passed to
``init_telemetry()`` is used in place of what the variables ask for. A bad value never stops a
function: one warning names the variable, the value, what is accepted and what is used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import NoReturn

from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite.configuration.reader import Reader, warn


class ProcessorMode(StrEnum):
    """When and by whom spans are exported.

    Source: https://pypi.org/project/lambda-otel-lite/0.8.2/, "Processing Modes".
    """

    SYNC = "sync"
    """In the handler's thread, before the response leaves."""
    ASYNC = "async"
    """In the internal extension's thread, after the response has left."""
    FINALIZE = "finalize"
    """At shutdown, or whenever the user's own span processor does."""

    @classmethod
    def from_env(cls, env_var: str, default: ProcessorMode | None = None) -> ProcessorMode:
        """Read a mode from a variable.

        Args:
            env_var: The variable.
            default: What to return where it is not set.

        Raises:
            ValueError: It is no mode, or it is not set and there is no default.
        """
        value = (variable(env_var) or default or "").lower()
        if value not in tuple(cls):
            accepted = ", ".join(cls)
            raise ValueError(f"{env_var}={value!r} is not accepted; set it to one of {accepted}")
        return cls(value)

    @classmethod
    def resolve(
        cls, config_mode: ProcessorMode | None = None, env_var: str = env.PROCESSOR_MODE
    ) -> ProcessorMode:
        """Return a variable's mode, or the given one where it holds none, after a warning.

        Args:
            config_mode: Default: ``sync``.
            env_var: The variable. Default: ``LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE``.
        """
        used = config_mode or cls.SYNC
        try:
            return cls.from_env(env_var, used)
        except ValueError:
            warn(env_var, variable(env_var) or "", f"one of {', '.join(cls)}", used)
            return used


class Settings:
    """What the environment and the caller asked for, checked; it cannot be changed.

    The attributes from ``mode`` to ``disabled`` are rows of `variables.SETTINGS`, which say what
    each is. They have slots, because a frozen dataclass would cost every cold start a millisecond.

    Attributes:
        propagators_chosen: True where the variable of the propagators has any text, which the API
            would read, be it a blank.
        log_level: Level for the loggers under ``lambda_otel_lite``, or None to leave them alone.
        json_log_format: True where the function's log format is JSON.
        region: AWS region, where known.
        function_name: The function's name, where known.
        function_version: ``$LATEST`` or a number, where known.
        log_group: The function's log group, where known.
        log_stream: Identifies the execution environment, where known.
        memory_bytes: Configured memory in bytes, where known.
        runtime_api: ``host:port`` of the Runtime and Extensions API; None outside Lambda.
        initialization_type: ``on-demand``, ``provisioned-concurrency``, ``snap-start`` or
            ``lambda-managed-instances``, where known.
        managed_instance: True where one environment serves several invocations at once.
    """

    mode: ProcessorMode
    queue_size: int
    batch_size: int
    compression_level: int
    record_level: str | None
    output_type: str
    exporter: str
    line_limit: int
    timeout_margin: int
    handler: str | None
    extractor: str
    instrumentations: tuple[str, ...]
    log_correlation: bool
    tenant_id: bool
    keep: dict[str, float]
    drop_attributes: tuple[str, ...]
    redact: tuple[str, ...]
    service_name: str
    resource_attributes: dict[str, str]
    resource_detectors: tuple[str, ...]
    propagators: tuple[str, ...]
    semconv_opt_in: tuple[str, ...]
    disabled: bool

    propagators_chosen: bool
    log_level: int | None
    json_log_format: bool
    region: str | None
    function_name: str | None
    function_version: str | None
    log_group: str | None
    log_stream: str | None
    memory_bytes: int | None
    runtime_api: str | None
    initialization_type: str | None
    managed_instance: bool

    # Known here on Python 3.14 as well, because this module imports annotations from __future__.
    __slots__ = tuple(__annotations__)

    def __init__(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"settings cannot be changed: {name}")

    @classmethod
    def from_environ(
        cls, environ: Mapping[str, str] | None = None, *, mode: ProcessorMode | str | None = None
    ) -> Settings:
        """Read and check every variable.

        Args:
            environ: What to read. Default: the process environment.
            mode: The caller's processing mode; the environment variable wins over it.
        """
        read = Reader(os.environ if environ is None else environ)
        function_name = read.text(env.FUNCTION_NAME)
        initialization_type = read.text(env.INITIALIZATION_TYPE)
        # What comes between a variable and the default of its row.
        fallbacks = {
            "mode": _accepted_mode(mode),
            "record_level": read.passing_level(),
            "service_name": read.pairs(env.RESOURCE_ATTRIBUTES).get("service.name")
            or function_name,
        }
        values = {
            row["setting"]: read.setting(row, fallbacks.get(row["setting"])) for row in env.SETTINGS
        }
        values["mode"] = ProcessorMode(str(values["mode"]))
        return cls(
            **values,
            propagators_chosen=read.is_set(env.PROPAGATORS),
            log_level=read.logging_level(),
            json_log_format=read.is_json_log_format(),
            region=read.text(env.AWS_REGION),
            function_name=function_name,
            function_version=read.text(env.FUNCTION_VERSION),
            log_group=read.text(env.LOG_GROUP_NAME),
            log_stream=read.text(env.LOG_STREAM_NAME),
            memory_bytes=_memory_bytes(read.text(env.MEMORY_SIZE)),
            runtime_api=read.text(env.RUNTIME_API),
            initialization_type=initialization_type,
            managed_instance=initialization_type == "lambda-managed-instances"
            or read.text(env.MAX_CONCURRENCY) is not None,
        )

    @property
    def stable_http_only(self) -> bool:
        """Whether the HTTP attributes that the stable conventions replaced are left out."""
        return "http" in self.semconv_opt_in

    @property
    def pipe_output(self) -> bool:
        """Whether the package's exporter is to write to its named pipe."""
        return self.output_type == "pipe"


def _memory_bytes(megabytes: str | None) -> int | None:
    # A real value has five digits at most, and int() refuses thousands of them.
    if megabytes is None or not megabytes.isdecimal() or len(megabytes) > 9:  # noqa: PLR2004
        return None
    return int(megabytes) * 1024 * 1024


def variable(name: str) -> str | None:
    """Return a variable that is no setting, without surrounding space; None if it is empty."""
    return Reader(os.environ).text(name)


def xray_trace_header() -> str | None:
    """Return the X-Ray trace header of the current invocation.

    The platform's runtime sets it anew for every invocation, so it cannot be a setting.
    """
    return os.environ.get(env.XRAY_TRACE_HEADER)


def show_handler(handler: str | None) -> None:
    """Have ``_HANDLER`` name the user's own handler, as it does in a function without telemetry.

    Other tools look there for the module that they instrument. The platform's runtime has read it.
    """
    if handler and env.PLATFORM_HANDLER in os.environ:
        os.environ[env.PLATFORM_HANDLER] = handler


def name_durable_plugin(name: str) -> bool:
    """Name a plugin for AWS's SDK for durable executions, unless the user has; say whether."""
    if env.DURABLE_PLUGINS in os.environ:
        return False
    os.environ[env.DURABLE_PLUGINS] = name
    return True


def unname_durable_plugin() -> None:
    """Take that back."""
    os.environ.pop(env.DURABLE_PLUGINS, None)


@contextmanager
def accepted_by_sdk() -> Iterator[None]:
    """Show the SDK the values that it accepts while it is imported or made; report the others."""
    replaced = Reader(os.environ).replaced_for_sdk()
    before = {name: os.environ.get(name) for name in replaced}
    _set_variables(replaced)
    try:
        yield
    finally:
        _set_variables(before)


def _set_variables(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@contextmanager
def without_propagators_variable() -> Iterator[None]:
    """Hide ``OTEL_PROPAGATORS`` from what is imported meanwhile."""
    hidden = os.environ.pop(env.PROPAGATORS, None)
    try:
        yield
    finally:
        if hidden is not None:
            os.environ[env.PROPAGATORS] = hidden


def _accepted_mode(mode: ProcessorMode | str | None) -> str | None:
    if mode is None or mode in tuple(ProcessorMode):
        return mode
    accepted, used = ", ".join(ProcessorMode), env.default_text("mode")
    warn("the argument processor_mode", str(mode), f"one of {accepted}", used)
    return None
