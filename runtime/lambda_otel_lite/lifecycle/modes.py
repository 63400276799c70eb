"""Start the extension that a mode needs. Mode sync needs none, and never loads this module."""

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import TracerProvider

from lambda_otel_lite.configuration.settings import ProcessorMode, Settings
from lambda_otel_lite.lifecycle.extension import InternalExtension
from lambda_otel_lite.log import Logger

if TYPE_CHECKING:
    from lambda_otel_lite.lifecycle.asynchronous import AsyncExport

logger = Logger("lambda_otel_lite.telemetry")


def available_mode(
    mode: ProcessorMode, settings: Settings, provider: TracerProvider
) -> tuple[ProcessorMode, "AsyncExport | None"]:
    """Start the extension; if it is not available, sync keeps every span.

    Args:
        mode: ``async`` or ``finalize``.
        settings: Where the process runs.
        provider: Whose span processors export.

    Returns:
        The mode to use, and what exports in the extension's thread.
    """
    if settings.managed_instance:
        log = logger.warning if _is_first_slot() else logger.debug
        log("%s mode is not available on Lambda Managed Instances; using sync", mode)
        return ProcessorMode.SYNC, None
    if settings.runtime_api is None:
        logger.info("not on Lambda: no extension; %s mode needs one", mode)
        return mode if mode is ProcessorMode.FINALIZE else ProcessorMode.SYNC, None
    extension = InternalExtension(settings.runtime_api)
    if mode is ProcessorMode.FINALIZE:
        return (mode if extension.start([], _ignore) else ProcessorMode.SYNC), None
    from lambda_otel_lite.lifecycle.asynchronous import AsyncExport  # noqa: PLC0415 - mode finalize needs none of it

    export = AsyncExport(provider)
    if not extension.start(["INVOKE"], export.follow):
        return ProcessorMode.SYNC, None
    return mode, export


def _is_first_slot() -> bool:
    """Say whether this is the first of the processes that awslambdaric forks, or none of them.

    All of them get here, and they share one log. The names are multiprocessing's own
    (https://docs.python.org/3/library/multiprocessing.html#multiprocessing.Process.name).
    """
    multiprocessing = sys.modules.get("multiprocessing")
    name = multiprocessing.current_process().name if multiprocessing else "MainProcess"
    # The first is ForkProcess-1.
    return name.rpartition("-")[2] in ("1", "MainProcess")


def _ignore(events: Iterable[object]) -> None:
    """Wait for events, which the platform asks of an extension that has registered for none."""
    for _ in events:
        pass
