from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk import App, CfnParameter, Environment, SecretValue, Stack, assertions
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager
from aws_cdk import aws_sqs as sqs
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


def test_metrics_of_root_spans_are_asked_for_by_a_variable(stack: Stack) -> None:
    forwarder_in(stack)
    number = CfnParameter(stack, "Pairs", type="Number").value_as_number
    OtlpForwarder(stack, "Hundred", endpoint=ENDPOINT, span_metrics=100)
    OtlpForwarder(stack, "Later", endpoint=ENDPOINT, span_metrics=number)  # type: ignore[arg-type]

    found = [variables(each).get("OTLP_FORWARDER_SPAN_METRICS") for each in functions(stack)]
    assert found == [None, "100", {"Ref": "Pairs"}]


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


IDS = ["DeadLetters", "Redrive", "Logs", "Role", "Stream"]


def siblings(stack: Stack) -> None:
    for name in IDS:
        sqs.Queue(stack, f"Forwarder{name}", fifo=True)


def streamed(stack: Stack) -> None:
    forwarder_in(stack, via=Kinesis())


@pytest.mark.parametrize("made", [(siblings, streamed), (streamed, siblings)])
def test_ids_beside_it_are_the_apps_own(made: Any, stack: Stack) -> None:
    for make in made:
        make(stack)
    assert len(resources(stack, QUEUE)) == 2 + len(IDS)


def with_key(stack: Stack, key: kms.IKey, **props: Any) -> None:
    forwarder_in(stack, encryption_key=key, **props)


def key_policy(stack: Stack) -> list[dict[str, Any]]:
    (key,) = resources(stack, "AWS::KMS::Key")
    found: list[dict[str, Any]] = key["KeyPolicy"]["Statement"]
    return found


def test_one_argument_encrypts_queues_log_group_and_stream(stack: Stack) -> None:
    with_key(stack, kms.Key(stack, "Key"), via=Kinesis())
    ((name, _),) = (
        one for one in template(stack)["Resources"].items() if one[1]["Type"] == "AWS::KMS::Key"
    )
    arn = {"Fn::GetAtt": [name, "Arn"]}
    assert [one["KmsMasterKeyId"] for one in resources(stack, QUEUE)] == [arn, arn]
    assert [one["KmsKeyId"] for one in resources(stack, "AWS::Logs::LogGroup")] == [arn]
    (stream,) = resources(stack, "AWS::Kinesis::Stream")
    assert stream["StreamEncryption"] == {"EncryptionType": "KMS", "KeyId": arn}


def test_without_a_key_nothing_asks_for_one(stack: Stack) -> None:
    forwarder_in(stack, via=Kinesis())
    assert "kms:" not in json.dumps(template(stack))
    assert "KmsMasterKeyId" not in json.dumps(template(stack))


def test_cloudwatch_logs_may_use_the_key_for_log_groups_of_the_account(stack: Stack) -> None:
    with_key(stack, kms.Key(stack, "Key"))
    (granted,) = (
        one for one in key_policy(stack) if "logs." in json.dumps(one["Principal"].get("Service"))
    )
    assert granted["Principal"] == {"Service": "logs.eu-west-1.amazonaws.com"}
    (pattern,) = granted["Condition"]["ArnLike"].values()
    assert pattern["Fn::Join"][1][-1] == ":logs:eu-west-1:123456789012:log-group:*"
    assert list(granted["Condition"]["ArnLike"]) == ["kms:EncryptionContext:aws:logs:arn"]


def test_the_forwarder_may_use_the_key_for_its_queues_and_its_secret(stack: Stack) -> None:
    key = kms.Key(stack, "Key")
    with_key(stack, key, headers_secret=secretsmanager.Secret(stack, "Headers", encryption_key=key))
    used = {
        action
        for each in statements(stack)
        for action in [each["Action"]] * isinstance(each["Action"], str) or each["Action"]
        if action.startswith("kms:") and each["Resource"]["Fn::GetAtt"][0].startswith("Key")
    }
    assert {"kms:Decrypt", "kms:GenerateDataKey"} <= used


def test_two_forwarders_with_one_key_ask_for_its_use_once(stack: Stack) -> None:
    key = kms.Key(stack, "Key")
    for name in ("One", "Two"):
        OtlpForwarder(stack, name, endpoint=ENDPOINT, runtime=RUNTIME, encryption_key=key)
    assert json.dumps(key_policy(stack)).count("logs.eu-west-1") == 1


@pytest.mark.parametrize("with_key", [True, False])
def test_into_a_bucket_it_may_put_objects_of_one_folder_and_nothing_else(
    stack: Stack, *, with_key: bool
) -> None:
    key = kms.Key(stack, "Key") if with_key else None
    bucket = s3.Bucket(stack, "Overflow", encryption_key=key)
    forwarder_in(stack, overflow_bucket=bucket)

    allowed = [
        each for each in statements(stack) if str(each["Action"]).startswith(("s3:", "kms:"))
    ]
    (function,) = functions(stack)
    arn = stack.resolve(bucket.bucket_arn)
    objects = {"Fn::Join": ["", [arn, "/otlp-forwarder/*"]]}
    assert [(each["Action"], each["Resource"]) for each in allowed] == [
        ("s3:PutObject", objects),
        *([("kms:GenerateDataKey", stack.resolve(key.key_arn))] if key else []),
    ]
    assert variables(function)["OTLP_FORWARDER_OVERFLOW_BUCKET"] == {"Ref": arn["Fn::GetAtt"][0]}


def test_a_key_of_another_stack_is_used(stack: Stack) -> None:
    app = stack.node.root
    assert isinstance(app, App)
    other = Stack(app, "Keys", env=Environment(account="123456789012", region="eu-west-1"))
    with_key(stack, kms.Key(other, "Key"))
    assert all("Fn::ImportValue" in one["KmsMasterKeyId"] for one in resources(stack, QUEUE))
    assert "logs.eu-west-1" in json.dumps(key_policy(other))


def test_of_a_key_that_is_not_of_the_app_a_warning_says_what_its_policy_needs(
    stack: Stack,
) -> None:
    arn = "arn:aws:kms:eu-west-1:123456789012:key/0123"
    with_key(stack, kms.Key.from_key_arn(stack, "Key", arn))
    assert [one["KmsMasterKeyId"] for one in resources(stack, QUEUE)] == [arn, arn]
    found = assertions.Annotations.from_stack(stack).find_warning(
        "*", assertions.Match.string_like_regexp("lambda-otel-lite:key-policy")
    )
    assert len(found) == 1
    assert "let the service logs.eu-west-1.amazonaws.com use it" in str(found[0].entry.data)
