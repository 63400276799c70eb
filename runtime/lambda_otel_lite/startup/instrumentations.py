"""Load the OpenTelemetry instrumentations that the user names, and no others.

They are found by the naming rule of the OpenTelemetry Python contrib packages,
``opentelemetry.instrumentation.<name>`` with one ``BaseInstrumentor``; a scan of the installed
packages' entry points would cost every cold start tens of milliseconds.
"""

import logging
from collections.abc import Iterable
from importlib import import_module
from typing import Any

from opentelemetry.trace import TracerProvider

logger = logging.getLogger("lambda_otel_lite.instrumentations")


def instrument(names: Iterable[str], tracer_provider: TracerProvider) -> None:
    """Instrument the libraries; what cannot be is one warning.

    Args:
        names: As in ``LAMBDA_OTEL_INSTRUMENTATIONS``: ``botocore``, ``requests`` and so on.
        tracer_provider: Where their spans go.
    """
    for name in names:
        try:
            _instrumentor(name)().instrument(tracer_provider=tracer_provider)
        except ImportError as error:
            logger.warning(
                "LAMBDA_OTEL_INSTRUMENTATIONS: %r needs the package"
                " opentelemetry-instrumentation-%s in the function's own code (%s); it is left out",
                name,
                name.replace("_", "-"),
                error,
            )
        except Exception:
            logger.warning("LAMBDA_OTEL_INSTRUMENTATIONS: %r failed", name, exc_info=True)


def _instrumentor(name: str) -> Any:
    module = import_module(f"opentelemetry.instrumentation.{name.replace('-', '_')}")
    base = import_module("opentelemetry.instrumentation.instrumentor").BaseInstrumentor
    found = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, base)
        and value.__module__ == module.__name__
    ]
    if not found:
        raise ImportError(f"{module.__name__} has no instrumentor")
    return found[0]
