"""Tell events apart by their shape, and find an extractor by its name."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from .attributes import SpanAttributes, mapping
from .datasource import cloudwatch_logs_extractor, dynamodb_extractor, s3_extractor
from .direct import (
    appsync_extractor,
    cognito_extractor,
    default_extractor,
    step_functions_extractor,
)
from .http import (
    alb_extractor,
    api_gateway_v1_extractor,
    api_gateway_v2_extractor,
    websocket_extractor,
)
from .messaging import eventbridge_extractor, kinesis_extractor, sns_extractor, sqs_extractor

Extractor = Callable[[Any, Any], SpanAttributes]

_BY_RECORD_SOURCE: dict[str, Extractor] = {
    "aws:sqs": sqs_extractor,
    "aws:sns": sns_extractor,
    "aws:s3": s3_extractor,
    "aws:dynamodb": dynamodb_extractor,
    "aws:kinesis": kinesis_extractor,
}


def auto_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read the event with the extractor that its shape calls for, else with the default one."""
    return extractor_for(event)(event, context)


def extractor_for(event: Any) -> Extractor:
    """Return the extractor for an event; anything that is not known is a direct invocation."""
    if isinstance(event, list):
        return appsync_extractor if event and _is_appsync(mapping(event[0])) else default_extractor
    event = mapping(event)
    request = event.get("requestContext")
    if isinstance(request, dict):
        return _for_request(event, request)
    found = event.get("Records")
    if isinstance(found, list) and found:
        record = mapping(found[0])
        source = record.get("eventSource") or record.get("EventSource")
        return (
            _BY_RECORD_SOURCE.get(source, default_extractor)
            if isinstance(source, str)
            else default_extractor
        )
    return _for_object(event)


def _for_request(event: dict[Any, Any], request: dict[Any, Any]) -> Extractor:
    if "elb" in request:
        return alb_extractor
    if isinstance(request.get("http"), dict):
        return api_gateway_v2_extractor
    if "connectionId" in request:
        return websocket_extractor
    if "httpMethod" in event or "httpMethod" in request:
        return api_gateway_v1_extractor
    return default_extractor


def _for_object(event: dict[Any, Any]) -> Extractor:
    if "detail-type" in event and "source" in event:
        return eventbridge_extractor
    if isinstance(event.get("awslogs"), dict):
        return cloudwatch_logs_extractor
    if "triggerSource" in event and "userPoolId" in event:
        return cognito_extractor
    if "StateMachine" in event and "Execution" in event:
        return step_functions_extractor
    return appsync_extractor if _is_appsync(event) else default_extractor


def _is_appsync(call: dict[Any, Any]) -> bool:
    info = mapping(call.get("info"))
    return "fieldName" in info and "parentTypeName" in info


_BY_NAME: dict[str, Extractor] = {
    "auto": auto_extractor,
    "default": default_extractor,
    "api_gateway_v1": api_gateway_v1_extractor,
    "api_gateway_v2": api_gateway_v2_extractor,
    "websocket": websocket_extractor,
    # A function URL's event is that of an HTTP API (developer guide, "Function URLs").
    "function_url": api_gateway_v2_extractor,
    "alb": alb_extractor,
    "sqs": sqs_extractor,
    "sns": sns_extractor,
    "kinesis": kinesis_extractor,
    "eventbridge": eventbridge_extractor,
    "s3": s3_extractor,
    "dynamodb": dynamodb_extractor,
    "cloudwatch_logs": cloudwatch_logs_extractor,
    "step_functions": step_functions_extractor,
    "cognito": cognito_extractor,
    "appsync": appsync_extractor,
}


def extractor_by_name(name: str) -> Extractor:
    """Return a built-in extractor by its short name, or the user's by ``module:function``.

    Raises:
        ValueError: There is no such extractor; the message names the accepted ones.
    """
    if name in _BY_NAME:
        return _BY_NAME[name]
    module, separator, function = name.partition(":")
    accepted = f"accepted: {', '.join(_BY_NAME)} or module:function"
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
