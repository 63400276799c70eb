from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App, CfnParameter, SecretValue, Stack
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_ssm as ssm

from lambda_otel_lite_cdk import InstrumentedFunction, Kinesis, OtlpForwarder

from .conftest import INLINE, RUNTIME, functions, resources, template, variables

FILTER = "AWS::Logs::SubscriptionFilter"
SOURCE = "AWS::Lambda::EventSourceMapping"
QUEUE = "AWS::SQS::Queue"
ENDPOINT = "https://collector.example.com:4318"


def forwarder_in(stack: Stack, **props: Any) -> OtlpForwarder:
    return OtlpForwarder(stack, "Forwarder", **{"endpoint": ENDPOINT, "runtime": RUNTIME, **props})


def statements(stack: Stack) -> list[dict[str, Any]]:
    """Return what the forwarder's role allows."""
    policies = [
        found
        for found in resources(stack, "AWS::IAM::Policy")
        if found["PolicyName"].startswith("ForwarderRole")
    ]
    return [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]


def test_the_forwarder_is_not_instrumented(stack: Stack) -> None:
    forwarder_in(stack)
    (function,) = functions(stack)
    assert function["Handler"] == "otlp_forwarder.handler.handler"
    assert "Layers" not in function
    found = variables(function)
    assert found.pop("OTLP_FORWARDER_REDRIVE_QUEUE")["Ref"].startswith("ForwarderRedrive")
    assert found.pop("OTLP_FORWARDER_DEAD_LETTER_QUEUE")["Ref"].startswith("ForwarderDeadLetters")
    assert found == {"OTLP_FORWARDER_ENDPOINT": ENDPOINT}
    assert [group["RetentionInDays"] for group in resources(stack, "AWS::Logs::LogGroup")] == [30]


@pytest.mark.parametrize("endpoint", ["collector:4318", "ftp://collector", "https://", ""])
def test_an_endpoint_that_is_no_address_is_refused(stack: Stack, endpoint: str) -> None:
    with pytest.raises(ValueError, match=r"^Shop/Forwarder: OtlpForwarder\.endpoint is"):
        OtlpForwarder(stack, "Forwarder", endpoint=endpoint)


def test_hazard_40_a_password_in_an_endpoint_is_refused_and_not_repeated(stack: Stack) -> None:
    with pytest.raises(ValueError, match="without user, password") as raised:
        OtlpForwarder(stack, "Forwarder", endpoint="https://me:secret@collector.example.com")
    assert "secret" not in str(raised.value)


def test_an_endpoint_may_be_known_at_deployment_only(stack: Stack) -> None:
    OtlpForwarder(stack, "Forwarder", endpoint=CfnParameter(stack, "Endpoint").value_as_string)
    (function,) = functions(stack)
    assert variables(function)["OTLP_FORWARDER_ENDPOINT"] == {"Ref": "Endpoint"}


def test_its_role_allows_what_it_does_and_nothing_else(stack: Stack) -> None:
    forwarder_in(stack)
    (role,) = resources(stack, "AWS::IAM::Role")
    assert "ManagedPolicyArns" not in role
    allowed = {
        (action.partition(":")[0], each["Resource"]["Fn::GetAtt"][0][:13])
        for each in statements(stack)
        for action in [each["Action"]] * isinstance(each["Action"], str) or each["Action"]
    }
    assert allowed == {
        ("logs", "ForwarderLogs"),
        ("sqs", "ForwarderRedr"),
        ("sqs", "ForwarderDead"),
    }
    assert not any("*" in json.dumps(each["Action"]) for each in statements(stack))
    assert not any(each["Resource"] == "*" for each in statements(stack))


def test_hazard_40_of_a_secret_only_the_arn_and_the_grant_are_in_the_template(stack: Stack) -> None:
    value = SecretValue.unsafe_plain_text("k3y")
    secret = secretsmanager.Secret(stack, "Key", secret_object_value={"api-key": value})
    forwarder_in(stack, headers_secret=secret)
    (function,) = functions(stack)
    arn = variables(function)["OTLP_FORWARDER_HEADERS_SECRET"]
    assert arn["Ref"].startswith("Key")
    (read,) = (e for e in statements(stack) if "secretsmanager:GetSecretValue" in e["Action"])
    assert read["Resource"] == arn
    without = {k: v for k, v in template(stack)["Resources"].items() if not k.startswith("Key")}
    assert "k3y" not in json.dumps(without)
    assert "resolve:" not in json.dumps(without)


def test_headers_may_be_kept_in_a_parameter(stack: Stack) -> None:
    parameter = ssm.StringParameter.from_secure_string_parameter_attributes(
        stack, "Headers", parameter_name="/collector/headers"
    )
    forwarder_in(stack, headers_secret=parameter)
    (function,) = functions(stack)
    arn = variables(function)["OTLP_FORWARDER_HEADERS_SECRET"]
    assert arn["Fn::Join"][1][-1] == ":ssm:eu-west-1:123456789012:parameter/collector/headers"
    (read,) = (e for e in statements(stack) if "ssm:GetParameter" in e["Action"])
    assert read["Resource"] == arn
    assert "resolve:ssm" not in json.dumps(template(stack))


def test_what_fails_is_tried_again_from_one_queue_and_ends_in_another(stack: Stack) -> None:
    forwarder_in(stack)
    dead, redrive = resources(stack, QUEUE)
    assert "RedrivePolicy" not in dead
    target = redrive["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
    assert target.startswith("ForwarderDeadLetters")
    (function,) = functions(stack)
    assert function["DeadLetterConfig"]["TargetArn"]["Fn::GetAtt"][0].startswith("ForwarderRedrive")
    # Less would show a message to a second forwarder while the first still works on it.
    assert redrive["VisibilityTimeout"] == 6 * function["Timeout"]
    (source,) = resources(stack, SOURCE)
    assert source["EventSourceArn"]["Fn::GetAtt"][0].startswith("ForwarderRedrive")
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_stream_is_a_change_of_one_argument(stack: Stack) -> None:
    forwarder = forwarder_in(stack, via=Kinesis(shards=3, parallel=2))
    InstrumentedFunction(stack, "Orders", **INLINE, forwarding=forwarder.forwarding)
    (subscription,) = resources(stack, FILTER)
    assert subscription["DestinationArn"]["Fn::GetAtt"][0].startswith("ForwarderStream")
    (stream,) = resources(stack, "AWS::Kinesis::Stream")
    assert stream["ShardCount"] == 3
    (source,) = (found for found in resources(stack, SOURCE) if "StartingPosition" in found)
    assert source["EventSourceArn"]["Fn::GetAtt"][0].startswith("ForwarderStream")
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ParallelizationFactor"] == 2
    assert source["BisectBatchOnFunctionError"] is True
    # A batch that ends the forwarder each time does not hold its neighbours up for long.
    assert source["MaximumRetryAttempts"] == 100
    target = source["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0]
    assert target.startswith("ForwarderDeadLetters")
    assert resources(stack, "AWS::Lambda::Permission") == []


def test_a_stream_scales_by_itself_unless_it_is_told(stack: Stack) -> None:
    forwarder_in(stack, via=Kinesis())
    (stream,) = resources(stack, "AWS::Kinesis::Stream")
    assert stream["StreamModeDetails"] == {"StreamMode": "ON_DEMAND"}


def test_a_stream_that_exists_is_used(stack: Stack) -> None:
    mine = kinesis.Stream(stack, "Mine")
    forwarder_in(stack, via=Kinesis(stream=mine))
    assert len(resources(stack, "AWS::Kinesis::Stream")) == 1


@pytest.mark.parametrize("via", [None, Kinesis()])
def test_hazard_37_a_whole_account_is_forwarded_without_the_forwarders_own_lines(
    stack: Stack, via: Kinesis | None
) -> None:
    forwarder = forwarder_in(stack, via=via, account_level=True)
    InstrumentedFunction(stack, "Orders", **INLINE, forwarding=forwarder.forwarding)
    (policy,) = resources(stack, "AWS::Logs::AccountPolicy")
    _, own, _ = policy["SelectionCriteria"]["Fn::Join"][1]
    function = next(f for f in functions(stack) if f["Handler"].startswith("otlp_forwarder"))
    assert own == function["LoggingConfig"]["LogGroup"]
    # A subscription beside the policy would deliver every line twice.
    assert resources(stack, FILTER) == []


def test_its_alarms_tell_failures_losses_and_delays(stack: Stack) -> None:
    forwarder = forwarder_in(stack, via=Kinesis())
    assert len(forwarder.alarms) == 6
    metrics = {
        metric
        for alarm in resources(stack, "AWS::CloudWatch::Alarm")
        for metric in (
            [alarm["MetricName"]]
            if "MetricName" in alarm
            else [m["MetricStat"]["Metric"]["MetricName"] for m in alarm["Metrics"][1:]]
        )
    }
    assert metrics == {
        "Errors",
        "Held",
        "Rejected",
        "Malformed",
        "ApproximateAgeOfOldestMessage",
        "ApproximateNumberOfMessagesVisible",
        "IteratorAge",
    }


@pytest.mark.parametrize(("given", "reserved"), [({}, 10), ({"concurrency": 5}, 5)])
def test_concurrency_is_reserved_for_it(stack: Stack, given: dict[str, int], reserved: int) -> None:
    forwarder_in(stack, **given)
    (function,) = functions(stack)
    assert function["ReservedConcurrentExecutions"] == reserved
    (source,) = resources(stack, SOURCE)
    assert source["ScalingConfig"]["MaximumConcurrency"] <= reserved


def test_nothing_is_reserved_on_demand(stack: Stack) -> None:
    forwarder_in(stack, concurrency=None)
    (function,) = functions(stack)
    assert "ReservedConcurrentExecutions" not in function


@pytest.mark.parametrize("concurrency", [0, 1])
def test_less_concurrency_than_its_queue_takes_is_refused(stack: Stack, concurrency: int) -> None:
    problem = rf"^Shop/Forwarder: OtlpForwarder\.concurrency is {concurrency}; .* at least 2"
    with pytest.raises(ValueError, match=problem):
        forwarder_in(stack, concurrency=concurrency)


def test_lines_may_choose_only_what_is_listed(stack: Stack) -> None:
    forwarder_in(
        stack,
        allowed_endpoints=["https://eu.example.com/v1/traces", "https://us.example.com/v1/traces"],
        allowed_headers=["x-scope-orgid"],
    )
    (function,) = functions(stack)
    found = variables(function)
    assert found["OTLP_FORWARDER_ALLOWED_ENDPOINTS"] == (
        "https://eu.example.com/v1/traces,https://us.example.com/v1/traces"
    )
    assert found["OTLP_FORWARDER_ALLOWED_HEADERS"] == "x-scope-orgid"


def test_two_forwarders_have_nothing_in_common() -> None:
    stack = Stack(App(analytics_reporting=False), "Shop")
    for name in ("One", "Two"):
        OtlpForwarder(stack, name, endpoint=ENDPOINT, runtime=RUNTIME)
    assert len(resources(stack, QUEUE)) == 4
