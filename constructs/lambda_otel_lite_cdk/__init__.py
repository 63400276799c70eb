"""Instrument AWS Lambda functions with OpenTelemetry from a CDK app."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Any

from lambda_otel_lite_cdk import distribution

if TYPE_CHECKING:
    from lambda_otel_lite_cdk._function_properties import FunctionProperties
    from lambda_otel_lite_cdk.coverage.policy import TelemetryPolicy
    from lambda_otel_lite_cdk.errors import (
        BundlingError,
        ForwardingError,
        InstrumentationError,
        ReportError,
        SettingsError,
        TelemetryError,
    )
    from lambda_otel_lite_cdk.fleet import Telemetry, TelemetryInjector, TelemetryMixin
    from lambda_otel_lite_cdk.forwarding.backends import Backend, OtlpCollector
    from lambda_otel_lite_cdk.forwarding.forwarder import OtlpForwarder
    from lambda_otel_lite_cdk.forwarding.kinesis import Kinesis
    from lambda_otel_lite_cdk.forwarding.presets import (
        CloudWatch,
        Dash0,
        Datadog,
        GrafanaCloud,
        Honeycomb,
        NewRelic,
    )
    from lambda_otel_lite_cdk.forwarding.subscription import Forwarding
    from lambda_otel_lite_cdk.function import InstrumentedFunction, instrument
    from lambda_otel_lite_cdk.settings.keep import Keep
    from lambda_otel_lite_cdk.settings.settings import TelemetrySettings

__all__ = [
    "Backend",
    "BundlingError",
    "CloudWatch",
    "Dash0",
    "Datadog",
    "Forwarding",
    "ForwardingError",
    "FunctionProperties",
    "GrafanaCloud",
    "Honeycomb",
    "InstrumentationError",
    "InstrumentedFunction",
    "Keep",
    "Kinesis",
    "NewRelic",
    "OtlpCollector",
    "OtlpForwarder",
    "ReportError",
    "SettingsError",
    "Telemetry",
    "TelemetryError",
    "TelemetryInjector",
    "TelemetryMixin",
    "TelemetryPolicy",
    "TelemetrySettings",
    "instrument",
]

# Importing aws_cdk takes seconds, which the command must not: names are imported when used.
_HOMES = {
    "Backend": "forwarding.backends",
    "BundlingError": "errors",
    "CloudWatch": "forwarding.presets",
    "OtlpCollector": "forwarding.backends",
    "Dash0": "forwarding.presets",
    "Datadog": "forwarding.presets",
    "Forwarding": "forwarding.subscription",
    "ForwardingError": "errors",
    "FunctionProperties": "_function_properties",
    "GrafanaCloud": "forwarding.presets",
    "Honeycomb": "forwarding.presets",
    "InstrumentationError": "errors",
    "InstrumentedFunction": "function",
    "Keep": "settings.keep",
    "Kinesis": "forwarding.kinesis",
    "NewRelic": "forwarding.presets",
    "OtlpForwarder": "forwarding.forwarder",
    "ReportError": "errors",
    "SettingsError": "errors",
    "Telemetry": "fleet",
    "TelemetryError": "errors",
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
        try:
            module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
        except ModuleNotFoundError as error:
            if distribution.extra_of(error.name) != "cdk":
                raise
            said = distribution.needs(f"{__name__}.{name}", "cdk")
            raise ModuleNotFoundError(said, name=error.name) from error
        return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)


if _problem := distribution.conflict():
    # Not a warning, which an app may have turned off: what is deployed would not work.
    sys.stderr.write(f"Error: {_problem}.\n")
