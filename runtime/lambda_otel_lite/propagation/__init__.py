"""How the caller's trace context is found, and passed on.

The names of lambda-otel-lite 0.15 are loaded at their first use.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lambda_otel_lite.propagation.compatibility import (
        LambdaXRayPropagator,
        NoopPropagator,
        create_propagator,
        has_valid_span,
        setup_propagator,
    )

__all__ = [
    "LambdaXRayPropagator",
    "NoopPropagator",
    "create_propagator",
    "has_valid_span",
    "setup_propagator",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in __all__:
            return getattr(import_module(f"{__name__}.compatibility"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
