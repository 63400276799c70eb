"""The demo under cdk-nag's AwsSolutions pack; every acknowledgement carries its reason."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import Acknowledgment, App, Environment, Stack, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks

from lambda_otel_lite_cdk import CloudWatch, Kinesis, OtlpForwarder

from .conftest import PYTHON, ROOT

COLLECTOR = "https://collector.example.com"
_BASIC = "arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
ACKNOWLEDGED = {
    f"AwsSolutions::AwsSolutions-IAM4[Policy::{_BASIC}]": (
        "The policy lets a function write its log and nothing else; telemetry leaves through it."
    ),
    "AwsSolutions::AwsSolutions-APIG1": (
        "The demo is run and thrown away; an access log would outlive it."
    ),
    "AwsSolutions::AwsSolutions-APIG4": (
        "The demo shows tracing; whoever runs it has no user pool to authorize against."
    ),
    "AwsSolutions::AwsSolutions-L1": (
        "The demo runs on the Python that synthesizes it, so that it can be run locally too."
    ),
}


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The demo's module."""
    monkeypatch.setenv("CDK_OUTDIR", str(tmp_path / "first"))
    monkeypatch.setenv("CDK_CONTEXT_JSON", json.dumps({"python": PYTHON}))
    spec = importlib.util.spec_from_file_location(
        "demo_app", ROOT / "constructs/lambda_otel_lite_cdk/demo/app.py"
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unacknowledged(demo: Any, tmp_path: Path, acknowledged: dict[str, str]) -> set[str]:
    """Synthesize the demo under the pack, and return the rules that it violates."""
    app = App(outdir=str(tmp_path / "checked"), analytics_reporting=False)
    stack = demo.DemoStack(app, "Demo")
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    for rule, reason in acknowledged.items():
        Validations.of(stack).acknowledge(Acknowledgment(id=rule, reason=reason))
    try:
        app.synth()
    except RuntimeError as error:
        return set(re.findall(r"AwsSolutions-\w+", str(error)))
    return set()


def test_the_demo_violates_nothing_that_is_not_acknowledged(demo: Any, tmp_path: Path) -> None:
    assert unacknowledged(demo, tmp_path, ACKNOWLEDGED) == set()


def test_without_acknowledgements_the_pack_does_find_something(demo: Any, tmp_path: Path) -> None:
    assert unacknowledged(demo, tmp_path, {})


def test_every_kind_of_forwarder_violates_nothing_that_it_does_not_explain(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path / "checked"), analytics_reporting=False)
    stack = Stack(app, "Telemetry", env=Environment(account="123456789012", region="eu-west-1"))
    network = ec2.Vpc.from_vpc_attributes(
        stack,
        "Network",
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=["eu-west-1a"],
        private_subnet_ids=["subnet-0123456789abcdef0"],
    )
    key = kms.Key(stack, "Key", enable_key_rotation=True)
    OtlpForwarder(stack, "Plain", endpoint="https://collector.example.com")
    OtlpForwarder(stack, "Signed", destination=CloudWatch(transaction_search=True), via=Kinesis())
    OtlpForwarder(stack, "Inside", endpoint="http://collector.internal:4318", vpc=network)
    OtlpForwarder(stack, "Encrypted", endpoint=COLLECTOR, encryption_key=key)
    OtlpForwarder(stack, "Both", endpoint=COLLECTOR, encryption_key=key, via=Kinesis())
    overflow = s3.Bucket(
        stack,
        "Overflow",
        enforce_ssl=True,
        encryption_key=key,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        server_access_logs_prefix="access/",
    )
    theirs = s3.Bucket.from_bucket_name(stack, "Theirs", "telemetry-overflow")
    OtlpForwarder(stack, "Overflowing", endpoint=COLLECTOR, overflow_bucket=overflow)
    OtlpForwarder(stack, "Elsewhere", endpoint=COLLECTOR, overflow_bucket=theirs)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))

    app.synth()

    report = json.loads((tmp_path / "checked/validation-report.json").read_text())
    (nag,) = (each for each in report["pluginReports"] if each["pluginName"] == "AwsSolutions")
    assert nag["violations"] == []
