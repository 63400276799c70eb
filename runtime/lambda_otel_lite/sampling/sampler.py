"""Record every span, whatever the head decision is, and say by the sampled flag what that is."""

from collections.abc import Mapping, Sequence

from opentelemetry.context import Context
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult
from opentelemetry.trace import Link, SpanKind, TraceState, get_current_span
from opentelemetry.util.types import Attributes

from lambda_otel_lite.sampling.probability import randomness_of, threshold_of, with_threshold


class RatioSampler(Sampler):
    """Follows the caller; without one it samples a share of traces, by their ids.

    Unlike the SDK's ``traceidratio``, it notes the share in the trace's state.

    Args:
        ratio: The share, 0 to 1.
    """

    def __init__(self, ratio: float) -> None:
        self._ratio = ratio
        self._threshold = threshold_of(ratio)

    def should_sample(  # noqa: PLR0913, PLR0917 - the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide about a span."""
        del name, kind, links
        parent = get_current_span(parent_context).get_span_context()
        if parent.is_valid:
            trace_state, sampled = parent.trace_state, parent.trace_flags.sampled
        else:
            sampled = randomness_of(trace_id, trace_state) >= self._threshold
            if sampled:
                trace_state = with_threshold(trace_state, self._threshold)
        decision = Decision.RECORD_AND_SAMPLE if sampled else Decision.RECORD_ONLY
        return SamplingResult(decision, attributes, trace_state)

    def get_description(self) -> str:
        """Name the sampler and its share."""
        return f"RatioSampler{{{self._ratio}}}"


class RecordingSampler(Sampler):
    """Decides as another sampler does, and records what that one drops.

    Args:
        head: The other sampler.
    """

    def __init__(self, head: Sampler) -> None:
        self._head = head

    def should_sample(  # noqa: PLR0913, PLR0917 - the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide about a span."""
        del trace_state  # which the SDK does not hand over
        head = self._head.should_sample(parent_context, trace_id, name, kind, attributes, links)
        if head.decision is not Decision.DROP:
            return head
        return SamplingResult(Decision.RECORD_ONLY, attributes, head.trace_state)

    def get_description(self) -> str:
        """Name the sampler and the other."""
        return f"RecordingSampler{{{self._head.get_description()}}}"


def record_all(provider: TracerProvider, rules: Mapping[str, float], *, chosen: bool) -> None:
    """Have a provider record all spans; call it before the provider has made a tracer.

    Args:
        provider: Its sampler goes on to make the head decision if the user has chosen it.
        rules: The keep rules. Their ratio is the head decision if the user has chosen no sampler.
        chosen: Whether the user has chosen the provider's sampler.
    """
    if chosen:
        provider.sampler = RecordingSampler(provider.sampler)
    else:
        provider.sampler = RatioSampler(rules.get("ratio", 0))
