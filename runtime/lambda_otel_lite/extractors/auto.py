"""Tell events apart by their shape, and find an extractor by its name."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

from lambda_otel_lite.extractors.attributes import SpanAttributes, mapping

Extractor = Callable[[Any, Any], SpanAttributes]

#: Built-in extractors by short name: module of this package, and function. A family is imported
#: with the first event that needs it; most functions see events of one kind.
BY_NAME = {
    "auto": "auto:auto_extractor",
    "default": "direct:default_extractor",
    "api_gateway_v1": "http:api_gateway_v1_extractor",
    "api_gateway_v2": "http:api_gateway_v2_extractor",
    "websocket": "http:websocket_extractor",
    # A function URL's event is that of an HTTP API (developer guide, "Function URLs").
    "function_url": "http:api_gateway_v2_extractor",
    "alb": "http:alb_extractor",
    "sqs": "messaging:sqs_extractor",
    "sns": "messaging:sns_extractor",
    "kinesis": "messaging:kinesis_extractor",
    "eventbridge": "messaging:eventbridge_extractor",
    "s3": "datasource:s3_extractor",
    "dynamodb": "datasource:dynamodb_extractor",
    "cloudwatch_logs": "datasource:cloudwatch_logs_extractor",
    "step_functions": "direct:step_functions_extractor",
    "cognito": "direct:cognito_extractor",
    "appsync": "direct:appsync_extractor",
}

_BY_RECORD_SOURCE = {
    "aws:sqs": "sqs",
    "aws:sns": "sns",
    "aws:s3": "s3",
    "aws:dynamodb": "dynamodb",
    "aws:kinesis": "kinesis",
}


@cache
def built_in(name: str) -> Extractor:
    """Return a built-in extractor by its short name, which must be one of `BY_NAME`."""
    module, _, function = BY_NAME[name].partition(":")
    extractor: Extractor = getattr(import_module(f"{__package__}.{module}"), function)
    return extractor


def auto_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read the event with the extractor that its shape calls for, else with the default one."""
    return extractor_for(event)(event, context)


def extractor_for(event: Any) -> Extractor:
    """Return the extractor for an event; anything that is not known is a direct invocation."""
    return built_in(_name_for(event))


def _name_for(event: Any) -> str:
    if isinstance(event, list):
        return "appsync" if event and _is_appsync(mapping(event[0])) else "default"
    event = mapping(event)
    request = event.get("requestContext")
    if isinstance(request, dict):
        return _name_for_request(event, request)
    found = event.get("Records")
    if isinstance(found, list) and found:
        record = mapping(found[0])
        source = record.get("eventSource") or record.get("EventSource")
        return _BY_RECORD_SOURCE.get(source, "default") if isinstance(source, str) else "default"
    return _name_for_object(event)


def _name_for_request(event: dict[Any, Any], request: dict[Any, Any]) -> str:
    if "elb" in request:
        return "alb"
    if isinstance(request.get("http"), dict):
        return "api_gateway_v2"
    if "connectionId" in request:
        return "websocket"
    if "httpMethod" in event or "httpMethod" in request:
        return "api_gateway_v1"
    return "default"


def _name_for_object(event: dict[Any, Any]) -> str:
    if "detail-type" in event and "source" in event:
        return "eventbridge"
    if isinstance(event.get("awslogs"), dict):
        return "cloudwatch_logs"
    if "triggerSource" in event and "userPoolId" in event:
        return "cognito"
    if "StateMachine" in event and "Execution" in event:
        return "step_functions"
    return "appsync" if _is_appsync(event) else "default"


def _is_appsync(call: dict[Any, Any]) -> bool:
    info = mapping(call.get("info"))
    return "fieldName" in info and "parentTypeName" in info


def extractor_by_name(name: str) -> Extractor:
    """Return a built-in extractor by its short name, or the user's by ``module:function``.

    Raises:
        ValueError: There is no such extractor; the message names the accepted ones.
    """
    if name in BY_NAME:
        return built_in(name)
    module, separator, function = name.partition(":")
    accepted = f"accepted: {', '.join(BY_NAME)} or module:function"
    if not separator:
        raise ValueError(f"{name!r} is no extractor; {accepted}")
    try:
        extractor = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"extractor {name!r} cannot be loaded: {error}; {accepted}") from error
    if not callable(extractor):
        raise ValueError(  # noqa: TRY004 - a wrong setting, not a wrong argument
            f"extractor {name!r} is not callable; {accepted}"
        )
    return extractor  # type: ignore[no-any-return]  # its signature cannot be checked
