"""Templates of every kind that the constructs deploy, as cfn-lint sees them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_secretsmanager as secretsmanager

from lambda_otel_lite_cdk import (
    CloudWatch,
    Forwarding,
    InstrumentedFunction,
    Kinesis,
    OtlpForwarder,
    Telemetry,
    TelemetrySettings,
)

from .conftest import INLINE, SNAPPED, lint

ENDPOINT = "https://collector.example.com"


def in_a_network(stack: Stack) -> None:
    vpc = ec2.Vpc(stack, "Network", max_azs=2, nat_gateways=0)
    private = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    InstrumentedFunction(stack, "Orders", **INLINE, vpc=vpc, vpc_subnets=private)


def streamed(stack: Stack) -> None:
    forwarder = OtlpForwarder(stack, "Forwarder", endpoint=ENDPOINT, via=Kinesis(shards=2))
    InstrumentedFunction(stack, "Orders", **INLINE, forwarding=forwarder.forwarding)


def by_account(stack: Stack) -> None:
    OtlpForwarder(stack, "Forwarder", endpoint=ENDPOINT, account_level=True, concurrency=2)
    InstrumentedFunction(stack, "Orders", **INLINE)


def to_cloudwatch(stack: Stack) -> None:
    OtlpForwarder(stack, "Forwarder", destination=CloudWatch(transaction_search=True))


def forwarded_within_a_network(stack: Stack) -> None:
    vpc = ec2.Vpc(stack, "Network", max_azs=2, nat_gateways=0)
    private = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
    OtlpForwarder(stack, "Forwarder", endpoint=ENDPOINT, vpc=vpc, vpc_subnets=private)


def encrypted(stack: Stack) -> None:
    key = kms.Key(stack, "Key")
    secret = secretsmanager.Secret(stack, "Headers", encryption_key=key)
    OtlpForwarder(stack, "Forwarder", endpoint=ENDPOINT, headers_secret=secret, encryption_key=key)
    OtlpForwarder(stack, "Streamed", endpoint=ENDPOINT, via=Kinesis(), encryption_key=key)
    bucket = s3.Bucket(stack, "Overflow", encryption_key=key)
    OtlpForwarder(stack, "Overflowing", endpoint=ENDPOINT, overflow_bucket=bucket)


def snapped(stack: Stack) -> None:
    props: dict[str, Any] = {**INLINE, "runtime": SNAPPED}
    snap = lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS
    InstrumentedFunction(stack, "Orders", **props, snap_start=snap).add_alias("live")


def of_both_architectures(stack: Stack) -> None:
    Telemetry.of(stack).instrument(TelemetrySettings(exporter="package"))
    for architecture in (lambda_.Architecture.X86_64, lambda_.Architecture.ARM_64):
        lambda_.Function(stack, architecture.name, **INLINE, architecture=architecture)


def with_json_logs(stack: Stack) -> None:
    arn = f"arn:aws:lambda:{stack.region}:{stack.account}:function:forwarder"
    Telemetry.of(stack).instrument(forwarding=Forwarding.to_arn(arn))
    lambda_.Function(
        stack,
        "Orders",
        **INLINE,
        logging_format=lambda_.LoggingFormat.JSON,
        application_log_level_v2=lambda_.ApplicationLogLevel.WARN,
    )
    lambda_.Function(stack, "Theirs", **INLINE, log_group=logs.LogGroup(stack, "Logs"))


def with_everything_set(stack: Stack) -> None:
    settings = TelemetrySettings(
        mode="async",
        queue_size=100,
        batch_size=10,
        compression_level=9,
        service_name="orders",
        resource_attributes={"team": "shop"},
        propagators=("tracecontext", "baggage"),
        sampler="parentbased_traceidratio",
        sampler_ratio=0.5,
        layer_arn=f"arn:aws:lambda:{stack.region}:123456789012:layer:telemetry:3",
    )
    InstrumentedFunction(stack, "Orders", **INLINE, telemetry=settings)


KINDS = [
    in_a_network,
    streamed,
    by_account,
    to_cloudwatch,
    forwarded_within_a_network,
    encrypted,
    snapped,
    of_both_architectures,
    with_json_logs,
    with_everything_set,
]


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stack for each kind."""
    app = App(outdir=str(tmp_path_factory.mktemp("kinds")), analytics_reporting=False)
    environment = Environment(account="123456789012", region="eu-west-1")
    for make in KINDS:
        make(Stack(app, make.__name__.replace("_", "-"), env=environment))
    return Path(app.synth().directory)


def test_cfn_lint_finds_no_error(assembly: Path) -> None:
    assert len(list(assembly.glob("*.template.json"))) == len(KINDS)
    lint(assembly)
