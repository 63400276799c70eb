"""Functions of an assembly whose coverage report is missing: the template alone says what holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aws_cdk import App, Stack
from aws_cdk import aws_lambda as lambda_
from click.testing import CliRunner

from lambda_otel_lite_cdk import OtlpForwarder, instrument
from lambda_otel_lite_cdk.cli.main import main

from .conftest import INLINE

CDKS_OWN = "Custom::CDKBucketDeployment8693BB64968944B69AAFB0CC9EB8756C"


def test_the_template_says_what_is_instrumented_and_what_never_is(tmp_path: Path) -> None:
    # As the CDK's command line synthesizes.
    context = {"aws:cdk:enable-path-metadata": True}
    app = App(outdir=str(tmp_path / "cdk.out"), context=context, analytics_reporting=False)
    stack = Stack(app, "Shop")
    instrument(lambda_.Function(stack, "Orders", **INLINE))
    lambda_.Function(stack, "Plain", **INLINE)
    lambda_.Function(stack, CDKS_OWN, **INLINE)
    node: dict[str, Any] = {**INLINE, "runtime": lambda_.Runtime.NODEJS_22_X}
    lambda_.Function(stack, "Node", **node)
    code = lambda_.CfnFunction.CodeProperty(image_uri="123456789012.dkr.ecr.eu-west-1/x:1")
    lambda_.CfnFunction(
        stack, "Image", code=code, role="arn:aws:iam::123456789012:role/image", package_type="Image"
    )
    OtlpForwarder(stack, "Forwarder", endpoint="https://collector.example.com")
    folder = Path(app.synth().directory)
    (folder / "telemetry-coverage.json").unlink()

    done = CliRunner().invoke(main, ["fleet", str(folder), "--json"])

    found = {row["function"]: (row["status"], row["reason"]) for row in json.loads(done.output)}
    assert found == {
        "Shop/Orders": ("instrumented", ""),
        "Shop/Plain": ("missing", "nothing asks for it to be instrumented"),
        f"Shop/{CDKS_OWN}": ("skipped", "made by the CDK for itself"),
        "Shop/Node": ("skipped", "its runtime is nodejs22.x, not Python"),
        "Shop/Image": ("skipped", "a container image takes no layer"),
        "Shop/Forwarder": ("skipped", "it forwards the telemetry of the others"),
    }
