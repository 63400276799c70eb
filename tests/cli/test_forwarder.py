"""`lambda-otel forwarder`: what it writes is what `OtlpForwarder` deploys, and it deploys."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from moto import mock_aws
from moto.cloudformation.models import cloudformation_backends
from moto.cloudformation.parsing import clean_json
from ruamel.yaml import YAML

from lambda_otel_lite_cdk import CloudWatch, OtlpForwarder
from lambda_otel_lite_cdk.layer.build import stage_package

from .command import assert_refused, run

REGION, BUCKET = "eu-west-1", "code"
HEADERS = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:key-abc"
# What moto's CloudFormation leaves out.
pytestmark = [
    pytest.mark.once,
    *(
        pytest.mark.filterwarnings(f"ignore:Tried to parse AWS..{kind}")
        for kind in (
            *("Logs..SubscriptionFilter", "Logs..AccountPolicy"),
            *("SQS..QueuePolicy", "CloudWatch..Alarm"),
        )
    ),
]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template; the code is beside it."""
    folder = tmp_path_factory.mktemp("forwarder")
    done = run("forwarder", "-o", folder)
    assert done.returncode == 0, done.stderr
    (template,) = folder.glob("*.yaml")
    (archive,) = folder.glob("*.zip")
    assert done.stdout.split() == [str(template), str(archive)]
    return template


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    # Functions are configured, not run: nothing of them goes into a container.
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield


def deploy(written: Path, **parameters: str) -> Any:
    """Deploy the template, and return the stack with all that it resolves to."""
    (archive,) = written.parent.glob("*.zip")
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.upload_file(str(archive), BUCKET, archive.name)
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(
        StackName="telemetry",
        TemplateBody=written.read_text("utf-8"),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in {"CodeBucket": BUCKET, **parameters}.items()
        ],
    )
    (stack,) = cloudformation_backends["123456789012"][REGION].stacks.values()
    assert stack.status == "CREATE_COMPLETE"
    return stack


def made(stack: Any) -> dict[str, dict[str, Any]]:
    """Return the resources whose conditions hold, with their properties as deployed."""
    resources = stack.template_dict["Resources"]
    conditions = stack.resource_map.lazy_condition_map
    return {
        name: clean_json(one["Properties"], stack.resource_map)
        for name, one in resources.items()
        if "Condition" not in one or conditions[one["Condition"]]
    }


def function() -> dict[str, Any]:
    (found,) = boto3.client("lambda").list_functions()["Functions"]
    return dict(found)


def test_cfn_lint_finds_nothing(written: Path) -> None:
    program = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([program, written], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_code_is_the_forwarder(written: Path) -> None:
    (archive,) = written.parent.glob("*.zip")
    staged = stage_package("otlp_forwarder").path
    with zipfile.ZipFile(archive) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == {
            path.relative_to(staged).as_posix(): path.read_bytes()
            for path in staged.rglob("*")
            if path.is_file()
        }


@pytest.mark.usefixtures("aws")
def test_log_groups_are_forwarded_to_a_collector_with_a_secret(written: Path) -> None:
    stack = deploy(
        written,
        Endpoint="https://collector.example.com",
        HeadersSecretArn=HEADERS,
        LogGroupNames="/aws/lambda/orders,/aws/lambda/worker",
    )

    variables = function()["Environment"]["Variables"]
    assert variables["OTLP_FORWARDER_ENDPOINT"] == "https://collector.example.com"
    assert variables["OTLP_FORWARDER_HEADERS_SECRET"] == HEADERS
    queues = boto3.client("sqs").list_queues()["QueueUrls"]
    assert {
        variables["OTLP_FORWARDER_REDRIVE_QUEUE"],
        variables["OTLP_FORWARDER_DEAD_LETTER_QUEUE"],
    } == set(queues)
    resources = made(stack)
    names = {
        one["LogGroupName"]: one["DestinationArn"]
        for name, one in resources.items()
        if name.startswith("OfLogGroup")
    }
    arn = function()["FunctionArn"]
    assert names == {"/aws/lambda/orders": arn, "/aws/lambda/worker": arn}
    assert "OfAllLogGroups" not in resources
    allowed = json.dumps(resources["Role"]["Policies"])
    assert HEADERS in allowed
    assert "xray" not in allowed
    (source,) = boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    assert source["FunctionArn"] == arn


@pytest.mark.usefixtures("aws")
def test_an_account_is_forwarded_to_cloudwatch_without_a_secret(written: Path) -> None:
    stack = deploy(written, AccountLevel="true", Concurrency="")

    endpoint = function()["Environment"]["Variables"]["OTLP_FORWARDER_ENDPOINT"]
    assert endpoint == f"https://xray.{REGION}.amazonaws.com/v1/traces"
    resources = made(stack)
    assert not [name for name in resources if name.startswith("OfLogGroup")]
    policy = resources["OfAllLogGroups"]
    assert json.loads(policy["PolicyDocument"]) == {
        "DestinationArn": function()["FunctionArn"],
        "FilterPattern": "{ $.__otel_otlp_stdout = * }",
    }
    (own,) = boto3.client("logs").describe_log_groups()["logGroups"]
    assert policy["SelectionCriteria"] == f'LogGroupName NOT IN ["{own["logGroupName"]}"]'
    assert "ReservedConcurrentExecutions" not in resources["Forwarder"]
    assert "xray:PutTraceSegments" in json.dumps(resources["Role"]["Policies"])
    assert "secretsmanager" not in json.dumps(resources["Role"]["Policies"])


@pytest.mark.usefixtures("aws")
def test_it_is_what_the_construct_deploys(written: Path, tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path), analytics_reporting=False)
    stack = Stack(app, "Telemetry")
    newest = YAML(typ="safe").load(written)["Resources"]["Forwarder"]["Properties"]["Runtime"]
    runtime = lambda_.Runtime(newest, lambda_.RuntimeFamily.PYTHON)
    construct = OtlpForwarder(stack, "Forwarder", destination=CloudWatch(), runtime=runtime)
    group = logs.LogGroup.from_log_group_name(stack, "Orders", "/aws/lambda/orders")
    assert construct.forwarding is not None
    construct.forwarding.subscribe(group)
    app.synth()
    body = json.loads((tmp_path / "Telemetry.template.json").read_text("utf-8"))
    resources = made(deploy(written, LogGroupNames="/aws/lambda/orders"))
    kinds = {name: one["Type"] for name, one in YAML(typ="safe").load(written)["Resources"].items()}

    ours = [(kinds[name], one) for name, one in resources.items()]
    theirs = [(one["Type"], one.get("Properties", {})) for one in body["Resources"].values()]
    assert facts(ours) == facts(theirs)
    assert actions(ours) == actions(theirs)


#: Of resources, what is a number or a choice and not a name, a text for people or a reference.
COMPARED = (
    *("MemorySize", "Timeout", "Handler", "Runtime", "ReservedConcurrentExecutions"),
    *("BatchSize", "FunctionResponseTypes", "MaximumConcurrency", "RetentionInDays"),
    *("MaximumMessageSize", "MessageRetentionPeriod", "VisibilityTimeout", "maxReceiveCount"),
    *("Threshold", "MetricName", "Period", "ComparisonOperator", "Statistic", "FilterPattern"),
)


def facts(resources: list[tuple[str, dict[str, Any]]]) -> list[str]:
    """Return what resources say, which is the same whatever they are called."""
    return sorted(
        f"{kind}.{name}={value}"
        for kind, properties in resources
        for name, value in leaves(properties)
        if name in COMPARED
    )


def actions(resources: list[tuple[str, dict[str, Any]]]) -> set[str]:
    return {
        value
        for kind, properties in resources
        if kind.startswith("AWS::IAM::")
        for name, value in leaves(properties)
        if name == "Action"
    }


def leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for inner, item in value.items():
            yield from leaves(item, inner)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item, name)
    else:
        yield name, str(value)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert_refused(
        run("forwarder", "-o", tmp_path / "file/x"), "cannot be written", "another folder"
    )
