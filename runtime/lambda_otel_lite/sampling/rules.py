"""The keep rules: what each looks at, and what follows for a tree of spans.

What the rules are called and what they mean is in the table of variables, `variables.KEEP_RULES`.
"""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext

from lambda_otel_lite.sampling.probability import known_threshold, randomness_of, threshold_of


class Outcome(NamedTuple):
    """What is known of a tree of spans when it is decided about.

    Attributes:
        root: Its first span; None if that was lost.
        failed: Whether one of its spans has status ERROR.
        context: Of any of its spans.
    """

    root: ReadableSpan | None
    failed: bool
    context: SpanContext

    def attribute(self, name: str) -> object:
        """Return an attribute of the first span."""
        attributes = self.root.attributes if self.root else None
        return attributes.get(name) if attributes else None

    def duration_ms(self) -> float:
        """Return how long the first span took, in ms, or has taken until now."""
        if self.root is None or self.root.start_time is None:
            return 0
        return ((self.root.end_time or time.time_ns()) - self.root.start_time) / 1e6

    def is_within(self, ratio: float) -> bool:
        """Tell whether the trace is among a share of all traces."""
        context = self.context
        return randomness_of(context.trace_id, context.trace_state) >= threshold_of(ratio)


#: The one rule that keeps by chance.
RATIO = "ratio"

#: By the name of each rule; called with its number, which is 1 for a rule that takes none. The
#: first that applies is what a span that was kept is marked with.
PREDICATES: dict[str, Callable[[Outcome, float], bool]] = {
    "timeouts": lambda seen, _: seen.attribute("error.type") == "timeout",
    "errors": lambda seen, _: seen.failed,
    "cold_starts": lambda seen, _: seen.attribute("faas.coldstart") is True,
    "slower_than_ms": lambda seen, number: seen.duration_ms() > number,
    RATIO: lambda seen, number: seen.is_within(number),
}


class Verdict(NamedTuple):
    """What becomes of a tree of spans.

    Attributes:
        kept: Whether it is exported.
        rule: The rule that kept it; None if the head decision did.
        threshold: ``th`` of its spans, by which a backend extrapolates; None: as it is.
    """

    kept: bool
    rule: str | None = None
    threshold: int | None = None


class KeepRules:
    """The rules of one function.

    Args:
        numbers: The number of each rule by its name.
    """

    def __init__(self, numbers: Mapping[str, float]) -> None:
        self._rules = [
            (name, predicate, numbers[name])
            for name, predicate in PREDICATES.items()
            if numbers.get(name)
        ]

    def judge(self, seen: Outcome) -> Verdict:
        """Decide about a tree of spans.

        The spans of an outcome that is always kept stand for themselves alone, also where the head
        decision sampled one in so many; the others stand for what the ratio has left out.
        """
        sampled = seen.context.trace_flags.sampled
        for name, predicate, number in self._rules:
            if not predicate(seen, number):
                continue
            marked = None if sampled else name
            if name != RATIO:
                return Verdict(kept=True, rule=marked, threshold=0)
            known = known_threshold(seen.context.trace_state)
            if sampled and known is None:
                break  # by whom, and how many of how many, nobody knows
            own = threshold_of(number)
            lower = min(own, known) if sampled and known is not None else own
            return Verdict(kept=True, rule=marked, threshold=lower)
        return Verdict(kept=sampled)
