"""Read the environment once, and say in one warning what in it cannot be used.

This is the only module of the runtime that reads the process environment. Precedence is
environment, then argument, then default (specification, "Environment Variables"). A bad value never
stops a function: it is reported with the variable, the value, what is accepted and what is used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from types import SimpleNamespace
from typing import NoReturn

from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite.configuration.reader import Reader, warn


class ProcessorMode(StrEnum):
    """When and by whom spans are exported (specification, "Processing Modes")."""

    SYNC = "sync"
    """In the handler's thread, before the response leaves."""
    ASYNC = "async"
    """In the internal extension's thread, after the response has left."""
    FINALIZE = "finalize"
    """At shutdown, or whenever the user's own span processor does."""


class Settings(SimpleNamespace):
    """What the environment and the caller asked for, checked.

    A namespace: to make a frozen dataclass or a named tuple of as many fields takes every cold
    start the better part of a millisecond.

    Attributes:
        mode: Processing mode.
        queue_size: Most ended spans held back for export; more are dropped and counted.
        batch_size: Most spans in one log record.
        compression_level: Gzip level of the payload, 0 (none) to 9 (smallest).
        exporter: ``package`` for ``OTLPStdoutSpanExporter``, ``native`` for the project's writer.
        line_limit: Longest log record in bytes, the newline included.
        timeout_margin_ms: How long before the deadline open spans are ended, in ms. 0: never.
        handler: The user's handler, ``module.function``, for the zero-code entry point.
        extractor: Name or ``module:function`` of the extractor of the zero-code entry point.
        instrumentations: Names of instrumentation packages the zero-code entry point loads.
        service_name: ``OTEL_SERVICE_NAME``, else ``service.name`` of the resource attributes, else
            the function's name, else ``unknown_service``.
        resource_attributes: The decoded pairs of ``OTEL_RESOURCE_ATTRIBUTES``.
        propagators: Names as listed.
        propagators_chosen: True where the user listed them, False for the default.
        stable_http_only: True leaves out the HTTP attributes that the stable conventions replaced.
        disabled: True turns all of it off.
        record_level: Value of a log record's ``level``, or None to leave it out.
        json_log_format: True where the function's log format is JSON.
        pipe_output: True where the package's exporter is to write to its named pipe.
        log_level: Level for the loggers under ``lambda_otel_lite``, or None to leave them alone.
        region: AWS region, where known.
        function_name: The function's name, where known.
        function_version: ``$LATEST`` or a number, where known.
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
    exporter: str
    line_limit: int
    timeout_margin_ms: int
    handler: str | None
    extractor: str
    instrumentations: tuple[str, ...]
    service_name: str
    resource_attributes: dict[str, str]
    propagators: tuple[str, ...]
    propagators_chosen: bool
    stable_http_only: bool
    disabled: bool
    record_level: str | None
    json_log_format: bool
    pipe_output: bool
    log_level: int | None
    region: str | None
    function_name: str | None
    function_version: str | None
    log_stream: str | None
    memory_bytes: int | None
    runtime_api: str | None
    initialization_type: str | None
    managed_instance: bool

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
        managed = (
            read.text(env.INITIALIZATION_TYPE) == "lambda-managed-instances"
            or read.text(env.MAX_CONCURRENCY) is not None
        )
        memory_mb = read.text(env.MEMORY_SIZE)
        resource_attributes = read.pairs(env.RESOURCE_ATTRIBUTES)
        json_log_format = (read.text(env.LOG_FORMAT) or "").upper() == "JSON"
        return cls(
            mode=ProcessorMode(
                read.choice(
                    env.PROCESSOR_MODE,
                    tuple(ProcessorMode),
                    fallback=_accepted_mode(mode) or ProcessorMode.SYNC,
                )
            ),
            queue_size=read.integer(env.QUEUE_SIZE, 1, 1_000_000),
            batch_size=read.integer(env.BATCH_SIZE, 1, 1_000_000),
            compression_level=read.integer(env.COMPRESSION_LEVEL, 0, 9),
            exporter=read.choice(env.EXPORTER, ("package", "native"), fallback="package"),
            line_limit=read.integer(env.LINE_LIMIT, 1024, 1_048_576),
            timeout_margin_ms=read.integer(env.TIMEOUT_MARGIN, 0, 60_000),
            handler=read.text(env.HANDLER),
            extractor=read.text(env.EXTRACTOR) or "auto",
            instrumentations=read.names(env.INSTRUMENTATIONS),
            service_name=read.text(env.SERVICE_NAME)
            or resource_attributes.get("service.name")
            or function_name
            or "unknown_service",
            resource_attributes=resource_attributes,
            propagators=read.names(env.PROPAGATORS)
            or tuple((env.DEFAULTS[env.PROPAGATORS] or "").split(",")),
            propagators_chosen=bool(read.names(env.PROPAGATORS)),
            # The opt-in's other value, http/dup, asks for both names, which is the default here.
            stable_http_only="http" in read.names(env.SEMCONV_STABILITY_OPT_IN),
            disabled=read.choice(env.SDK_DISABLED, ("true", "false"), fallback="false") == "true",
            record_level=read.record_level(json_log_format=json_log_format),
            json_log_format=json_log_format,
            pipe_output=read.choice(env.OUTPUT_TYPE, ("stdout", "pipe"), fallback="stdout")
            == "pipe",
            log_level=read.level(),
            region=read.text(env.AWS_REGION),
            function_name=function_name,
            function_version=read.text(env.FUNCTION_VERSION),
            log_stream=read.text(env.LOG_STREAM_NAME),
            memory_bytes=int(memory_mb) * 1024 * 1024
            # A real value has five digits at most, and int() refuses thousands of them.
            if memory_mb and memory_mb.isdecimal() and len(memory_mb) < 10  # noqa: PLR2004
            else None,
            runtime_api=read.text(env.RUNTIME_API),
            initialization_type=read.text(env.INITIALIZATION_TYPE),
            managed_instance=managed,
        )


def xray_trace_header() -> str | None:
    """Return the X-Ray trace header of the current invocation.

    The platform's runtime sets it anew for every invocation, so it cannot be a setting.
    """
    return os.environ.get(env.XRAY_TRACE_HEADER)


@contextmanager
def without_propagators_variable() -> Iterator[None]:
    """Hide ``OTEL_PROPAGATORS`` from what is imported meanwhile."""
    hidden = os.environ.pop(env.PROPAGATORS, None)
    try:
        yield
    finally:
        if hidden is not None:
            os.environ[env.PROPAGATORS] = hidden


def _accepted_mode(mode: ProcessorMode | str | None) -> ProcessorMode | None:
    if mode is None:
        return None
    try:
        return ProcessorMode(mode)
    except ValueError:
        warn("the argument processor_mode", str(mode), "sync, async or finalize", "sync")
        return None
