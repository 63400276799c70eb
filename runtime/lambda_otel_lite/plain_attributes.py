"""Attributes that the SDK takes as they are.

The SDK looks at each attribute by itself, which for those of a handler's span takes longer than all
else that it does for the span. Texts, numbers and booleans come out of that as they went in, so
where nobody has to see them before, they are put among the span's own in one step.
"""

from collections.abc import Mapping
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import Span

# Samplers that decide without attributes, unless one that they hold looks at them.
_BLIND = (
    "opentelemetry.sdk.trace.sampling",
    "lambda_otel_lite.sampling.sampler",
    "lambda_otel_lite.startup.provider",
)


def put_plain(span: Span, attributes: Mapping[str, Any]) -> None:
    """Set plain attributes on a span, in one step where its limits allow.

    Args:
        span: One that is recording; what is not the SDK's is told in the usual way.
        attributes: Texts, numbers and booleans by names that are not empty.
    """
    kept = getattr(span, "_attributes", None)
    if type(kept) is BoundedAttributes and kept.max_value_len is None:
        known = kept._dict  # noqa: SLF001 - each one's cleaning is what this is to avoid
        if kept.maxlen is None or len(known) + len(attributes) <= kept.maxlen:
            known.update(attributes)
            return
    span.set_attributes(attributes)


def decides_without(sampler: object) -> bool:
    """Say whether a sampler is known not to look at attributes.

    Args:
        sampler: Of a tracer.
    """
    return type(sampler).__module__ in _BLIND and all(
        decides_without(one) for one in vars(sampler).values() if isinstance(one, Sampler)
    )
