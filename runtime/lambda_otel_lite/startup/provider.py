"""A tracer provider that is there before the function's own code is imported, and gives way to it.

Whoever sets a global provider finds that it can be done, once, as without telemetry; and every
tracer that was given out before makes its spans from then on as that provider does. That is what
the API's own proxies do for a process that has no provider at first
(https://opentelemetry-python.readthedocs.io/en/stable/api/trace.html); but here there must be one,
for instrumentations and for ``get_tracer_provider().add_span_processor()``.
"""

import weakref
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    DEFAULT_ON,
    Decision,
    ParentBased,
    SamplingResult,
)
from opentelemetry.util._once import Once
from opentelemetry.util.types import Attributes

from lambda_otel_lite.log import Logger

logger = Logger("lambda_otel_lite.startup")


class StartupTracerProvider(TracerProvider):
    """Makes spans by itself until it has a successor; takes what the SDK's provider takes."""

    def __init__(self, **options: Any) -> None:
        # Releases before 1.40 take none.
        if "meter_provider" in (TracerProvider.__init__.__kwdefaults__ or ()):
            options.setdefault("meter_provider", _GlobalMeterProvider())
        super().__init__(**options)
        if self.sampler is DEFAULT_ON:
            self.sampler = _DefaultSampler(ALWAYS_ON)
        self._successor: trace.TracerProvider | None = None
        # With what they were asked for. Code that asks anew in each invocation forgets them too.
        self._given_out: weakref.WeakKeyDictionary[Any, tuple[Any, Any]] = (
            weakref.WeakKeyDictionary()
        )

    def get_tracer(self, *scope: Any, **named: Any) -> trace.Tracer:
        """Return a tracer, the successor's if there is one."""
        if self._successor is not None:
            return self._successor.get_tracer(*scope, **named)
        tracer = super().get_tracer(*scope, **named)
        self._given_out[tracer] = scope, named
        return tracer

    def succeed_by(self, successor: trace.TracerProvider) -> None:
        """Have all spans made by another provider from now on, by tracers given out before too."""
        self._successor = successor
        for tracer, (scope, named) in list(self._given_out.items()):
            other = successor.get_tracer(*scope, **named)
            tracer.start_span = other.start_span
            tracer.start_as_current_span = other.start_as_current_span

    def tells_nobody_but(self, processor: SpanProcessor) -> bool:
        """Say whether its spans are its own still, and this is the one processor of theirs."""
        told = getattr(self._active_span_processor, "_span_processors", None)
        return self._successor is None and told == (processor,)


class _DefaultSampler(ParentBased):
    """Decides as the SDK's ``parentbased_always_on`` does, looking at the parent once."""

    def should_sample(  # noqa: PLR0913, PLR0917 - the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: trace.SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[trace.Link] | None = None,
        trace_state: trace.TraceState | None = None,
    ) -> SamplingResult:
        """Follow the parent; without one, sample."""
        del trace_id, name, kind, links, trace_state
        parent = trace.get_current_span(parent_context).get_span_context()
        if not parent.is_valid:
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes)
        if parent.trace_flags.sampled:
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, parent.trace_state)
        return SamplingResult(Decision.DROP, None, parent.trace_state)


class _GlobalMeterProvider:
    """The global meter provider, whose package is not imported until somebody counts by it."""

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module("opentelemetry.metrics").get_meter_provider(), name)


def make_global(provider: StartupTracerProvider, own: SpanProcessor) -> None:
    """Make it the global provider until somebody sets another, which exports through `own` too.

    Args:
        provider: The global provider at first.
        own: Sees the spans of whichever provider is the global one. If that is another provider of
            this package, which has a processor of its own, it exports what it holds instead.
    """

    def follow(successor: trace.TracerProvider) -> None:
        try:
            _hand_over(provider, successor, own)
        except Exception:
            logger.exception("spans of the function's own tracer provider are not exported")

    if _has_been_set():
        # By a wrapper script, such as that of another vendor's layer.
        follow(trace.get_tracer_provider())
    else:
        trace._TRACER_PROVIDER = provider  # noqa: SLF001 - the API's way to set it can be used once
        trace._TRACER_PROVIDER_SET_ONCE = _Told(follow)  # noqa: SLF001 - see above


def _hand_over(
    provider: StartupTracerProvider, successor: trace.TracerProvider, own: SpanProcessor
) -> None:
    if isinstance(successor, StartupTracerProvider):
        own.force_flush()
    elif callable(add := getattr(successor, "add_span_processor", None)):
        add(own)
    else:
        logger.warning(
            "the function sets a tracer provider that takes no span processors (%s.%s): its spans"
            " are not exported by lambda-otel-lite. Set one of opentelemetry-sdk, or none",
            type(successor).__module__,
            type(successor).__qualname__,
        )
        return
    provider.succeed_by(successor)


def _has_been_set() -> bool:
    return trace._TRACER_PROVIDER is not None  # noqa: SLF001 - to ask the API would set one


class _Told(Once):
    """Lets the global provider be set once, as the API's own does, and tells of it.

    Args:
        tell: Called with the provider that was set.
    """

    def __init__(self, tell: Callable[[trace.TracerProvider], None]) -> None:
        super().__init__()
        self._tell = tell

    def do_once(self, func: Callable[[], None]) -> bool:
        """Call the function unless one was called before; say whether this was the first."""
        first = super().do_once(func)
        if first:
            self._tell(trace.get_tracer_provider())
        return first
