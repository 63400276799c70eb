"""Extractors: from an event and its context to the attributes of the invocation's span.

Each is a pure function of ``(event, context)`` and never raises for whatever an event holds. They
are imported at their first use, a family at a time.
"""

from typing import TYPE_CHECKING, Any

from lambda_otel_lite.extractors.attributes import Carrier, SpanAttributes, TriggerType
from lambda_otel_lite.extractors.auto import (
    BY_NAME,
    Extractor,
    auto_extractor,
    built_in,
    extractor_by_name,
)

if TYPE_CHECKING:
    from lambda_otel_lite.extractors.datasource import (
        cloudwatch_logs_extractor,
        dynamodb_extractor,
        s3_extractor,
    )
    from lambda_otel_lite.extractors.direct import (
        appsync_extractor,
        cognito_extractor,
        default_extractor,
        step_functions_extractor,
    )
    from lambda_otel_lite.extractors.http import (
        alb_extractor,
        api_gateway_v1_extractor,
        api_gateway_v2_extractor,
        websocket_extractor,
    )
    from lambda_otel_lite.extractors.messaging import (
        eventbridge_extractor,
        kinesis_extractor,
        sns_extractor,
        sqs_extractor,
    )

    function_url_extractor = api_gateway_v2_extractor

__all__ = [
    "Carrier",
    "Extractor",
    "SpanAttributes",
    "TriggerType",
    "alb_extractor",
    "api_gateway_v1_extractor",
    "api_gateway_v2_extractor",
    "appsync_extractor",
    "auto_extractor",
    "cloudwatch_logs_extractor",
    "cognito_extractor",
    "default_extractor",
    "dynamodb_extractor",
    "eventbridge_extractor",
    "extractor_by_name",
    "function_url_extractor",
    "kinesis_extractor",
    "s3_extractor",
    "sns_extractor",
    "sqs_extractor",
    "step_functions_extractor",
    "websocket_extractor",
]

# Type checkers see the imports above alone: to them, this one would make every name exist.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        short = name.removesuffix("_extractor")
        if name.endswith("_extractor") and short in BY_NAME:
            return built_in(short)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
