"""Assemblies as apps have them: stages, regions, pipelines, and what the CDK makes for itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, Environment, NestedStack, Stack, Stage, pipelines
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_eks_v2 as eks
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from lambda_otel_lite.configuration.variables import ENTRY_POINT

from .command import assert_refused, run

pytestmark = pytest.mark.once

VIRGINIA = Environment(account="123456789012", region="us-east-1")
IRELAND = Environment(account="123456789012", region="eu-west-1")
#: The folder, and each function by its template and path.
type After = tuple[Path, dict[tuple[str, str], dict[str, Any]]]
PUBLISHED = "arn:aws:lambda:eu-west-1:123456789012:layer:telemetry:1"


def function(scope: Construct, name: str, **props: Any) -> lambda_.Function:
    given: dict[str, Any] = {
        "runtime": lambda_.Runtime.PYTHON_3_13,
        "handler": "index.handler",
        "code": lambda_.Code.from_inline("def handler(event, context): ..."),
    }
    return lambda_.Function(scope, name, **(given | props))


def kubernetes(stack: Stack) -> None:
    layer = lambda_.LayerVersion.from_layer_version_arn(stack, "Kubectl", PUBLISHED)
    eks.Cluster(
        stack,
        "Cluster",
        version=eks.KubernetesVersion.V1_32,
        kubectl_provider_options=eks.KubectlProviderOptions(kubectl_layer=layer),
    )


def site(stack: Stack, version: lambda_.IVersion) -> None:
    edge = cloudfront.EdgeLambda(
        function_version=version, event_type=cloudfront.LambdaEdgeEventType.VIEWER_REQUEST
    )
    behavior = cloudfront.BehaviorOptions(
        origin=origins.HttpOrigin("example.com"), edge_lambdas=[edge]
    )
    cloudfront.Distribution(stack, "Site", default_behavior=behavior)


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An app as it was synthesized."""
    folder = tmp_path_factory.mktemp("app")
    script = folder / "web"
    script.mkdir()
    (script / "run").write_text("#!/bin/sh\n")
    app = App(outdir=str(folder / "cdk.out"), analytics_reporting=False)
    for name, environment in (("Ireland", IRELAND), ("Virginia", VIRGINIA)):
        stack = Stack(app, name, env=environment, stack_name="shop")
        function(stack, "Orders").add_alias("live")
    stage = Stage(app, "Prod", env=IRELAND)
    shop = Stack(stage, "Shop")
    function(NestedStack(shop, "Jobs"), "Worker")
    function(shop, "Web", handler="run", code=lambda_.Code.from_asset(str(script)))
    # The role of another stack says it, and a distribution of a third one.
    site(
        Stack(app, "Sites", env=VIRGINIA),
        function(Stack(app, "Edge", env=VIRGINIA), "Edge").current_version,
    )
    function(Stack(app, "Bare", env=IRELAND, tags={"lambda-otel-lite": "off"}), "Orders")
    kubernetes(Stack(app, "Cluster", env=IRELAND))
    app.synth()
    return folder / "cdk.out"


@pytest.fixture(scope="module")
def after(before: Path) -> After:
    """The same, instrumented, and what became of each function."""
    out = before.with_name("out")
    done = run("instrument", before, "-o", out, "--json")
    assert done.returncode == 0, done.stderr
    return out, {(one["template"], one["function"]): one for one in json.loads(done.stdout)}


def read(path: Path) -> Any:
    return json.loads(path.read_text("utf-8"))


def test_each_function_has_what_the_constructs_would_give_it(
    after: After,
) -> None:
    found = {path: one["code"] or one["status"] for (_, path), one in after[1].items()}
    kubectl = [code for path, code in found.items() if path.startswith("Cluster/")]
    assert kubectl
    assert set(kubectl) <= {"made-by-cdk", "not-python"}
    assert {path: code for path, code in found.items() if not path.startswith("Cluster/")} == {
        "Ireland/Orders": "instrumented",
        "Virginia/Orders": "instrumented",
        "Prod/Shop/Jobs/Worker": "instrumented",
        "Prod/Shop/Web": "script",
        "Edge/Edge": "at-edge",
        "Bare/Orders": "tagged-off",
    }


def test_two_stacks_of_one_name_upload_each_to_its_own_region(
    after: After,
) -> None:
    for name, region in (("Ireland", "eu-west-1"), ("Virginia", "us-east-1")):
        resources = read(after[0] / f"{name}.template.json")["Resources"]
        (layer,) = (
            one["Properties"]["Content"]
            for one in resources.values()
            if one["Type"] == "AWS::Lambda::LayerVersion"
        )
        assert layer["S3Bucket"].endswith(region)
        files = read(after[0] / f"{name}.assets.json")["files"]
        uploaded = {
            (one["bucketName"], one["objectKey"])
            for file in files.values()
            for one in file["destinations"].values()
        }
        assert (layer["S3Bucket"], layer["S3Key"]) in uploaded


def test_an_alias_leads_to_a_version_of_the_function_as_it_is_now(
    before: Path, after: After
) -> None:
    versions = [
        {name for name, one in resources.items() if one["Type"] == "AWS::Lambda::Version"}
        for folder in (before, after[0])
        for resources in [read(folder / "Ireland.template.json")["Resources"]]
    ]
    (was,), (now,) = versions
    assert was != now
    assert f'"{was}"' not in (after[0] / "Ireland.template.json").read_text("utf-8")


def test_a_stage_and_what_is_nested_in_it_are_whole(after: After) -> None:
    folder = after[0] / "assembly-Prod"
    (nested,) = folder.glob("*.nested.template.json")
    (worker,) = (
        one["Properties"]
        for one in read(nested)["Resources"].values()
        if one["Type"] == "AWS::Lambda::Function"
    )
    assert worker["Handler"] == ENTRY_POINT
    (assets,) = folder.glob("*.assets.json")
    files = read(assets)["files"].values()
    assert all((folder / one["source"]["path"]).exists() for one in files)
    keys = {one["objectKey"] for file in files for one in file["destinations"].values()}
    for name, artifact in read(folder / "manifest.json")["artifacts"].items():
        if artifact["type"] == "aws:cloudformation:stack":
            url = artifact["properties"]["stackTemplateAssetObjectUrl"]
            assert url.rpartition("/")[2] in keys, name


def test_fleet_reads_what_was_done(after: After) -> None:
    shown = json.loads(run("fleet", after[0], "--json").stdout)
    expected = {path: one["code"] for (_, path), one in after[1].items()}
    assert {one["function"]: one["code"] for one in shown} == expected


def test_what_was_left_out_before_is_instrumented_when_it_is_asked_for(before: Path) -> None:
    out = before.with_name("later")
    run("instrument", before, "-o", out, "--skip", "Ireland/*")

    done = run("instrument", out, "--in-place", "--json", "--only", "Ireland/*")

    assert [
        one["status"] for one in json.loads(done.stdout) if one["function"].startswith("Irel")
    ] == ["instrumented"]


def test_an_app_whose_pipeline_uploads_takes_a_published_layer(tmp_path: Path) -> None:
    app = App(outdir=str(tmp_path / "cdk.out"), analytics_reporting=False)
    stack = Stack(app, "Delivery", env=IRELAND)
    arn = "arn:aws:codestar-connections:eu-west-1:123456789012:connection/x"
    source = pipelines.CodePipelineSource.connection("o/r", "main", connection_arn=arn)
    synth = pipelines.ShellStep("Synth", commands=["cdk synth"], input=source)
    pipeline = pipelines.CodePipeline(stack, "Pipeline", synth=synth)
    stage = Stage(stack, "Prod", env=IRELAND)
    function(Stack(stage, "Shop"), "Orders")
    pipeline.add_stage(stage)
    app.synth()
    pipelined = tmp_path / "cdk.out/Delivery.template.json"
    steps = pipelined.read_bytes()
    command = ("instrument", tmp_path / "cdk.out")

    assert_refused(run(*command, "-o", tmp_path / "out"), "pipeline", "layer_arn=ARN")
    assert not (tmp_path / "out").exists()
    done = run(*command, "-o", tmp_path / "out", "--set", f"layer_arn={PUBLISHED}")

    assert done.returncode == 0, done.stderr
    # The pipeline uploads by ids that it knows, and its own steps stay.
    assert (tmp_path / "out/Delivery.template.json").read_bytes() == steps
    (assets,) = (tmp_path / "out").glob("assembly-*/*.assets.json")
    was = tmp_path / "cdk.out" / assets.relative_to(tmp_path / "out")
    assert read(assets)["files"].keys() == read(was)["files"].keys()
