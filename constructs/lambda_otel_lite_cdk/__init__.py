"""Instrument AWS Lambda functions with OpenTelemetry from a CDK app."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lambda_otel_lite_cdk._function_properties import FunctionProperties
    from lambda_otel_lite_cdk.coverage.policy import TelemetryPolicy
    from lambda_otel_lite_cdk.fleet import Telemetry, TelemetryInjector, TelemetryMixin
    from lambda_otel_lite_cdk.forwarding.forwarder import OtlpForwarder
    from lambda_otel_lite_cdk.forwarding.kinesis import Kinesis
    from lambda_otel_lite_cdk.forwarding.subscription import Forwarding, ForwardingError
    from lambda_otel_lite_cdk.function import InstrumentationError, InstrumentedFunction, instrument
    from lambda_otel_lite_cdk.layer.build import BundlingError
    from lambda_otel_lite_cdk.settings.settings import SettingsError, TelemetrySettings

__all__ = [
    "BundlingError",
    "Forwarding",
    "ForwardingError",
    "FunctionProperties",
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
    "BundlingError": "layer.build",
    "Forwarding": "forwarding.subscription",
    "ForwardingError": "forwarding.subscription",
    "FunctionProperties": "_function_properties",
    "InstrumentationError": "function",
    "InstrumentedFunction": "function",
    "Kinesis": "forwarding.kinesis",
    "OtlpForwarder": "forwarding.forwarder",
    "SettingsError": "settings.settings",
    "Telemetry": "fleet",
    "TelemetryInjector": "fleet",
    "TelemetryMixin": "fleet",
    "TelemetryPolicy": "coverage.policy",
    "TelemetrySettings": "settings.settings",
    "instrument": "function",
}

# Type checkers see the imports above alone: to them, this one would make every name exist.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
