"""What `lambda-otel instrument` does to functions, log groups and versions of any template."""

from __future__ import annotations

from typing import Any

import pytest

from lambda_otel_lite.configuration.variables import ENTRY_POINT
from lambda_otel_lite_cdk.cli.errors import UsageProblem

from .rewritten import FORWARDER, LAYER, Template

pytestmark = pytest.mark.once

ORDERS = """\
Resources:
  Orders:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.13
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Code: {ZipFile: "def handler(event, context): ..."}
"""
FILTER, GROUP = "AWS::Logs::SubscriptionFilter", "AWS::Logs::LogGroup"

SITE = """\
  Site:
    Type: AWS::CloudFront::Distribution
    Properties:
      DistributionConfig:
        DefaultCacheBehavior:
          LambdaFunctionAssociations:
            - {EventType: viewer-request, LambdaFunctionARN: ARN}
"""
TRUST = """\
Statement:
  - Effect: Allow
    Principal: {Service: [lambda.amazonaws.com, edgelambda.amazonaws.com]}
    Action: sts:AssumeRole
"""


def indented(text: str, by: int) -> str:
    return "".join(" " * by + line for line in text.splitlines(keepends=True))


VERSION = (
    "  Published:\n    Type: AWS::Lambda::Version\n    Properties: {FunctionName: !Ref Orders}\n"
)
SAM = ORDERS.replace("AWS::Lambda::Function", "AWS::Serverless::Function")


@pytest.mark.parametrize(
    "text",
    [
        ORDERS + VERSION + SITE.replace("ARN}", "!Ref Published}"),
        SAM + SITE.replace("ARN}", "!Ref Orders.Version}"),
        ORDERS.replace("Role:", "FunctionName: orders\n      Role:")
        + SITE.replace(
            "ARN}", "!Sub 'arn:aws:lambda:us-east-1:${AWS::AccountId}:function:orders:3'}"
        ),
        ORDERS
        + "  Role:\n    Type: AWS::IAM::Role\n    Properties:\n      AssumeRolePolicyDocument:\n"
        + indented(TRUST, 8),
        SAM + "      AssumeRolePolicyDocument:\n" + indented(TRUST, 8),
    ],
    ids=["version", "sam-version", "arn", "role", "sam-role"],
)
def test_functions_at_the_edge_are_left_alone(text: str, tmp_path: Any) -> None:
    from .command import run  # noqa: PLC0415

    path = tmp_path / "template.yaml"
    path.write_text(text)

    done = run("instrument", path, "--in-place")

    assert done.returncode == 0, done.stderr
    assert "Lambda@Edge" in done.stdout
    assert path.read_text() == text


def test_a_version_is_published_again_when_its_function_changes() -> None:
    template = Template(
        ORDERS
        + VERSION
        + """\
  Live:
    Type: AWS::Lambda::Alias
    DependsOn: Published
    Properties:
      FunctionName: !Ref Orders
      FunctionVersion: !GetAtt Published.Version
      Description: !Sub ["${Published} of ${Stage}", {Stage: x}]
Outputs:
  Arn: {Value: !Ref Published}
  Text: {Value: !Sub "${Published} and ${Published.Version}"}
"""
    )
    template.instrument()

    (version,) = template.of_type("AWS::Lambda::Version")
    assert version != "Published"
    alias = template.resources["Live"]
    assert alias["DependsOn"] == version
    assert alias["Properties"]["FunctionVersion"] == {"Fn::GetAtt": [version, "Version"]}
    assert alias["Properties"]["Description"]["Fn::Sub"][0] == f"${{{version}}} of ${{Stage}}"
    assert template.outputs["Arn"]["Value"] == {"Ref": version}
    assert template.outputs["Text"]["Value"] == {
        "Fn::Sub": f"${{{version}}} and ${{{version}.Version}}"
    }


def test_a_version_of_a_function_that_stays_as_it_is_stays_too() -> None:
    template = Template(ORDERS + VERSION)
    template.instrument(skip=("*",))
    assert "Published" in template.resources


def test_settings_that_change_later_publish_a_version_again() -> None:
    found = set()
    for mode in ("sync", "async", "async"):
        template = Template(ORDERS + VERSION)
        template.instrument(settings={"mode": mode})
        found |= set(template.of_type("AWS::Lambda::Version"))
    assert len(found) == 2


def only(template: Template, kind: str) -> dict[str, Any]:
    (one,) = template.of_type(kind).values()
    return one


@pytest.mark.parametrize(
    ("function", "group"),
    [
        ("", "LogGroupName: !Sub /aws/lambda/${Orders}"),
        ("", "LogGroupName: !Join ['', [/aws/lambda/, !Ref Orders]]"),
        ("", "LogGroupName: !Sub ['/aws/lambda/${Name}', {Name: !Ref Orders}]"),
        ("FunctionName: orders", "LogGroupName: /aws/lambda/orders"),
        (
            "FunctionName: !Sub '${Stage}-orders'",
            "LogGroupName: !Sub '/aws/lambda/${Stage}-orders'",
        ),
        (
            "FunctionName: !Join ['-', [!Ref Stage, orders]]",
            "LogGroupName: !Sub '/aws/lambda/${Stage}-orders'",
        ),
        ("LoggingConfig: {LogGroup: !Ref Logs}", "RetentionInDays: 7"),
        ("LoggingConfig: {LogGroup: /shop/orders}", "LogGroupName: /shop/orders"),
        (
            "LoggingConfig: {LogGroup: !Sub '/shop/${Stage}'}",
            "LogGroupName: !Join ['', [/shop/, !Ref Stage]]",
        ),
    ],
)
def test_the_log_group_that_a_function_has_is_subscribed(function: str, group: str) -> None:
    template = Template(
        ORDERS
        + (f"      {function}\n" if function else "")
        + f"  Logs:\n    Type: {GROUP}\n    Properties:\n      {group}\n"
    )
    template.instrument(forward_to=FORWARDER)
    assert only(template, FILTER)["Properties"] == {
        "LogGroupName": {"Ref": "Logs"},
        "FilterPattern": "{ $.__otel_otlp_stdout = * }",
        "DestinationArn": FORWARDER,
    }
    assert template.of_type(GROUP).keys() == {"Logs"}


def test_a_log_group_of_another_template_is_subscribed_by_its_name() -> None:
    template = Template(ORDERS + "      LoggingConfig: {LogGroup: !Ref Shared}\n")
    template.instrument(forward_to=FORWARDER)
    assert only(template, FILTER)["Properties"]["LogGroupName"] == {"Ref": "Shared"}
    assert not template.of_type(GROUP)


def test_only_where_there_is_none_a_log_group_is_made_that_keeps_all() -> None:
    template = Template(
        ORDERS.replace(
            "    Properties:\n      Runtime",
            "    Condition: Wanted\n    Properties:\n      Runtime",
        )
    )
    template.instrument(forward_to=FORWARDER)
    assert only(template, GROUP) == {
        "Type": GROUP,
        "Condition": "Wanted",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {"LogGroupName": {"Fn::Sub": "/aws/lambda/${Orders}"}},
    }
    assert only(template, FILTER)["Condition"] == "Wanted"


RETENTION = """\
  Kept:
    Type: Custom::LogRetention
    Properties:
      LogGroupName: !Join ['', [/aws/lambda/, !Ref Orders]]
"""


def test_a_log_group_that_the_cdk_makes_for_its_retention_is_subscribed() -> None:
    template = Template(ORDERS + RETENTION)
    template.instrument(forward_to=FORWARDER)
    name = only(template, FILTER)["Properties"]["LogGroupName"]
    assert name == {"Fn::GetAtt": ["Kept", "LogGroupName"]}


SECOND = ORDERS.partition("\n")[2].replace("Orders:", "Worker:")
TAKEN = """\
  Logs:
    Type: AWS::Logs::LogGroup
    Properties: {LogGroupName: !Sub "/aws/lambda/${Orders}"}
  LogsTelemetryFilter:
    Type: AWS::Logs::SubscriptionFilter
    Properties: {LogGroupName: !Ref Logs, FilterPattern: "", DestinationArn: arn}
"""


def test_a_log_group_that_functions_share_is_subscribed_once() -> None:
    shared = "      LoggingConfig: {LogGroup: /shop}\n"
    template = Template(ORDERS + shared + SECOND + shared)
    template.instrument(forward_to=FORWARDER)
    assert len(template.of_type(FILTER)) == 1


def test_ids_do_not_collide_with_those_of_the_template() -> None:
    template = Template(ORDERS + TAKEN)
    template.instrument(forward_to=FORWARDER)
    assert template.resources["LogsTelemetryFilter"]["Properties"]["DestinationArn"] == "arn"
    assert len(template.of_type(FILTER)) == 2


def test_another_destination_takes_the_place_of_the_one_before() -> None:
    template = Template(ORDERS)
    template.instrument(forward_to=f"{FORWARDER}-1")
    template.instrument(forward_to=FORWARDER)
    assert only(template, FILTER)["Properties"]["DestinationArn"] == FORWARDER


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            TAKEN + TAKEN.partition("LogsTelemetryFilter:")[2].join(["  Other:", ""]),
            "has 3 subscription filters",
        ),
        (
            TAKEN.replace("{LogGroupName: !Sub", "{LogGroupClass: DELIVERY, LogGroupName: !Sub"),
            "of the class DELIVERY",
        ),
        ("".join(f"  Topic{n}: {{Type: AWS::SNS::Topic}}\n" for n in range(498)), "502 resources"),
    ],
    ids=["filters", "class", "resources"],
)
def test_what_aws_would_refuse_is_said(more: str, words: str) -> None:
    with pytest.raises(UsageProblem, match=words):
        Template(ORDERS + more).instrument(forward_to=FORWARDER)


FOR_EACH = """\
Transform: AWS::LanguageExtensions
Resources:
  Fn::ForEach::Shops:
    - Name
    - [Tea, Rice]
    - ${Name}Orders:
        Type: AWS::Lambda::Function
        Properties:
          Runtime: python3.13
          Handler: !Sub ${Name}.handler
          Code: {ZipFile: "def handler(event, context): ..."}
"""


def test_functions_of_a_loop_are_instrumented() -> None:
    template = Template(FOR_EACH)
    done = template.instrument(forward_to=FORWARDER)
    made = template.resources["Fn::ForEach::Shops"][2]["${Name}Orders"]["Properties"]
    assert made["Handler"] == ENTRY_POINT
    assert made["Environment"]["Variables"]["LAMBDA_OTEL_HANDLER"] == {"Fn::Sub": "${Name}.handler"}
    assert made["Layers"] == [{"Ref": LAYER}]
    assert "its log group is known at deployment only" in done.warnings[0]


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        (
            "Environment: {Variables: {AWS_LAMBDA_EXEC_WRAPPER: /opt/other}}",
            "leave the function to it with --skip",
        ),
        ("SnapStart: {ApplyOn: PublishedVersions}", "asks for SnapStart"),
    ],
)
def test_what_the_constructs_warn_of_is_said(properties: str, words: str) -> None:
    done = Template(ORDERS + f"      {properties}\n").instrument()
    assert words in "".join(done.warnings)


def test_a_published_layer_lets_a_runtime_be_an_expression() -> None:
    text = ORDERS.replace("python3.13", "!FindInMap [Python, Newest, Name]")
    arn = "arn:aws:lambda:eu-west-1:123456789012:layer:telemetry:1"
    template = Template(text)
    template.instrument(settings={"layer_arn": arn})
    assert template.resources["Orders"]["Properties"]["Layers"] == [arn]


@pytest.mark.parametrize(
    "text", [ORDERS, ORDERS + VERSION + TAKEN, SAM, FOR_EACH, ORDERS + RETENTION + SECOND]
)
def test_to_do_it_again_changes_nothing(text: str) -> None:
    template = Template(text)
    template.instrument(forward_to=FORWARDER)
    once = template.text
    template.instrument(forward_to=FORWARDER)
    assert template.text == once
