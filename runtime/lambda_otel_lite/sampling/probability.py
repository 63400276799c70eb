"""OpenTelemetry's consistent probability sampling: the member ``ot`` of a trace's state.

Every participant compares the same 56 random bits of a trace with a threshold of its own: a trace
that is sampled at some ratio is sampled at every larger one as well. ``th`` is the threshold of
those who sampled a span, so that a backend knows how many spans it stands for; ``rv`` is the
randomness of a trace whose id is not random
(https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/,
https://opentelemetry.io/docs/specs/otel/trace/tracestate-handling/).
"""

from opentelemetry.trace import SpanContext, TraceState

_MEMBER = "ot"
_DIGITS = 14
_MOST = 1 << 56


def threshold_of(ratio: float) -> int:
    """Return the least randomness that is sampled, from 0 for all to 2 to the power of 56 for none.

    Args:
        ratio: Share of traces, 0 to 1.
    """
    return round((1 - ratio) * _MOST)


def randomness_of(trace_id: int, state: TraceState | None) -> int:
    """Return the random bits of a trace: ``rv`` of its state, else the last 56 of its id."""
    explicit = _subkeys(state).get("rv", "")
    if len(explicit) == _DIGITS and (value := _hexadecimal(explicit)) is not None:
        return value
    return trace_id & (_MOST - 1)


def known_threshold(state: TraceState | None) -> int | None:
    """Return ``th`` of a state, or None if it has none that can be read."""
    digits = _subkeys(state).get("th", "")
    return _hexadecimal(digits.ljust(_DIGITS, "0")) if 0 < len(digits) <= _DIGITS else None


def with_threshold(state: TraceState | None, threshold: int) -> TraceState:
    """Return a state with another ``th``.

    Args:
        state: Its other members stay.
        threshold: Below 2 to the power of 56.
    """
    # The last zeros are left out, all but one.
    subkeys = {"th": f"{threshold:014x}".rstrip("0") or "0", **_without_threshold(state)}
    value = ";".join(f"{key}:{one}" for key, one in subkeys.items())
    return (state or TraceState()).update(_MEMBER, value)


def with_state(context: SpanContext, state: TraceState) -> SpanContext:
    """Return a span's context with another state."""
    return SpanContext(
        context.trace_id, context.span_id, context.is_remote, context.trace_flags, state
    )


def _without_threshold(state: TraceState | None) -> dict[str, str]:
    return {key: value for key, value in _subkeys(state).items() if key != "th"}


def _subkeys(state: TraceState | None) -> dict[str, str]:
    member = state.get(_MEMBER) if state else None
    if not member:
        return {}
    return {key: value for key, _, value in (one.partition(":") for one in member.split(";"))}


def _hexadecimal(digits: str) -> int | None:
    """Return the value of lower-case digits; ``int`` alone takes signs and underscores too."""
    return int(digits, 16) if all(one in "0123456789abcdef" for one in digits) else None
