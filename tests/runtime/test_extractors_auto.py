"""Events are told apart by shape; everything else is a direct invocation."""

from typing import Any

import pytest
from opentelemetry.trace import SpanKind, get_current_span

from lambda_otel_lite import extractors
from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.extractors import (
    SpanAttributes,
    TriggerType,
    appsync_extractor,
    auto_extractor,
    brokers,
    cognito_extractor,
    datasource,
    default_extractor,
    direct,
    durable,
    extractor_by_name,
    http,
    messaging,
    step_functions_extractor,
)
from lambda_otel_lite.extractors.auto import NAMES, extractor_for
from lambda_otel_lite.propagation.propagation import from_settings
from tests.spans import EVENT_NAMES, FUNCTION_ARN, SPAN_ID, TRACEPARENT, FakeContext, event

_EXPECTED = {
    "activemq": "activemq",
    "alb": "alb",
    "alb_multi_value": "alb",
    "api_gateway_v1": "api_gateway_v1",
    "api_gateway_v2": "api_gateway_v2",
    "api_gateway_v2_default": "api_gateway_v2",
    "appsync": "appsync",
    "appsync_amplify": "appsync",
    "appsync_batch": "appsync",
    "cloudwatch_logs": "cloudwatch_logs",
    "cognito": "cognito",
    "direct": "default",
    "documentdb": "documentdb",
    "durable": "durable",
    "durable_replay": "durable",
    "dynamodb_stream": "dynamodb",
    "eventbridge": "eventbridge",
    "firehose": "firehose",
    "function_url": "api_gateway_v2",
    "kafka": "kafka",
    "kafka_batch": "kafka",
    "kinesis": "kinesis",
    "pipe_activemq": "activemq",
    "pipe_dynamodb": "dynamodb",
    "pipe_kafka": "kafka",
    "pipe_kinesis": "kinesis",
    "pipe_rabbitmq": "rabbitmq",
    "pipe_sqs": "sqs",
    "rabbitmq": "rabbitmq",
    "s3": "s3",
    "s3_lifecycle": "s3",
    "scheduled": "eventbridge",
    "ses": "ses",
    "sns": "sns",
    "sns_through_sqs": "sqs",
    "sqs": "sqs",
    "sqs_batch": "sqs",
    "step_functions": "step_functions",
    "vpc_lattice_v1": "vpc_lattice",
    "vpc_lattice_v2": "vpc_lattice",
    "websocket_connect": "websocket",
    "websocket_message": "websocket",
}


def test_there_is_an_expectation_for_every_sample() -> None:
    assert sorted(_EXPECTED) == EVENT_NAMES


@pytest.mark.parametrize("name", EVENT_NAMES)
def test_auto_picks_the_extractor_of_the_events_source(name: str) -> None:
    extractor = extractor_by_name(_EXPECTED[name])
    assert extractor_for(event(name)) is extractor

    picked = auto_extractor(event(name), FakeContext())
    direct = extractor(event(name), FakeContext())
    assert picked.attributes == direct.attributes
    assert picked.span_name == direct.span_name


@pytest.mark.parametrize(
    "stranger",
    [
        None,
        7,
        "text",
        [],
        [1],
        {},
        {"requestContext": {}},
        {"requestContext": None, "Records": None},
        {"Records": [{"eventSource": "aws:unheard-of"}]},
        {"Records": [{"eventSource": ["aws:sqs"]}]},
        {"Records": [None]},
        {"detail-type": "x"},
        {"info": {"fieldName": "pet"}},
        {"eventSource": ["aws:kafka"]},
        {"eventSource": "aws:unheard-of"},
        {"records": [], "deliveryStreamName": "clicks"},
        {"method": "GET", "path": "/"},
        {"typeName": "Query", "fieldName": "pet"},
        [{"eventSource": "aws:unheard-of"}],
        [{"eventSource": {}}],
        [[]],
    ],
)
def test_what_is_not_known_is_a_direct_invocation(stranger: Any) -> None:
    assert extractor_for(stranger) is default_extractor


@pytest.mark.parametrize(
    "sample",
    [
        {"RequestType": "Create", "ResponseURL": "https://x", "StackId": "x", "RequestId": "x"},
        {"CodePipeline.job": {"id": "x", "accountId": "x", "data": {}}},
        {"invokingEvent": "{}", "resultToken": "x", "configRuleName": "x", "accountId": "x"},
        {"sessionId": "x", "bot": {"name": "x"}, "invocationSource": "DialogCodeHook"},
        {"Name": "ContactFlowEvent", "Details": {"ContactData": {}, "Parameters": {}}},
        {"messageVersion": "1.0", "agent": {}, "apiPath": "/x", "httpMethod": "GET"},
        {"type": "TOKEN", "authorizationToken": "x", "methodArn": "arn:aws:execute-api:x:x:x"},
        {"authorizationToken": "x", "requestContext": {"apiId": "x", "queryString": "x"}},
        {"requestContext": {"condition": "RetriesExhausted"}, "requestPayload": {"Records": []}},
        {"Step": "createSecret", "SecretId": "x", "ClientRequestToken": "x"},
        {"source": "aws.cloudwatch", "alarmArn": "x", "alarmData": {"state": {}}},
        {"getObjectContext": {}, "userRequest": {"headers": {}}, "xAmzRequestId": "x"},
        {"invocationId": "x", "job": {"id": "x"}, "tasks": [{"taskId": "x"}]},
        {"version": "1.0", "session": {}, "context": {}, "request": {"type": "LaunchRequest"}},
        {"Records": [{"eventSource": "aws:codecommit", "codecommit": {"references": []}}]},
        {"temperature": 21, "topic": "sensors/1", "timestamp": 0},
    ],
    ids=[
        "custom resource",
        "CodePipeline",
        "Config",
        "Lex",
        "Connect",
        "Bedrock agent",
        "API Gateway authorizer",
        "AppSync authorizer",
        "destination",
        "secret rotation",
        "alarm",
        "S3 Object Lambda",
        "S3 batch operation",
        "Alexa",
        "CodeCommit",
        "IoT rule",
    ],
)
def test_what_is_alike_is_not_mistaken(sample: Any) -> None:
    extracted = auto_extractor(sample, FakeContext())

    assert extractor_for(sample) is default_extractor
    assert extracted.trigger == "other"
    assert extracted.kind is SpanKind.SERVER
    assert extracted.span_name is None


def test_a_direct_invocation_takes_the_client_contexts_headers() -> None:
    extracted = default_extractor(event("direct"), FakeContext(headers={"traceparent": "00-x"}))

    assert extracted.carrier == {"traceparent": "00-x"}
    assert extracted.trigger == TriggerType.OTHER == "other"
    assert extracted.span_name is None
    assert extracted.attributes == {
        "faas.invocation_id": FakeContext.aws_request_id,
        "aws.lambda.invoked_arn": FUNCTION_ARN,
        "cloud.resource_id": FUNCTION_ARN,
        "cloud.account.id": "123456789012",
    }


def test_headers_in_the_event_win_over_the_client_context() -> None:
    sample = {"headers": {"Traceparent": TRACEPARENT}}

    extracted = default_extractor(sample, FakeContext(headers={"traceparent": "00-x"}))

    parent = from_settings(Settings.from_environ({})).parent(extracted.carrier)
    assert get_current_span(parent).get_span_context().span_id == SPAN_ID
    assert (extracted.carrier or {})["Traceparent"] == TRACEPARENT


@pytest.mark.parametrize(
    ("qualifier", "version", "resource_id"),
    [
        ("", "$LATEST", FUNCTION_ARN),
        (":live", "7", f"{FUNCTION_ARN}:7"),
        (":live", "$LATEST", FUNCTION_ARN),
        (":live", None, FUNCTION_ARN),
        (":$LATEST", "$LATEST", FUNCTION_ARN),
        (":7", "7", f"{FUNCTION_ARN}:7"),
    ],
)
def test_an_alias_is_part_of_the_invoked_arn_alone(
    qualifier: str, version: str | None, resource_id: str
) -> None:
    """https://opentelemetry.io/docs/specs/semconv/resource/cloud/, cloud.resource_id."""
    context = FakeContext(invoked_function_arn=FUNCTION_ARN + qualifier, function_version=version)

    attributes = default_extractor({}, context).attributes

    assert attributes["cloud.resource_id"] == resource_id
    assert attributes["aws.lambda.invoked_arn"] == FUNCTION_ARN + qualifier


@pytest.mark.parametrize("context", [None, object(), "x", {"aws_request_id": 1}])
def test_any_context_will_do(context: Any) -> None:
    extracted = default_extractor({}, context)

    assert extracted.attributes == {}
    assert extracted.carrier is None


@pytest.mark.parametrize("headers", [None, [], "x", 7])
def test_a_client_context_that_is_no_object_is_no_carrier(headers: Any) -> None:
    assert default_extractor({}, FakeContext(headers=headers)).carrier is None


def test_a_client_context_that_fails_is_no_carrier() -> None:
    class Failing(FakeContext):
        def w3c(self) -> dict[str, str]:
            raise RuntimeError

    assert default_extractor({}, Failing()).carrier is None


def test_a_state_machines_context_object_names_the_span_by_the_state() -> None:
    extracted = step_functions_extractor(event("step_functions"), FakeContext())

    assert extracted.span_name == "ChargeCard"
    assert extracted.attributes["aws.step_functions.state_machine.name"] == "checkout"
    assert extracted.attributes["aws.step_functions.state.name"] == "ChargeCard"
    assert extracted.attributes["aws.step_functions.execution.arn"].endswith(":run-17")
    assert extracted.trigger == "other"


def test_hazard_16_a_user_pools_trigger_names_no_user() -> None:
    extracted = cognito_extractor(event("cognito"), FakeContext())

    assert extracted.span_name == "PreSignUp_SignUp"
    assert extracted.attributes["aws.cognito.trigger_source"] == "PreSignUp_SignUp"
    assert extracted.attributes["aws.cognito.user_pool_id"] == "eu-west-1_AbCdEfGhI"
    assert "jane" not in str(extracted.attributes)


@pytest.mark.parametrize("name", ["appsync", "appsync_batch", "appsync_amplify"])
def test_a_resolvers_call_is_named_by_its_field(name: str) -> None:
    extracted = appsync_extractor(event(name), FakeContext())

    assert extracted.span_name == "Query.pet"
    assert extracted.attributes["graphql.operation.type"] == "query"
    assert extracted.attributes["graphql.operation.name"] == "pet"
    assert extracted.trigger == "http"
    carrier: Any = extracted.carrier
    assert carrier["traceparent"] == TRACEPARENT


def test_a_resolver_of_a_type_has_no_operation_and_no_call_no_name() -> None:
    sample = event("appsync")
    sample["info"]["parentTypeName"] = "Pet"

    assert "graphql.operation.type" not in appsync_extractor(sample, None).attributes
    assert appsync_extractor([], None).span_name is None


def custom(event: Any, context: Any) -> SpanAttributes:
    """Stand for an extractor in the user's code."""
    return SpanAttributes("custom", {})


def test_a_users_extractor_is_found_by_module_and_function() -> None:
    assert extractor_by_name("auto") is auto_extractor
    assert extractor_by_name(f"{__name__}:custom") is custom


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("graphql", "is not an extractor"),
        ("no.such.module:f", "No module named"),
        (f"{__name__}:missing", "has no attribute"),
        (f"{__name__}:_EXPECTED", "is not callable"),
    ],
)
def test_an_extractor_that_is_not_there_is_an_error_that_names_what_is(
    name: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason) as error:
        extractor_by_name(name)

    assert repr(name) in str(error.value)
    for accepted in ("auto", "appsync", "module:function"):
        assert accepted in str(error.value)


def test_every_extractor_is_a_row_of_the_table_and_every_row_is_exported() -> None:
    public = {
        name
        for module in (brokers, datasource, direct, durable, http, messaging)
        for name, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and not name.startswith("_")
    }
    exported = {name for name in vars(extractors)["__all__"] if name.endswith("_extractor")}

    assert exported == public | {"auto_extractor", "function_url_extractor"}
    assert exported == {f"{name}_extractor" for name in NAMES}
    for name in exported:
        assert extractor_by_name(name.removesuffix("_extractor")) is getattr(extractors, name)


def test_there_is_a_sample_of_every_source_that_is_told_by_its_shape() -> None:
    assert {*_EXPECTED.values()} == {*NAMES} - {"auto", "function_url"}


@pytest.mark.parametrize("name", ["Tracer", "no_such_extractor", "sqs"])
def test_what_is_no_extractor_is_no_attribute(name: str) -> None:
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'"):
        getattr(extractors, name)
