"""Find the caller's context in a carrier, by the propagators that ``OTEL_PROPAGATORS`` names.

A name is one of those below or one that an installed package offers, in the entry point group
``opentelemetry_propagator``. A propagator that the function's own code makes the global one is used
in place of all of them: that is how code chooses one.

W3C Trace Context wins if several are present; then the first in the list that finds a valid span.
A propagator is imported when a carrier first holds one of its headers: a function whose callers
send none never loads any.
"""

import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace import SpanContext, get_current_span

from lambda_otel_lite.configuration.settings import Settings, without_propagators_variable
from lambda_otel_lite.extractors import Carrier
from lambda_otel_lite.propagation.carriers import CarrierGetter, Headers

#: The SDK keeps this many links of a span (``LinkCountLimit`` in
#: https://opentelemetry.io/docs/specs/otel/trace/sdk/#span-limits).
MAX_LINKS = 128

# name: module, class, the headers without which it finds nothing
_KNOWN: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "tracecontext": (
        "lambda_otel_lite.propagation.tracecontext",
        "TraceContextPropagator",
        ("traceparent",),
    ),
    "baggage": ("opentelemetry.baggage.propagation", "W3CBaggagePropagator", ("baggage",)),
    # Spelt as the propagator asks for it: the API's own getter knows only one case.
    "xray": ("lambda_otel_lite.propagation.xray", "XRayPropagator", ("X-Amzn-Trace-Id",)),
    "xray-lambda": ("lambda_otel_lite.propagation.xray", "XRayLambdaPropagator", ()),
    "b3": ("opentelemetry.propagators.b3", "B3SingleFormat", ("b3", "x-b3-traceid")),
    "b3multi": ("opentelemetry.propagators.b3", "B3MultiFormat", ("b3", "x-b3-traceid")),
    # Their baggage has headers of its own, with names of the user's choice.
    "jaeger": ("opentelemetry.propagators.jaeger", "JaegerPropagator", ()),
    "ottrace": ("opentelemetry.propagators.ot_trace", "OTTracePropagator", ()),
}
# Those of this package.
_OWN = ("tracecontext", "xray", "xray-lambda")
#: What the API has for a global propagator until somebody chooses one.
_OF_THE_API = ["TraceContextTextMapPropagator", "W3CBaggagePropagator"]


class LambdaPropagator(TextMapPropagator):
    """Propagators by name, loaded at their first use.

    Args:
        names: Names as in ``OTEL_PROPAGATORS``; all of them known and installed.
    """

    def __init__(self, names: Sequence[str]) -> None:
        # Stable sort: the W3C context first, all others as listed.
        self._names = sorted(names, key=lambda name: name != "tracecontext")
        self._loaded: dict[str, TextMapPropagator] = {}

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Return the context with baggage and the first valid remote span that was found."""
        context = Context() if context is None else context
        found = False
        for name in self._names:
            if found and name != "baggage":
                continue
            propagator = self._loaded.get(name)
            if propagator is None:
                headers = _KNOWN[name][2] if name in _KNOWN else ()
                if headers and not [header for header in headers if getter.get(carrier, header)]:
                    continue
                propagator = self._load(name)
            before = context
            context = propagator.extract(carrier, before, getter)
            if context is not before and not found:
                # This package's own change it for nothing else.
                found = name in _OWN or get_current_span(context).get_span_context().is_valid
        return context

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Write the context in the format of every propagator."""
        for name in self._names:
            self._load(name).inject(carrier, context, setter)

    @property
    def fields(self) -> set[str]:
        """The headers that `inject` sets."""
        return {field for name in self._names for field in self._load(name).fields}

    def for_messages(self) -> "LambdaPropagator":
        """Return one that never takes the invocation's own X-Ray header for a message's."""
        return LambdaPropagator(["xray" if name == "xray-lambda" else name for name in self._names])

    def _load(self, name: str) -> TextMapPropagator:
        if name not in self._loaded:
            if name in _KNOWN:
                module, attribute, _ = _KNOWN[name]
                self._loaded[name] = getattr(import_module(module), attribute)()
            else:
                from lambda_otel_lite.propagation.names import offered  # noqa: PLC0415 - seldom needed

                self._loaded[name] = offered(name)
        return self._loaded[name]


class Senders(NamedTuple):
    """Who sent the messages of a batch.

    Attributes:
        spans: The distinct spans that sent one or more.
        shared: The context that every message carries; None if there is no such context.
        positions: For each of `spans`, which message it was first found in, counted from 0.
    """

    spans: list[SpanContext]
    shared: Context | None
    positions: list[int]


class Propagation:
    """The two questions that an invocation asks: who called, and who sent these messages.

    Args:
        requests: Propagator for the invocation's own carrier.
        messages: Propagator for the carriers of single messages.
    """

    def __init__(self, requests: TextMapPropagator, messages: TextMapPropagator) -> None:
        self._requests = requests
        self._messages = messages
        self._getter = CarrierGetter()

    def parent(self, carrier: Carrier | None) -> Context:
        """Return the caller's context; an empty one if there is none.

        The current context is not looked at: on Lambda it could only be left over from an earlier
        invocation. A custom extractor's carrier is part of an event and may not even be an object;
        then nothing is found in it.
        """
        headers = Headers(carrier)
        propagator = _of_the_user() or self._requests
        return propagator.extract(headers, Context(), self._getter)

    def senders(self, carriers: Iterable[Carrier]) -> Senders:
        """Find every distinct context among the carriers, in order, at most `MAX_LINKS`."""
        found: dict[tuple[int, int], tuple[SpanContext, int]] = {}
        first: Context | None = None
        shared = True
        propagator = _of_the_user() or self._messages
        for position, carrier in enumerate(carriers):
            headers = Headers(carrier)
            context = propagator.extract(headers, Context(), self._getter)
            span = get_current_span(context).get_span_context()
            shared = shared and span.is_valid
            if span.is_valid:
                found.setdefault((span.trace_id, span.span_id), (span, position))
                first = first or context
            if len(found) == MAX_LINKS:
                break
        return Senders(
            [span for span, _ in found.values()],
            first if shared and len(found) == 1 else None,
            [position for _, position in found.values()],
        )


def propagator_of(settings: Settings) -> LambdaPropagator:
    """Make the propagator that ``OTEL_PROPAGATORS`` asks for."""
    names: Sequence[str] = settings.propagators
    if settings.propagators_chosen:
        from lambda_otel_lite.propagation.names import usable  # noqa: PLC0415 - the default ones all are

        names = usable(names, {name: module for name, (module, *_) in _KNOWN.items()})
    return LambdaPropagator(names)


def from_settings(settings: Settings) -> Propagation:
    """Build the propagation that ``OTEL_PROPAGATORS`` asks for, and make it the global one.

    The default needs no global change: the API's own default injects the same headers. What the
    function's own code has made the global one stays.
    """
    propagator = propagator_of(settings)
    if settings.propagators_chosen and _of_the_user() is None:
        set_global(propagator)
    return Propagation(propagator, propagator.for_messages())


def nothing() -> Propagation:
    """Build the propagation of a function that is not traced; it changes nothing globally."""
    propagator = LambdaPropagator([])
    return Propagation(propagator, propagator)


def from_propagators(propagators: Sequence[TextMapPropagator]) -> Propagation:
    """Build the propagation from the caller's propagators, and make it the global one."""
    from opentelemetry.propagators.composite import CompositePropagator  # noqa: PLC0415

    propagator = CompositePropagator(list(propagators))
    set_global(propagator)
    return Propagation(propagator, propagator)


def _of_the_user() -> TextMapPropagator | None:
    """Return the global propagator if the function's own code has chosen it."""
    # Not imported for this: code that has not imported it has chosen none.
    api: Any = sys.modules.get("opentelemetry.propagate")
    get = getattr(api, "get_global_textmap", None)
    current: TextMapPropagator | None = get() if get else None
    if current is None or current is _chosen or _is_default(current):
        return None
    return current


def _is_default(propagator: TextMapPropagator) -> bool:
    parts = getattr(propagator, "_propagators", None)
    return parts is not None and [type(part).__name__ for part in parts] == _OF_THE_API


_chosen: TextMapPropagator | None = None
"""What this package has made the global propagator last."""


def set_global(propagator: TextMapPropagator) -> None:
    """Make a propagator the global one, which is not taken for the user's choice."""
    global _chosen  # noqa: PLW0603 - as global as the API's own
    # The API reads the variable when it is imported, and raises if no installed package has a name
    # in it. So it is imported here while the variable is hidden, and the propagator is set after.
    with without_propagators_variable():
        from opentelemetry.propagate import set_global_textmap  # noqa: PLC0415
    set_global_textmap(propagator)
    _chosen = propagator
