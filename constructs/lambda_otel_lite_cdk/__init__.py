"""Instrument AWS Lambda functions with OpenTelemetry from a CDK app."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lambda_otel_lite_cdk.bundling import BundlingError
    from lambda_otel_lite_cdk.fleet import Telemetry, TelemetryInjector, TelemetryMixin
    from lambda_otel_lite_cdk.forwarder import OtlpForwarder
    from lambda_otel_lite_cdk.forwarding import Forwarding, ForwardingError
    from lambda_otel_lite_cdk.function import (
        InstrumentationError,
        InstrumentedFunction,
        instrument,
    )
    from lambda_otel_lite_cdk.kinesis import Kinesis
    from lambda_otel_lite_cdk.policy import TelemetryPolicy
    from lambda_otel_lite_cdk.settings import SettingsError, TelemetrySettings

__all__ = [
    "BundlingError",
    "Forwarding",
    "ForwardingError",
    "InstrumentationError",
    "InstrumentedFunction",
    "Kinesis",
    "OtlpForwarder",
    "SettingsError",
    "Telemetry",
    "TelemetryInjector",
    "TelemetryMixin",
    "TelemetryPolicy",
    "TelemetrySettings",
    "instrument",
]

# Importing aws_cdk takes seconds, and the command must not pay them: names are imported on use.
_HOMES = {
    "BundlingError": "bundling",
    "Forwarding": "forwarding",
    "ForwardingError": "forwarding",
    "InstrumentationError": "function",
    "InstrumentedFunction": "function",
    "Kinesis": "kinesis",
    "OtlpForwarder": "forwarder",
    "SettingsError": "settings",
    "Telemetry": "fleet",
    "TelemetryInjector": "fleet",
    "TelemetryMixin": "fleet",
    "TelemetryPolicy": "policy",
    "TelemetrySettings": "settings",
    "instrument": "function",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
