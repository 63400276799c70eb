"""Switch the bridge on: ``xray`` among ``LAMBDA_OTEL_INSTRUMENTATIONS``."""

import sys
from typing import Any

from opentelemetry.trace import TracerProvider

from lambda_otel_lite.log import Logger
from lambda_otel_lite.version import __version__

logger = Logger("lambda_otel_lite.xray")

#: The instrumentation that records what a patch of the SDK does, where it is named otherwise.
_ALIKE = {"pynamodb": "botocore", "sqlalchemy_core": "sqlalchemy"}


def bridge(tracer_provider: TracerProvider) -> None:
    """Make spans of what the function does through the X-Ray SDK; what keeps it is one warning.

    Nothing is sent to the X-Ray daemon any more, unless the function's own code gives the recorder
    an emitter.

    Args:
        tracer_provider: Makes the spans.
    """
    try:
        _bridge(tracer_provider)
    except ImportError as error:
        logger.warning(
            "LAMBDA_OTEL_INSTRUMENTATIONS: 'xray' needs the package aws-xray-sdk in the function's"
            " own code (%s); it is left out",
            error,
        )
    except Exception:
        logger.warning("LAMBDA_OTEL_INSTRUMENTATIONS: 'xray' failed", exc_info=True)


def _bridge(tracer_provider: TracerProvider) -> None:
    from aws_xray_sdk import core  # noqa: PLC0415 - the function's own, if it has it
    from aws_xray_sdk.core import patcher, recorder  # noqa: PLC0415 - as above

    from lambda_otel_lite.bridges.xray.context import SpanContextStorage  # noqa: PLC0415 - imports the SDK
    from lambda_otel_lite.bridges.xray.recording import Recording  # noqa: PLC0415 - as above

    tracer = tracer_provider.get_tracer("lambda_otel_lite.xray", __version__)
    core.xray_recorder.configure(
        context=SpanContextStorage(Recording(tracer)), emitter=_Nowhere(), sampler=_Sampled()
    )
    _keep_context(recorder.AWSXRayRecorder, SpanContextStorage)
    patcher._PATCHED_MODULES = _Patched(patcher._PATCHED_MODULES)  # noqa: SLF001 - its only list


class _Nowhere:
    """An emitter of the recorder that sends nothing."""

    def send_entity(self, entity: Any) -> None:
        """Leave it to the span, which is exported."""

    def set_daemon_address(self, address: str | None) -> None:
        """Ignore the address."""


class _Sampled:
    """A sampler of the recorder that leaves the decision to the trace."""

    def should_trace(self, sampling_req: Any = None) -> bool:  # noqa: ARG002 - the SDK's signature
        """Say yes: a span is sampled as its parent is."""
        return True

    def load_local_rules(self, rules: Any) -> None:
        """Ignore the rules."""


def _keep_context(recorder: Any, ours: type) -> None:
    """Have recorders keep the context that is ours when the function's code sets another.

    `AsyncContext` is what the SDK tells asynchronous code to set; ours knows tasks by itself.
    """
    context = recorder.context

    def replace(self: Any, other: Any) -> None:
        if isinstance(context.fget(self), ours):
            logger.debug("the X-Ray SDK's context stays that of spans; %r is not used", other)
        else:
            context.fset(self, other)

    recorder.context = context.setter(replace)


class _Patched(set[str]):
    """The libraries that the SDK has patched, and those that have an instrumentation already.

    The SDK leaves them alone, so that a call is one span.
    """

    def __contains__(self, library: object) -> bool:
        return super().__contains__(library) or _is_instrumented(str(library))


def _is_instrumented(library: str) -> bool:
    """Say whether an OpenTelemetry instrumentation of a library is on."""
    name = f"opentelemetry.instrumentation.{_ALIKE.get(library, library)}"
    module = sys.modules.get(name)
    try:
        return module is not None and any(
            one().is_instrumented_by_opentelemetry
            for one in vars(module).values()
            if isinstance(one, type)
            and one.__module__ == name
            and hasattr(one, "is_instrumented_by_opentelemetry")
        )
    except Exception:  # noqa: BLE001 - somebody else's class
        return False
