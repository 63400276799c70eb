"""What other tracing libraries record, as spans of OpenTelemetry."""

import sys
from collections.abc import Iterable

from opentelemetry.trace import TracerProvider

from lambda_otel_lite.configuration.variables import DURABLE, XRAY
from lambda_otel_lite.startup.instrumentations import instrument


def switch_on(names: Iterable[str], tracer_provider: TracerProvider) -> None:
    """Switch on bridges, and instrumentations of the function's own packages.

    Args:
        names: As in ``LAMBDA_OTEL_INSTRUMENTATIONS``.
        tracer_provider: Where their spans go.
    """
    others = [name for name in names if name not in (DURABLE, XRAY)]
    if DURABLE in names:
        from lambda_otel_lite.bridges.durable import name_plugin  # noqa: PLC0415 - seldom asked for

        name_plugin()
    if XRAY in names:
        from lambda_otel_lite.bridges.xray.switch import bridge  # noqa: PLC0415 - imports the X-Ray SDK

        bridge(tracer_provider)
    instrument(others, tracer_provider)


def take_back(error: Exception) -> bool:
    """Switch off what made the import of the function's code fail; say whether there was any.

    Args:
        error: What the import raised.
    """
    durable = sys.modules.get("lambda_otel_lite.bridges.durable")
    return durable is not None and durable.take_back(error)
