"""OpenTelemetry tracing for AWS Lambda at a cost that nobody notices.

The names below are loaded at their first use: the zero-code entry point imports this package and
needs few of them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from lambda_otel_lite.version import __version__

if TYPE_CHECKING:
    from lambda_otel_lite import config as config
    from lambda_otel_lite import constants as constants
    from lambda_otel_lite import extension as extension
    from lambda_otel_lite import extractors as extractors
    from lambda_otel_lite import handler as handler
    from lambda_otel_lite import logger as logger
    from lambda_otel_lite import processor as processor
    from lambda_otel_lite import propagation as propagation
    from lambda_otel_lite import resource as resource
    from lambda_otel_lite import telemetry as telemetry
    from lambda_otel_lite.configuration.settings import ProcessorMode
    from lambda_otel_lite.constants import (
        Defaults,
        EnvVars,
        ResourceAttributes,
        processor_mode,
    )
    from lambda_otel_lite.extractors import (
        SpanAttributes,
        TriggerType,
        alb_extractor,
        api_gateway_v1_extractor,
        api_gateway_v2_extractor,
        auto_extractor,
        default_extractor,
    )
    from lambda_otel_lite.handler import create_traced_handler
    from lambda_otel_lite.processor import LambdaSpanProcessor
    from lambda_otel_lite.resource import get_lambda_resource
    from lambda_otel_lite.startup.log_correlation import trace_context_fields
    from lambda_otel_lite.telemetry import TelemetryCompletionHandler, init_telemetry

_HOMES = {
    "Defaults": "constants",
    "EnvVars": "constants",
    "LambdaSpanProcessor": "processor",
    "ProcessorMode": "configuration.settings",
    "ResourceAttributes": "constants",
    "SpanAttributes": "extractors",
    "TelemetryCompletionHandler": "telemetry",
    "TriggerType": "extractors",
    "alb_extractor": "extractors",
    "api_gateway_v1_extractor": "extractors",
    "api_gateway_v2_extractor": "extractors",
    "auto_extractor": "extractors",
    "create_traced_handler": "handler",
    "default_extractor": "extractors",
    "get_lambda_resource": "resource",
    "init_telemetry": "telemetry",
    "processor_mode": "constants",
    "trace_context_fields": "startup.log_correlation",
}

#: As attributes, without an import of their own.
_MODULES = (
    "config",
    "constants",
    "extension",
    "extractors",
    "handler",
    "logger",
    "processor",
    "propagation",
    "resource",
    "telemetry",
)

__all__ = [
    "Defaults",
    "EnvVars",
    "LambdaSpanProcessor",
    "ProcessorMode",
    "ResourceAttributes",
    "SpanAttributes",
    "TelemetryCompletionHandler",
    "TriggerType",
    "__version__",
    "alb_extractor",
    "api_gateway_v1_extractor",
    "api_gateway_v2_extractor",
    "auto_extractor",
    "create_traced_handler",
    "default_extractor",
    "get_lambda_resource",
    "init_telemetry",
    "processor_mode",
    "trace_context_fields",
]

# Type checkers see the imports above alone: to them, this one would make every name exist.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            home, attribute = _HOMES[name], name
        elif name in _MODULES:
            home, attribute = name, None
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from lambda_otel_lite.configuration.settings import accepted_by_sdk  # noqa: PLC0415 - as late
        from lambda_otel_lite_layer.mount import light_imports  # noqa: PLC0415 - as late

        with accepted_by_sdk(), light_imports():
            module = import_module(f".{home}", __name__)
            return module if attribute is None else getattr(module, attribute)
