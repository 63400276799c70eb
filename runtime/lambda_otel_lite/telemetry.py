"""Put the parts together.

What the public names do is specified by the description of lambda-otel-lite 0.8.2,
https://pypi.org/project/lambda-otel-lite/0.8.2/.
"""

from collections.abc import Sequence
from typing import Literal

from opentelemetry import trace
from opentelemetry.propagators.textmap import TextMapPropagator
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import Sampler

from lambda_otel_lite.configuration.ids import SystemIdGenerator
from lambda_otel_lite.configuration.settings import ProcessorMode, Settings, accepted_by_sdk
from lambda_otel_lite.export.exporter import StdoutSpanExporter
from lambda_otel_lite.lifecycle.lifecycle import Lifecycle, lifecycle_of
from lambda_otel_lite.log import Logger, guard_opentelemetry, set_level
from lambda_otel_lite.processor import LambdaSpanProcessor, OpenSpans
from lambda_otel_lite.propagation import propagation
from lambda_otel_lite.propagation.propagation import Propagation
from lambda_otel_lite.resource import get_lambda_resource
from lambda_otel_lite.startup.provider import StartupTracerProvider, make_global
from lambda_otel_lite.version import __version__

logger = Logger("lambda_otel_lite.telemetry")


class TelemetryCompletionHandler:
    """Sees to it that the spans of each invocation are exported.

    ``create_traced_handler`` uses it for every invocation; code without a traced handler calls
    `complete` itself. Made by `init_telemetry`.

    Args:
        tracer_provider: Where spans come from.
        mode: When its spans are exported.
        open_spans: Is told of its spans. Default: one that is added to the provider.
        propagation: Finds the caller's context. Default: what ``OTEL_PROPAGATORS`` names.
        settings: What the environment asked for. Default: the process environment.
    """

    def __init__(
        self,
        tracer_provider: trace.TracerProvider,
        mode: ProcessorMode,
        *,
        open_spans: OpenSpans | None = None,
        propagation: Propagation | None = None,
        settings: Settings | None = None,
    ) -> None:
        settings = settings or Settings.from_environ()
        self._tracer_provider = tracer_provider
        self._tracer = tracer_provider.get_tracer("lambda_otel_lite", __version__)
        self.lifecycle: Lifecycle | None = None
        if isinstance(tracer_provider, TracerProvider) and not settings.disabled:
            self.lifecycle = lifecycle_of(
                tracer_provider, ProcessorMode(mode), settings, open_spans
            )
        self.propagation = propagation or _propagation(settings)
        self.settings = settings
        self._invoked_before = settings.initialization_type in (
            "provisioned-concurrency",
            "lambda-managed-instances",
        )

    @property
    def tracer_provider(self) -> trace.TracerProvider:
        """Where spans come from."""
        return self._tracer_provider

    def get_tracer(self) -> trace.Tracer:
        """Return the tracer of the handler's spans."""
        return self._tracer

    def complete(self) -> None:
        """Export the spans of an invocation that has no traced handler.

        Modes sync and async export now, mode finalize does nothing. Within a traced handler nothing
        happens: its end exports. May be called any number of times.
        """
        if self.lifecycle is not None:
            self.lifecycle.complete()

    def is_cold_start(self) -> bool:
        """Say whether this is the first invocation, and count it.

        An environment that was started ahead of its first invocation is never cold: nobody waited
        for it (https://opentelemetry.io/docs/specs/semconv/faas/faas-spans/, ``faas.coldstart``).
        """
        cold = not self._invoked_before
        self._invoked_before = True
        return cold


_current: TelemetryCompletionHandler | None = None


def init_telemetry(  # noqa: PLR0913 - the specification's signature
    *,
    resource: Resource | None = None,
    span_processors: Sequence[SpanProcessor] | None = None,
    propagators: Sequence[TextMapPropagator] | None = None,
    id_generator: IdGenerator | None = None,
    sampler: Sampler | None = None,
    processor_mode: ProcessorMode | Literal["sync", "async", "finalize"] | None = None,
) -> tuple[trace.Tracer, TelemetryCompletionHandler]:
    """Set up tracing; call it once, outside of the handler.

    A variable wins over the argument that says the same as a word; an object that is passed is used
    in place of what the variables ask for.

    Args:
        resource: Attributes to add to those of the function. Each wins over that of
            ``OTEL_RESOURCE_ATTRIBUTES``, ``OTEL_SERVICE_NAME`` and
            ``OTEL_EXPERIMENTAL_RESOURCE_DETECTORS``.
        span_processors: Processors to use in place of a `LambdaSpanProcessor` that writes to the
            function's log, by ``LAMBDA_SPAN_PROCESSOR_QUEUE_SIZE`` and
            ``LAMBDA_SPAN_PROCESSOR_BATCH_SIZE``.
        propagators: Propagators to use in place of those that ``OTEL_PROPAGATORS`` names.
        id_generator: Default: ids from the operating system's random source.
        sampler: Sampler to use in place of what ``OTEL_TRACES_SAMPLER`` and
            ``OTEL_TRACES_SAMPLER_ARG`` ask for.
        processor_mode: Default: ``sync``. ``LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE`` wins over it.

    Returns:
        The tracer and the completion handler. With ``OTEL_SDK_DISABLED=true`` both do nothing.
    """
    global _current  # noqa: PLW0603 - one process is one execution environment
    settings = Settings.from_environ(mode=processor_mode)
    set_level(settings.log_level)
    if settings.disabled:
        handler = TelemetryCompletionHandler(
            trace.NoOpTracerProvider(), settings.mode, settings=settings
        )
    else:
        chosen = None if propagators is None else propagation.from_propagators(propagators)
        provider = _provider(settings, resource, id_generator, sampler)
        if span_processors is None:
            processors: list[SpanProcessor] = [_processor(settings, provider, sampler)]
        else:
            processors = list(span_processors)
            if settings.keep:
                logger.warning(
                    "LAMBDA_OTEL_KEEP has no effect: init_telemetry was given span_processors."
                    " Leave the argument out, or add yours by tracer_provider.add_span_processor()"
                )
        started = _started(settings, chosen, provider, processors)
        trace.set_tracer_provider(started.provider)
        handler = _followed(settings, started)
    _current = handler
    return handler.get_tracer(), handler


class Started:
    """Telemetry that makes spans and does not follow invocations yet.

    Args:
        provider: Makes spans.
        open_spans: Knows the spans that have not ended.
        propagation: Finds the caller's context.
    """

    __slots__ = ("open_spans", "propagation", "provider")

    def __init__(
        self, provider: StartupTracerProvider, open_spans: OpenSpans, propagation: Propagation
    ) -> None:
        self.provider = provider
        self.open_spans = open_spans
        self.propagation = propagation


def start(settings: Settings) -> Started:
    """Set up what is there before the function's own code is imported.

    The provider is the global one until that code sets another or calls `init_telemetry`.
    """
    set_level(settings.log_level)
    provider = _provider(settings, None, None, None)
    own = _processor(settings, provider, None)
    started = _started(settings, None, provider, [own])
    make_global(started.provider, own)
    return started


def follow(settings: Settings, started: Started) -> TelemetryCompletionHandler:
    """Follow invocations with telemetry that was started.

    Returns:
        The telemetry, or that of `init_telemetry` if the function's own code has called it since.
    """
    global _current  # noqa: PLW0603 - one process is one execution environment
    if _current is None:
        _current = _followed(settings, started)
    return _current


def current_lifecycle() -> Lifecycle | None:
    """Return what follows this process's invocations, None while nothing does."""
    return _current.lifecycle if _current is not None else None


def _followed(settings: Settings, started: Started) -> TelemetryCompletionHandler:
    return TelemetryCompletionHandler(
        started.provider,
        settings.mode,
        open_spans=started.open_spans,
        propagation=started.propagation,
        settings=settings,
    )


def _propagation(settings: Settings) -> Propagation:
    return propagation.nothing() if settings.disabled else propagation.from_settings(settings)


def _started(
    settings: Settings,
    chosen: Propagation | None,
    provider: StartupTracerProvider,
    processors: list[SpanProcessor],
) -> Started:
    if settings.log_correlation:
        from lambda_otel_lite.startup.log_correlation import correlate_logs  # noqa: PLC0415 - off by default

        correlate_logs()
    own = next((one for one in processors if isinstance(one, LambdaSpanProcessor)), None)
    open_spans: OpenSpans = own or OpenSpans()
    for processor in processors if own else [open_spans, *processors]:
        provider.add_span_processor(processor)
    return Started(provider, open_spans, chosen or _propagation(settings))


def _provider(
    settings: Settings,
    resource: Resource | None,
    id_generator: IdGenerator | None,
    sampler: Sampler | None,
) -> StartupTracerProvider:
    guard_opentelemetry()
    with accepted_by_sdk():
        return StartupTracerProvider(
            sampler=sampler,
            resource=get_lambda_resource(resource, settings=settings),
            id_generator=id_generator or SystemIdGenerator(),
        )


def _processor(
    settings: Settings, provider: TracerProvider, sampler: Sampler | None
) -> LambdaSpanProcessor:
    exporter = StdoutSpanExporter(settings)
    if settings.keep:
        from lambda_otel_lite.sampling.processor import keeping  # noqa: PLC0415 - off by default

        return keeping(settings, exporter, provider, sampler)
    return LambdaSpanProcessor(
        exporter, max_queue_size=settings.queue_size, max_export_batch_size=settings.batch_size
    )
