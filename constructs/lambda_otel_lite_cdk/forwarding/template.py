"""The forwarder as a CloudFormation template, for those who do not use the CDK.

It is what `OtlpForwarder` deploys; a test compares the two.
"""

from __future__ import annotations

from typing import Any

from lambda_otel_lite_cdk.forwarding import facts
from lambda_otel_lite_cdk.forwarding._template_alarms import template_alarms
from lambda_otel_lite_cdk.forwarding.expressions import (
    arn,
    choose,
    equals,
    kept,
    negated,
    resource,
    sub,
)
from lambda_otel_lite_cdk.forwarding.pattern import RECORD_PATTERN
from lambda_otel_lite_cdk.layer.interpreters import SUPPORTED_VERSIONS
from otlp_forwarder import variables

#: Most log groups that one stack subscribes: a template has no loops without a macro.
MOST_LOG_GROUPS = 20
_DAY_S = 24 * 3600
_NOTHING = {"Ref": "AWS::NoValue"}
_FUNCTION, _REDRIVE, _DEAD, _LOGS = "Forwarder", "Redrive", "DeadLetters", "Logs"


def forwarder_template(code_key: str) -> dict[str, Any]:
    """Return the template.

    Args:
        code_key: Object key under which the forwarder's code is uploaded, unless another is given.
    """
    numbers = range(1, MOST_LOG_GROUPS + 1)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"lambda-otel-lite: {facts.DESCRIPTION}",
        "Parameters": _parameters(code_key),
        "Conditions": {
            "ToCloudWatch": equals("Endpoint", ""),
            "HasHeaders": negated(equals("HeadersSecretArn", "")),
            "HasKey": negated(equals("HeadersKeyArn", "")),
            "HasConcurrency": negated(equals("Concurrency", "")),
            "OfAccount": equals("AccountLevel", "true"),
            **{f"HasLogGroup{n}": negated({"Fn::Equals": [_log_group(n), ""]}) for n in numbers},
        },
        "Resources": {
            _DEAD: _queue(),
            _REDRIVE: _queue(
                RedrivePolicy={
                    "deadLetterTargetArn": arn(_DEAD),
                    "maxReceiveCount": facts.MOST_TRIES,
                }
            ),
            **{f"{name}Policy": _only_encrypted(name) for name in (_DEAD, _REDRIVE)},
            _LOGS: kept("AWS::Logs::LogGroup", RetentionInDays=facts.LOG_DAYS),
            "Role": _role(),
            _FUNCTION: _function(),
            "FromRedrive": resource(
                "AWS::Lambda::EventSourceMapping",
                FunctionName={"Ref": _FUNCTION},
                EventSourceArn=arn(_REDRIVE),
                BatchSize=facts.REDRIVE_BATCH,
                FunctionResponseTypes=["ReportBatchItemFailures"],
                ScalingConfig={"MaximumConcurrency": facts.REDRIVE_CONCURRENCY},
            ),
            "FromLogs": resource(
                "AWS::Lambda::Permission",
                FunctionName=arn(_FUNCTION),
                Action="lambda:InvokeFunction",
                Principal=facts.LOGS,
                SourceAccount={"Ref": "AWS::AccountId"},
                SourceArn=sub(
                    "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:*"
                ),
            ),
            "OfAllLogGroups": _account_policy(),
            **{f"OfLogGroup{number}": _filter(number) for number in numbers},
            **template_alarms(_FUNCTION, _REDRIVE, _DEAD),
        },
        "Outputs": {
            "ForwarderArn": {
                "Description": "For `lambda-otel instrument --forward-to`, and for filters.",
                "Value": arn(_FUNCTION),
            },
            "RedriveQueueUrl": {"Description": "What is sent again.", "Value": {"Ref": _REDRIVE}},
            "DeadLettersUrl": {
                "Description": "What is not, until you move it to the redrive queue.",
                "Value": {"Ref": _DEAD},
            },
        },
    }


def _parameters(code_key: str) -> dict[str, Any]:
    def parameter(description: str, default: str | None = None, **more: Any) -> dict[str, Any]:
        given = {} if default is None else {"Default": default}
        return {"Type": "String", "Description": description, **given, **more}

    return {
        "CodeBucket": parameter("Bucket, in this region, that the zip was uploaded to."),
        "CodeKey": parameter("Object key of the zip there.", code_key),
        "Endpoint": parameter(
            f"{variables.ENDPOINT.meaning.replace('`', '')} Default: that of CloudWatch.",
            "",
            AllowedPattern="(https?://.+)?",
        ),
        "HeadersSecretArn": parameter(variables.HEADERS_SECRET.meaning, ""),
        "HeadersKeyArn": parameter(
            "ARN of the KMS key of that secret, unless it is AWS's own.", ""
        ),
        "LogGroupNames": parameter(
            f"Log groups to forward, at most {MOST_LOG_GROUPS}, separated by commas.",
            "",
            Type="CommaDelimitedList",
        ),
        "AccountLevel": parameter(
            "Forward all log groups of the account and region by one policy instead.",
            "false",
            AllowedValues=["false", "true"],
        ),
        "Concurrency": parameter(
            "Most forwarders at once, reserved for them. Empty: none is reserved, which a new "
            "account needs.",
            str(facts.CONCURRENCY),
            AllowedPattern="([2-9]|[1-9][0-9]+)?",
        ),
    }


def _function() -> dict[str, Any]:
    endpoint = choose(
        "ToCloudWatch",
        sub("https://xray.${AWS::Region}.${AWS::URLSuffix}/v1/traces"),
        {"Ref": "Endpoint"},
    )
    return resource(
        "AWS::Lambda::Function",
        Description=facts.DESCRIPTION,
        Code={"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Ref": "CodeKey"}},
        Runtime=f"python{SUPPORTED_VERSIONS[-1]}",
        Handler=facts.HANDLER,
        Role=arn("Role"),
        MemorySize=facts.MEMORY_MB,
        Timeout=facts.TIMEOUT_S,
        ReservedConcurrentExecutions=choose("HasConcurrency", {"Ref": "Concurrency"}, _NOTHING),
        DeadLetterConfig={"TargetArn": arn(_REDRIVE)},
        LoggingConfig={"LogGroup": {"Ref": _LOGS}},
        Environment={
            "Variables": {
                variables.ENDPOINT.name: endpoint,
                variables.HEADERS_SECRET.name: choose(
                    "HasHeaders", {"Ref": "HeadersSecretArn"}, _NOTHING
                ),
                variables.REDRIVE_QUEUE.name: {"Ref": _REDRIVE},
                variables.DEAD_LETTER_QUEUE.name: {"Ref": _DEAD},
            }
        },
    )


def _role() -> dict[str, Any]:
    def allow(actions: list[str], resources: Any) -> dict[str, Any]:
        return {"Effect": "Allow", "Action": actions, "Resource": resources}

    trust = {
        "Effect": "Allow",
        "Principal": {"Service": "lambda.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    consume = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
    attributes = ["sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
    statements = [
        allow(["logs:CreateLogStream", "logs:PutLogEvents"], arn(_LOGS)),
        allow(["sqs:SendMessage", *attributes], [arn(_REDRIVE), arn(_DEAD)]),
        allow(consume, arn(_REDRIVE)),
        choose("ToCloudWatch", allow([facts.XRAY_ACTION], "*"), _NOTHING),
        choose(
            "HasHeaders",
            # One of the two, whichever the ARN is of.
            allow(
                ["secretsmanager:GetSecretValue", "ssm:GetParameter"], {"Ref": "HeadersSecretArn"}
            ),
            _NOTHING,
        ),
        choose("HasKey", allow(["kms:Decrypt"], {"Ref": "HeadersKeyArn"}), _NOTHING),
    ]
    return resource(
        "AWS::IAM::Role",
        Description="What the forwarder of telemetry may do",
        AssumeRolePolicyDocument={"Version": "2012-10-17", "Statement": [trust]},
        Policies=[
            {
                "PolicyName": "Forward",
                "PolicyDocument": {"Version": "2012-10-17", "Statement": statements},
            }
        ],
    )


def _queue(**more: Any) -> dict[str, Any]:
    return resource(
        "AWS::SQS::Queue",
        MaximumMessageSize=facts.MESSAGE_BYTES,
        MessageRetentionPeriod=facts.QUEUE_DAYS * _DAY_S,
        VisibilityTimeout=facts.VISIBILITY_S,
        SqsManagedSseEnabled=True,
        **more,
    )


def _only_encrypted(queue: str) -> dict[str, Any]:
    statement = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "sqs:*",
        "Resource": arn(queue),
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    document = {"Version": "2012-10-17", "Statement": [statement]}
    return resource("AWS::SQS::QueuePolicy", Queues=[{"Ref": queue}], PolicyDocument=document)


def _account_policy() -> dict[str, Any]:
    document = f'{{"DestinationArn":"${{{_FUNCTION}.Arn}}","FilterPattern":"{RECORD_PATTERN}"}}'
    return {
        **resource(
            "AWS::Logs::AccountPolicy",
            PolicyName=facts.POLICY_NAME,
            PolicyType=facts.POLICY_TYPE,
            Scope="ALL",
            PolicyDocument=sub(document),
            # It would get its own lines without end.
            SelectionCriteria=sub(f'LogGroupName NOT IN ["${{{_LOGS}}}"]'),
        ),
        "Condition": "OfAccount",
        # CloudWatch Logs makes a test call.
        "DependsOn": "FromLogs",
    }


def _filter(number: int) -> dict[str, Any]:
    return {
        **resource(
            "AWS::Logs::SubscriptionFilter",
            LogGroupName=_log_group(number),
            FilterPattern=RECORD_PATTERN,
            DestinationArn=arn(_FUNCTION),
        ),
        "Condition": f"HasLogGroup{number}",
        "DependsOn": "FromLogs",
    }


def _log_group(number: int) -> dict[str, Any]:
    """Return the name of a log group, empty where fewer are given."""
    given = {"Fn::Join": [",", {"Ref": "LogGroupNames"}]}
    padded = {"Fn::Join": ["", [given, "," * MOST_LOG_GROUPS]]}
    return {"Fn::Select": [str(number - 1), {"Fn::Split": [",", padded]}]}
