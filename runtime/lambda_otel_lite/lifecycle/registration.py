"""What the modes with an internal extension register for, and what they fall back to."""

import logging
from collections.abc import Callable

from lambda_otel_lite.configuration.settings import ProcessorMode, Settings
from lambda_otel_lite.lifecycle.asynchronous import AsyncCompletion
from lambda_otel_lite.lifecycle.completion import Completion, FinalizeCompletion, SyncCompletion
from lambda_otel_lite.lifecycle.extension import InternalExtension

logger = logging.getLogger("lambda_otel_lite.registration")


def register(settings: Settings, flush: Callable[[], None]) -> Completion:
    """Register the extension; where it is not to be had, sync keeps every span.

    Args:
        settings: Mode and address of the API.
        flush: Exports all spans that have ended; must not raise.
    """
    completion: AsyncCompletion | FinalizeCompletion
    if settings.mode is ProcessorMode.ASYNC:
        completion, events = AsyncCompletion(flush), ["INVOKE"]
    else:
        # An extension without events is there for SIGTERM, which the platform sends to no others.
        completion, events = FinalizeCompletion(), []
    if settings.runtime_api is None:
        logger.info("not on Lambda: no extension; %s mode needs one", settings.mode)
        return completion if settings.mode is ProcessorMode.FINALIZE else SyncCompletion(flush)
    extension = InternalExtension(
        settings.runtime_api,
        completion.on_arrival,
        completion.on_invoke,
        completion.on_lost,
        completion.on_found,
    )
    return completion if extension.start(events) else SyncCompletion(flush)
