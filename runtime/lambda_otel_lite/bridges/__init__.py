"""What other tracing libraries record, as spans of OpenTelemetry."""

from collections.abc import Iterable

from opentelemetry.trace import TracerProvider

from lambda_otel_lite.configuration.variables import XRAY
from lambda_otel_lite.startup.instrumentations import instrument


def switch_on(names: Iterable[str], tracer_provider: TracerProvider) -> None:
    """Switch on bridges, and instrumentations of the function's own packages.

    Args:
        names: As in ``LAMBDA_OTEL_INSTRUMENTATIONS``.
        tracer_provider: Where their spans go.
    """
    others = [name for name in names if name != XRAY]
    if XRAY in names:
        from lambda_otel_lite.bridges.xray.switch import bridge  # noqa: PLC0415 - imports the X-Ray SDK

        bridge(tracer_provider)
    instrument(others, tracer_provider)
