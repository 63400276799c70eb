"""Extractors for invocations by other AWS services and by callers of the Invoke API.

Sources: AWS Lambda developer guide for the context object; AppSync, Cognito and Step Functions
developer guides for the event formats; GraphQL semantic conventions.
"""

from typing import Any

from lambda_otel_lite.extractors.attributes import (
    Carrier,
    SpanAttributes,
    TriggerType,
    arn_part,
    headers_of,
    invocation_attributes,
    mapping,
    put,
    text,
)


def default_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read what every invocation has; context from the event's headers or the client context."""
    return SpanAttributes(
        TriggerType.OTHER,
        invocation_attributes(context),
        carrier=_merged(_client_context(context) or {}, headers_of(mapping(event))) or None,
    )


def _merged(less: Carrier, more: Carrier) -> Carrier:
    """Return the headers of two carriers; the second's where both have a name."""
    names = {str(name).lower() for name in more} if less else ()
    return {**{name: less[name] for name in less if str(name).lower() not in names}, **more}


def step_functions_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read an invocation by a state machine that passes its context object on."""
    event = mapping(event)
    attributes = invocation_attributes(context)
    execution = mapping(event.get("Execution"))
    machine = arn_part(mapping(event.get("StateMachine")).get("Id"), 5)
    state = text(mapping(event.get("State")).get("Name"))
    put(attributes, "aws.step_functions.execution.arn", execution.get("Id"))
    put(attributes, "aws.step_functions.state_machine.name", (machine or "").rpartition(":")[2])
    put(attributes, "aws.step_functions.state.name", state)
    return SpanAttributes(
        TriggerType.OTHER, attributes, span_name=state, carrier=_client_context(context)
    )


def cognito_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a trigger of a user pool; the user's name is personal data and left out."""
    event = mapping(event)
    attributes = invocation_attributes(context)
    source = text(event.get("triggerSource"))
    put(attributes, "aws.cognito.trigger_source", source)
    put(attributes, "aws.cognito.user_pool_id", event.get("userPoolId"))
    return SpanAttributes(
        TriggerType.OTHER, attributes, span_name=source, carrier=_client_context(context)
    )


def appsync_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a call of a GraphQL resolver, single or batched (then the event is a list).

    Sources: https://docs.aws.amazon.com/appsync/latest/devguide/resolver-context-reference-js.html
    and https://docs.amplify.aws/gen1/javascript/build-a-backend/graphqlapi/custom-business-logic/.
    """
    calls = [mapping(call) for call in event] if isinstance(event, list) else [mapping(event)]
    call = calls[0] if calls else {}
    info = mapping(call.get("info"))
    # A resolver of Amplify sends the two at the top, under a name of its own.
    parent = text(info.get("parentTypeName")) or text(call.get("typeName"))
    field = text(info.get("fieldName")) or text(call.get("fieldName"))
    attributes = invocation_attributes(context)
    if parent in ("Query", "Mutation", "Subscription"):
        attributes["graphql.operation.type"] = parent.lower()
    put(attributes, "graphql.operation.name", field)
    return SpanAttributes(
        TriggerType.HTTP,
        attributes,
        span_name=f"{parent}.{field}" if parent and field else None,
        carrier=headers_of(mapping(call.get("request"))) or None,
    )


def _client_context(context: Any) -> Carrier | None:
    """Return the caller's context that came in the client context.

    The platform's runtime finds it there itself, or ``custom`` holds it: OpenTelemetry's
    instrumentation of the JavaScript SDK and others put ``traceparent`` there (Invoke API,
    ``X-Amz-Client-Context``).
    """
    found = {**_custom(context), **_w3c(context)}
    return found or None


def _w3c(context: Any) -> Carrier:
    w3c = getattr(context, "w3c", None)
    if not callable(w3c):
        return {}
    try:
        return mapping(w3c())
    except Exception:  # noqa: BLE001 - somebody else's context object may do anything
        return {}


def _custom(context: Any) -> Carrier:
    try:
        return mapping(context.client_context.custom)
    except Exception:  # noqa: BLE001 - somebody else's context object may do anything
        return {}
