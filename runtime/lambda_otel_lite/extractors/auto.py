"""Tell events apart by their shape, and find an extractor by its name.

This module loads the table alone. An extractor's own module is imported with the first event that
needs it: most functions see events of one kind.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_otel_lite.extractors.attributes import Extractor, SpanAttributes

    #: Name; module of this package and function; the key that each event of the source has, or
    #: ``list`` if the event is one; and the test of an event that has it.
    type Row = tuple[str, str, str | type[list[Any]], Callable[[Any], bool]]


def _has(key: str) -> Callable[[Any], bool]:
    return lambda event: key in event


def _has_in_request(key: str) -> Callable[[Any], bool]:
    def test(event: Any) -> bool:
        request = event["requestContext"]
        return isinstance(request, dict) and key in request

    return test


def _is_http_api(event: Any) -> bool:
    request = event["requestContext"]
    return isinstance(request, dict) and isinstance(request.get("http"), dict)


def _is_rest_api(event: Any) -> bool:
    request = event["requestContext"]
    return isinstance(request, dict) and ("httpMethod" in request or "httpMethod" in event)


def _is_from(*sources: str) -> Callable[[Any], bool]:
    return lambda event: event["eventSource"] in sources


def _has_records_of(source: str) -> Callable[[Any], bool]:
    def test(event: Any) -> bool:
        records = event["Records"]
        record = records[0] if isinstance(records, list) and records else None
        # SNS writes the key with a capital letter.
        return isinstance(record, dict) and (
            record.get("eventSource") == source or record.get("EventSource") == source
        )

    return test


def _is_list_from(*sources: str) -> Callable[[Any], bool]:
    def test(event: Any) -> bool:
        first = event[0] if event else None
        return isinstance(first, dict) and first.get("eventSource") in sources

    return test


def _is_log_batch(event: Any) -> bool:
    return isinstance(event["awslogs"], dict)


def _is_lattice(event: Any) -> bool:
    request = event["requestContext"]
    return isinstance(request, dict) and ("serviceArn" in request or "targetGroupArn" in request)


def _is_resolver_call(event: Any) -> bool:
    info = event.get("info") if isinstance(event, dict) else None
    return isinstance(info, dict) and "fieldName" in info and "parentTypeName" in info


def _is_amplify_call(event: Any) -> bool:
    return isinstance(event, dict) and all(
        key in event for key in ("typeName", "fieldName", "arguments")
    )


def _is_batch_of_calls(event: Any) -> bool:
    return bool(event) and (_is_resolver_call(event[0]) or _is_amplify_call(event[0]))


_KAFKA: Final = ("aws:kafka", "SelfManagedKafka")
# AWS's pages write the first and the second.
_ACTIVEMQ: Final = ("aws:mq", "aws:amq")

#: The built-in extractors whose events are told by their shape: an event is compared with one row
#: after the other. A new source is an extractor and a row here. A pipe sends lists:
#: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-source.html
ROWS: Final[tuple[Row, ...]] = (
    ("api_gateway_v2", "http:api_gateway_v2_extractor", "requestContext", _is_http_api),
    ("alb", "http:alb_extractor", "requestContext", _has_in_request("elb")),
    ("websocket", "http:websocket_extractor", "requestContext", _has_in_request("connectionId")),
    ("api_gateway_v1", "http:api_gateway_v1_extractor", "requestContext", _is_rest_api),
    ("vpc_lattice", "http:vpc_lattice_extractor", "requestContext", _is_lattice),
    ("vpc_lattice", "http:vpc_lattice_extractor", "raw_path", _has("method")),
    ("sqs", "messaging:sqs_extractor", "Records", _has_records_of("aws:sqs")),
    ("sns", "messaging:sns_extractor", "Records", _has_records_of("aws:sns")),
    ("kinesis", "messaging:kinesis_extractor", "Records", _has_records_of("aws:kinesis")),
    ("s3", "datasource:s3_extractor", "Records", _has_records_of("aws:s3")),
    ("dynamodb", "datasource:dynamodb_extractor", "Records", _has_records_of("aws:dynamodb")),
    ("ses", "messaging:ses_extractor", "Records", _has_records_of("aws:ses")),
    ("kafka", "brokers:kafka_extractor", "eventSource", _is_from(*_KAFKA)),
    ("activemq", "brokers:activemq_extractor", "eventSource", _is_from(*_ACTIVEMQ)),
    ("rabbitmq", "brokers:rabbitmq_extractor", "eventSource", _is_from("aws:rmq")),
    ("documentdb", "datasource:documentdb_extractor", "eventSource", _is_from("aws:docdb")),
    ("eventbridge", "messaging:eventbridge_extractor", "detail-type", _has("source")),
    ("cloudwatch_logs", "datasource:cloudwatch_logs_extractor", "awslogs", _is_log_batch),
    ("cognito", "direct:cognito_extractor", "triggerSource", _has("userPoolId")),
    ("step_functions", "direct:step_functions_extractor", "StateMachine", _has("Execution")),
    ("appsync", "direct:appsync_extractor", "info", _is_resolver_call),
    ("appsync", "direct:appsync_extractor", "typeName", _is_amplify_call),
    ("firehose", "messaging:firehose_extractor", "deliveryStreamArn", _has("records")),
    ("durable", "durable:durable_extractor", "DurableExecutionArn", _has("InitialExecutionState")),
    ("appsync", "direct:appsync_extractor", list, _is_batch_of_calls),
    ("sqs", "messaging:sqs_extractor", list, _is_list_from("aws:sqs")),
    ("kinesis", "messaging:kinesis_extractor", list, _is_list_from("aws:kinesis")),
    ("dynamodb", "datasource:dynamodb_extractor", list, _is_list_from("aws:dynamodb")),
    ("kafka", "brokers:kafka_extractor", list, _is_list_from(*_KAFKA)),
    ("activemq", "brokers:activemq_extractor", list, _is_list_from(*_ACTIVEMQ)),
    ("rabbitmq", "brokers:rabbitmq_extractor", list, _is_list_from("aws:rmq")),
)

#: Module and function of all built-in extractors by name.
_FUNCTIONS: Final = {
    "auto": "auto:auto_extractor",
    "default": "direct:default_extractor",
    **{name: function for name, function, _, _ in ROWS},
    # A function URL's event is that of an HTTP API:
    # https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
    "function_url": "http:api_gateway_v2_extractor",
}

#: The names under which a function's settings ask for an extractor.
NAMES: Final = tuple(_FUNCTIONS)


@cache
def built_in(name: str) -> Extractor:
    """Return a built-in extractor by its name, which must be one of `NAMES`."""
    module, _, function = _FUNCTIONS[name].partition(":")
    extractor: Extractor = getattr(import_module(f"{__package__}.{module}"), function)
    return extractor


def is_built_in(extractor: Extractor) -> bool:
    """Say whether an extractor is one of these, whose attributes are texts, numbers and bools."""
    module = str(getattr(extractor, "__module__", None))
    # A decorator of the user's around one has the names of that one.
    known = getattr(sys.modules.get(module), getattr(extractor, "__name__", ""), None)
    return module.startswith(f"{__package__}.") and known is extractor


def auto_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read the event with the extractor of its source, or with the default one."""
    return extractor_for(event)(event, context)


def extractor_for(event: Any) -> Extractor:
    """Return the extractor for an event; what matches no row is a direct invocation."""
    keys = event if isinstance(event, dict) else (list,) if isinstance(event, list) else ()
    for name, _, key, test in ROWS:
        if key in keys and test(event):
            return built_in(name)
    return built_in("default")


def extractor_by_name(name: str) -> Extractor:
    """Return a built-in extractor by its name, or the user's own by ``module:function``.

    Raises:
        ValueError: There is no such extractor; the message names the accepted ones.
    """
    if name in _FUNCTIONS:
        return built_in(name)
    module, separator, function = name.partition(":")
    accepted = f"accepted: {', '.join(NAMES)} or module:function"
    if not separator:
        raise ValueError(f"{name!r} is not an extractor; {accepted}")
    try:
        extractor = getattr(import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise ValueError(f"extractor {name!r} cannot be loaded: {error}; {accepted}") from error
    if not callable(extractor):
        raise ValueError(  # noqa: TRY004 - a wrong setting, not a wrong argument
            f"extractor {name!r} is not callable; {accepted}"
        )
    return extractor  # type: ignore[no-any-return]  # its signature cannot be checked
