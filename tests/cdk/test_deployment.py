"""The synthesized stack, created by moto's CloudFormation and read back through boto3.

moto's CloudFormation knows no subscription filters and does not hand a function its layers: these
two are made through the services' own interfaces, from the template and what the stack made.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_cdk import App, DefaultStackSynthesizer, Environment, Stack
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from moto import mock_aws

from lambda_otel_lite_cdk import Forwarding, OtlpForwarder, Telemetry, TelemetrySettings
from lambda_otel_lite_cdk.layer.build import stage_layer

from .conftest import INLINE, PYTHON, RUNTIME, lint

REGION = "eu-west-1"
BUCKET = "assets"
# What moto's CloudFormation leaves out; the forwarder's queues and alarms are not looked at here.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore:Tried to parse AWS..{kind}")
    for kind in ("Logs..SubscriptionFilter", "SQS..QueuePolicy", "CloudWatch..Alarm")
]


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stack with a fleet of one, forwarded."""
    outdir = tmp_path_factory.mktemp("deploy") / "cdk.out"
    app = App(outdir=str(outdir), analytics_reporting=False)
    synthesizer = DefaultStackSynthesizer(
        file_assets_bucket_name=BUCKET, generate_bootstrap_version_rule=False
    )
    environment = Environment(account="123456789012", region=REGION)
    stack = Stack(app, "Shop", env=environment, synthesizer=synthesizer)
    forwarder = OtlpForwarder(
        stack,
        "Forwarder",
        endpoint="https://collector.example.com",
        runtime=RUNTIME,
        encryption_key=kms.Key(stack, "Key"),
    )
    Telemetry.of(stack).instrument(
        TelemetrySettings(mode="async", service_name="shop"),
        forwarding=Forwarding.to_function(forwarder),
    )
    lambda_.Function(
        stack,
        "Orders",
        **INLINE,
        function_name="orders",
        log_group=logs.LogGroup(
            stack, "Logs", log_group_name="/shop/orders", retention=logs.RetentionDays.ONE_WEEK
        ),
    )
    app.synth()
    return outdir


@pytest.fixture(scope="module")
def deployed(assembly: Path) -> Iterator[Path]:
    """The stack, created."""
    patch = pytest.MonkeyPatch()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        patch.setenv(name, "testing")
    patch.setenv("AWS_DEFAULT_REGION", REGION)
    patch.delenv("AWS_PROFILE", raising=False)
    # Functions are configured, not run: nothing of them goes into a container.
    with mock_aws(config={"lambda": {"use_docker": False}}):
        s3 = boto3.client("s3")
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        files = json.loads((assembly / "Shop.assets.json").read_text("utf-8"))["files"]
        for file in files.values():
            for destination in file["destinations"].values():
                s3.put_object(
                    Bucket=BUCKET,
                    Key=destination["objectKey"],
                    Body=packaged(assembly / file["source"]["path"]),
                )
        cloudformation = boto3.client("cloudformation")
        cloudformation.create_stack(
            StackName="Shop",
            TemplateBody=(assembly / "Shop.template.json").read_text("utf-8"),
            Capabilities=["CAPABILITY_IAM"],
            Parameters=[{"ParameterKey": "BootstrapVersion", "ParameterValue": "30"}],
        )
        (stack,) = cloudformation.describe_stacks(StackName="Shop")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        complete(assembly, cloudformation)
        yield assembly
    patch.undo()


def complete(assembly: Path, cloudformation: Any) -> None:
    """Make the filter, and give the function its layers, as the template says."""
    made = {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for one in cloudformation.describe_stack_resources(StackName="Shop")["StackResources"]
        if "PhysicalResourceId" in one
    }
    template = json.loads((assembly / "Shop.template.json").read_text("utf-8"))
    resources = list(template["Resources"].values())
    client = boto3.client("lambda")
    (wanted,) = (
        one["Properties"] for one in resources if one["Type"] == "AWS::Logs::SubscriptionFilter"
    )
    forwarder = client.get_function_configuration(
        FunctionName=made[wanted["DestinationArn"]["Fn::GetAtt"][0]]
    )
    boto3.client("logs").put_subscription_filter(
        logGroupName=made[wanted["LogGroupName"]["Ref"]],
        filterName="telemetry",
        filterPattern=wanted["FilterPattern"],
        destinationArn=forwarder["FunctionArn"],
    )
    (layers,) = (one["Properties"]["Layers"] for one in resources if "Layers" in one["Properties"])
    (layer,) = client.list_layers()["Layers"]
    assert [resources_type(template, one["Ref"]) for one in layers] == ["AWS::Lambda::LayerVersion"]
    client.update_function_configuration(
        FunctionName="orders", Layers=[layer["LatestMatchingVersion"]["LayerVersionArn"]]
    )


def resources_type(template: dict[str, Any], logical_id: str) -> str:
    kind: str = template["Resources"][logical_id]["Type"]
    return kind


def packaged(source: Path) -> bytes:
    """Return what the CDK's command line publishes for an asset."""
    if source.is_file():
        return source.read_bytes()
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        for path in sorted(source.rglob("*")):
            opened.write(path, path.relative_to(source))
    return archive.getvalue()


def orders() -> dict[str, Any]:
    found: dict[str, Any] = boto3.client("lambda").get_function_configuration(FunctionName="orders")
    return found


def test_cfn_lint_finds_no_error(assembly: Path) -> None:
    lint(assembly)


@pytest.mark.usefixtures("deployed")
def test_the_function_has_the_entry_point_and_the_settings() -> None:
    assert orders()["Handler"] == "lambda_otel_lite_entry.handler"
    assert orders()["Runtime"] == f"python{PYTHON}"
    assert orders()["Environment"]["Variables"] == {
        "LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE": "async",
        "LAMBDA_OTEL_EXPORTER": "native",
        "LAMBDA_OTEL_HANDLER": "index.handler",
        "OTEL_SERVICE_NAME": "shop",
    }


@pytest.mark.usefixtures("deployed")
def test_the_function_has_the_layer_for_its_python_with_what_was_staged() -> None:
    (layer,) = orders()["Layers"]
    name, _, number = layer["Arn"].rpartition(":")
    version = boto3.client("lambda").get_layer_version(LayerName=name, VersionNumber=int(number))
    assert version["CompatibleRuntimes"] == [f"python{PYTHON}"]
    assert layer["CodeSize"] == stage_layer(PYTHON).path.stat().st_size


@pytest.mark.usefixtures("deployed")
def test_the_log_group_has_its_retention_and_the_filter() -> None:
    client = boto3.client("logs")
    (group,) = client.describe_log_groups(logGroupNamePrefix="/shop/orders")["logGroups"]
    assert group["retentionInDays"] == 7
    filters = client.describe_subscription_filters(logGroupName="/shop/orders")
    (subscription,) = filters["subscriptionFilters"]
    assert subscription["filterPattern"] == "{ $.__otel_otlp_stdout = * }"
    assert ":function:" in subscription["destinationArn"]
    assert "Forwarder" in subscription["destinationArn"]


@pytest.mark.usefixtures("deployed")
def test_hazard_35_the_forwarder_has_one_permission_for_log_groups() -> None:
    client = boto3.client("lambda")
    (name,) = (
        one["FunctionName"]
        for one in client.list_functions()["Functions"]
        if one["Handler"].startswith("otlp_forwarder.")
    )
    statements = json.loads(client.get_policy(FunctionName=name)["Policy"])["Statement"]
    (statement,) = (one for one in statements if "logs.amazonaws.com" in json.dumps(one))
    assert "log-group:*" in json.dumps(statement)


@pytest.mark.usefixtures("deployed")
def test_the_queues_of_the_forwarder_are_encrypted_with_the_key() -> None:
    (key,) = boto3.client("kms").list_keys()["Keys"]
    sqs = boto3.client("sqs")
    used = [
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["KmsMasterKeyId"])["Attributes"]
        for url in sqs.list_queues()["QueueUrls"]
    ]
    assert used == [{"KmsMasterKeyId": key["KeyArn"]}] * 2
