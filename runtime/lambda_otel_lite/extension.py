"""The start of the internal extension as in lambda-otel-lite 0.8 to 0.15.

For applications that set telemetry up from its parts: with ``init_telemetry()`` nothing of this is
called.
"""

from collections.abc import Callable
from functools import cache, partial

from opentelemetry.sdk.trace import TracerProvider

from lambda_otel_lite.configuration.settings import ProcessorMode, Settings
from lambda_otel_lite.lifecycle.lifecycle import lifecycle_of
from lambda_otel_lite.log import Logger

logger = Logger("lambda_otel_lite.extension")


def init_extension(
    mode: ProcessorMode,
    tracer_provider: TracerProvider,
    on_shutdown: Callable[[], None] | None = None,
) -> None:
    """Have a provider's spans exported by the extension; once, and on Lambda alone.

    Args:
        mode: ``async`` or ``finalize``; ``sync`` needs no extension.
        tracer_provider: The provider, which a ``TelemetryCompletionHandler`` is to get too.
        on_shutdown: Called before the environment is shut down, ahead of the last export.
    """
    settings = Settings.from_environ()
    if mode == ProcessorMode.SYNC or settings.runtime_api is None or settings.disabled:
        return
    lifecycle_of(tracer_provider, ProcessorMode(mode), settings)
    if on_shutdown is not None:
        from lambda_otel_lite.lifecycle.sigterm import on_sigterm  # noqa: PLC0415 - as late as the extension

        # Once: the signal comes again when the last export is done.
        on_sigterm(cache(partial(_call, on_shutdown)))


def _call(on_shutdown: Callable[[], None]) -> None:
    try:
        on_shutdown()
    except Exception:
        logger.exception("on_shutdown failed")
