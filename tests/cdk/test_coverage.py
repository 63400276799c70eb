from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk
import pytest
from aws_cdk import App, Environment, NestedStack, Stack, Stage, Tags, cloudformation_include
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sam as sam
from click.testing import CliRunner

from lambda_otel_lite_cdk import (
    OtlpForwarder,
    Telemetry,
    TelemetryPolicy,
    TelemetrySettings,
    instrument,
)
from lambda_otel_lite_cdk.cli.main import main
from lambda_otel_lite_cdk.functions.outcome import read_report
from lambda_otel_lite_cdk.functions.reasons import Reason

from .conftest import INLINE, RUNTIME, later

ENTRY_POINT = "lambda_otel_lite_entry.handler"


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(outdir=str(tmp_path / "cdk.out"), analytics_reporting=False)


def function(stack: Stack, name: str = "Orders", **props: Any) -> lambda_.Function:
    return lambda_.Function(stack, name, **{**INLINE, **props})


def resource_of(one: lambda_.Function) -> lambda_.CfnFunction:
    found = one.node.default_child
    assert isinstance(found, lambda_.CfnFunction)
    return found


def overridden_later(app: App, one: lambda_.Function, key: str, value: object) -> None:
    """Undo instrumentation, and accept that; to be called before telemetry is asked for."""
    later(app, lambda: resource_of(one).add_property_override(key, value))
    Telemetry.of(app).acknowledge("lambda-otel-lite:undone", "the test is about the report")


def fleet(app: App, *options: str) -> tuple[int, str]:
    """Synthesize, run `lambda-otel fleet`, and return its exit code and what it printed."""
    done = CliRunner().invoke(main, ["fleet", app.synth().directory, *options])
    return done.exit_code, done.output


def rows(app: App) -> dict[str, dict[str, Any]]:
    # What the CDK's Node says of itself, at any moment, goes to stderr.
    done = CliRunner().invoke(main, ["fleet", app.synth().directory, "--json"])
    return {row["function"]: row for row in json.loads(done.stdout)}


def test_the_table_shows_every_function_with_what_became_of_it(app: App) -> None:
    stack = Stack(app, "Shop")
    Telemetry.of(stack).instrument(TelemetrySettings(mode="async", service_name="shop"))
    function(stack, "Orders", environment={"OTEL_SERVICE_NAME": "theirs"})
    Telemetry.of(function(stack, "Worker")).opt_out("vendor code")
    code, said = fleet(app)
    lines = {line.split()[0]: line for line in said.splitlines() if "Shop/" in line}
    assert code == 0
    assert "instrumented  async  theirs" in lines["Shop/Orders"]
    assert "KiB" in lines["Shop/Orders"]
    assert "its own: OTEL_SERVICE_NAME" in lines["Shop/Orders"]
    assert "skipped" in lines["Shop/Worker"]
    assert "opted out at Shop/Worker: vendor code" in lines["Shop/Worker"]
    assert "2 functions: 1 instrumented, 1 skipped" in said


@pytest.mark.parametrize("covered", [True, False])
def test_a_missing_function_is_exit_code_1_where_all_are_required(
    app: App, *, covered: bool
) -> None:
    stack = Stack(app, "Shop")
    instrument(function(stack, "Orders"))
    worker = function(stack, "Worker")
    if covered:
        instrument(worker)
    code, said = fleet(app, "--require-all")
    assert code == (0 if covered else 1)
    assert ("1 Python function(s) not instrumented: Shop/Worker" in said) is not covered


def test_what_nobody_needs_to_instrument_is_not_missing(app: App) -> None:
    stack = Stack(app, "Shop")
    code = lambda_.Code.from_inline("1")
    function(stack, "Node", runtime=lambda_.Runtime.NODEJS_22_X, code=code)
    assert fleet(app, "--require-all")[0] == 0


def test_what_waits_for_its_turn_in_a_rollout_is_not_missing(app: App) -> None:
    stack = Stack(app, "Shop")
    Telemetry.of(stack).instrument(rollout=0)
    function(stack)
    old = lambda_.Runtime.NODEJS_22_X
    function(stack, "Node", runtime=old, code=lambda_.Code.from_inline("1"))
    guarded(app)
    code, said = fleet(app, "--require-all")
    assert code == 0
    assert "2 functions: 1 skipped, 1 waiting" in said


def test_an_app_without_telemetry_is_reported_from_its_templates(app: App) -> None:
    function(Stack(app, "Shop"))
    code, said = fleet(app, "--require-all")
    assert code == 1
    assert "nothing asks for it to be instrumented" in said


def test_functions_of_stages_and_nested_stacks_are_reported(app: App) -> None:
    stage = Stage(app, "Prod")
    Telemetry.of(app).instrument()
    function(Stack(stage, "Shop"))
    function(NestedStack(Stack(app, "Outer"), "Inner"))
    assert {path: row["status"] for path, row in rows(app).items()} == {
        "Prod/Shop/Orders": "instrumented",
        "Outer/Inner/Orders": "instrumented",
    }


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("Handler", "other.handler", "its Handler is overridden in the template: 'other.handler'"),
        ("Layers", [], "its Layers are overridden in the template"),
        ("Environment.Variables.LAMBDA_OTEL_HANDLER", "", "LAMBDA_OTEL_HANDLER is overridden"),
    ],
)
def test_hazard_31_what_a_template_overrides_is_seen_in_the_template(
    app: App, key: str, value: object, reason: str
) -> None:
    orders = function(Stack(app, "Shop"))
    overridden_later(app, orders, key, value)
    instrument(orders)
    code, said = fleet(app, "--require-all")
    assert code == 1
    assert reason in said


def test_another_telemetry_layer_in_the_template_is_seen(tmp_path: Path) -> None:
    def layer_of_orders(override: str | None) -> tuple[str, str]:
        """Return the status of a function, and the logical id of the other one's layer."""
        app = App(outdir=str(tmp_path / str(override)), analytics_reporting=False)
        stack = Stack(app, "Shop")
        orders = function(stack)
        if override:
            overridden_later(app, orders, "Layers", [{"Ref": override}])
        instrument(orders)
        # Its layer's id begins as that of the first function's.
        instrument(function(stack, "Worker"), TelemetrySettings(exporter="package"))
        found = rows(app)
        return found["Shop/Orders"]["status"], found["Shop/Worker"]["layer"]

    status, other = layer_of_orders(None)
    assert status == "instrumented"
    assert layer_of_orders(other) == ("missing", other)


def test_the_report_of_an_earlier_synth_does_not_speak(tmp_path: Path) -> None:
    for telemetry in (True, False):
        app = App(outdir=str(tmp_path), analytics_reporting=False)
        stage = Stage(app, "Prod")
        for stack in (Stack(app, "Shop"), Stack(stage, "Shop")):
            function(stack)
            worker = function(stack, "Worker")
            if telemetry:
                Telemetry.of(worker).opt_out("later")
        if telemetry:
            Telemetry.of(app).instrument()
        found = {path: (row["status"], row["code"]) for path, row in rows(app).items()}
        expected = ("instrumented", None) if telemetry else ("missing", "not-asked")
        assert found["Shop/Orders"] == expected
        assert found["Prod/Shop/Orders"] == expected
        assert {found[path][0] for path in found if path.endswith("Worker")} == {
            "skipped" if telemetry else "missing"
        }


#: As a bucket deployment of the CDK names its function.
OF_CDK = "Custom::CDKBucketDeployment8693BB64968944B69AAFB0CC9EB8756C"


def one_for_each_reason(app: App) -> None:
    """Make a function for each reason, named by it, and one that is instrumented."""
    stack = Stack(app, "Shop", env=Environment(account="123456789012", region="us-east-1"))
    other = Stack(app, "Other")
    later(app, lambda: function(other, "made-too-late"))
    for name, key, value in (
        ("handler-overridden", "Handler", "other.handler"),
        ("variable-overridden", "Environment.Variables.LAMBDA_OTEL_HANDLER", ""),
        ("layers-overridden", "Layers", []),
    ):
        overridden_later(app, function(stack, name), key, value)
    Telemetry.of(stack).instrument(unless=lambda one: "why" if one.node.id == "left-out" else None)
    instrument(function(stack, "instrumented"))
    Telemetry.of(function(stack, "opted-out")).opt_out("why")
    Tags.of(function(stack, "tagged-off")).add("lambda-otel-lite", "off")
    function(stack, "left-out")
    code = lambda_.Code.from_inline("1")
    function(stack, "not-python", runtime=lambda_.Runtime.NODEJS_22_X, code=code)
    function(stack, "unsupported-runtime", runtime=lambda_.Runtime.PYTHON_3_9)
    newer = function(stack, "newer-runtime").node.default_child
    assert isinstance(newer, lambda_.CfnFunction)
    newer.runtime = "python3.15"
    function(stack, "unknown-handler", handler=ENTRY_POINT)
    images = ecr.Repository.from_repository_name(stack, "Images", "images")
    image = lambda_.DockerImageCode.from_ecr(images)
    lambda_.DockerImageFunction(stack, "image", code=image)
    OtlpForwarder(stack, "forwarder", endpoint="https://collector", runtime=RUNTIME)
    function(stack, OF_CDK)
    cloudfront.experimental.EdgeFunction(stack, "at-edge", **INLINE)
    function(stack, "script", handler="run.sh")
    adapted = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}
    function(stack, "web-adapter", handler="web", environment=adapted)
    lambda_.CfnFunction(
        stack,
        "cfn-function",
        code=lambda_.CfnFunction.CodeProperty(zip_file="1"),
        role="arn:aws:iam::123456789012:role/mine",
        runtime=RUNTIME.name,
        handler="index.handler",
    )
    function(other, "not-asked")
    sam.CfnFunction(other, "sam-function", code_uri="s3://b/k", handler="a.b", runtime=RUNTIME.name)
    rolled_out = Stack(app, "Later")
    Telemetry.of(rolled_out).instrument(rollout=0)
    function(rolled_out, "not-yet")


SAM: dict[str, Any] = {"Handler": "app.app", "CodeUri": "s3://bucket/key"}


@pytest.mark.parametrize("telemetry", [True, False])
@pytest.mark.parametrize("by", ["a resource", "any resource", "an included template"])
def test_a_function_of_sam_is_in_the_report(
    app: App, tmp_path: Path, by: str, *, telemetry: bool
) -> None:
    stack = Stack(app, "Shop")
    properties = {**SAM, "Runtime": "python3.13"}
    if by == "a resource":
        sam.CfnFunction(
            stack, "Api", code_uri="s3://bucket/key", handler="app.app", runtime="python3.13"
        )
    elif by == "any resource":
        aws_cdk.CfnResource(stack, "Api", type="AWS::Serverless::Function", properties=properties)
    else:
        included = {
            "Transform": "AWS::Serverless-2016-10-31",
            "Globals": {"Function": {"Runtime": "python3.13"}},
            "Resources": {"Api": {"Type": "AWS::Serverless::Function", "Properties": SAM}},
        }
        (tmp_path / "sam.json").write_text(json.dumps(included))
        cloudformation_include.CfnInclude(
            stack, "Included", template_file=str(tmp_path / "sam.json")
        )
    if telemetry:
        Telemetry.of(app).instrument()
    (row,) = rows(app).values()
    assert row["function"].startswith("Shop/")
    assert (row["status"], row["code"]) == ("missing", "sam-function")
    assert fleet(app, "--require-all")[0] == 1


def test_a_function_that_is_a_resource_can_be_opted_out(app: App) -> None:
    stack = Stack(app, "Shop")
    Telemetry.of(app).instrument()
    one = sam.CfnFunction(stack, "Api", code_uri="s3://b/k", handler="a.b", runtime="python3.13")
    Telemetry.of(one).opt_out("vendor code")
    (row,) = rows(app).values()
    assert (row["status"], row["code"]) == ("skipped", "opted-out")


def test_a_function_that_is_made_too_late_stops_the_synth(app: App) -> None:
    stack = Stack(app, "Shop")
    later(app, lambda: function(stack))
    Telemetry.of(app).instrument()
    with pytest.raises(RuntimeError, match="Shop/Orders: it was made after the last aspect"):
        app.synth()


def test_every_reason_is_met_and_says_why(app: App) -> None:
    one_for_each_reason(app)
    deployed = {path.split("/")[1]: row for path, row in rows(app).items()}
    made_by_cdk, instrumented = deployed.pop(OF_CDK), deployed.pop("instrumented")
    assert (made_by_cdk["code"], instrumented["code"]) == ("made-by-cdk", None)
    assert {name: row["code"] for name, row in deployed.items()} == {
        name: name for name in deployed
    }
    # Of these two the synth cannot know that nobody needs to instrument them.
    reported = {one.code for one in read_report(Path(app.outdir)).values()}
    assert {"unsupported-image", "unsupported-runtime"} <= reported
    in_other_tests = {Reason.NOT_DEPLOYED, Reason.EXPRESSION, Reason.NOT_CHOSEN}
    assert {made_by_cdk["code"], *deployed, *filter(None, reported)} == set(Reason) - in_other_tests
    for row in (made_by_cdk, *deployed.values()):
        (reason,) = (one for one in Reason if one == row["code"])
        assert row["status"] == reason.status
        assert row["reason"]
        assert "{" not in row["reason"]


@pytest.mark.parametrize("damage", ["no folder", "no manifest", "no report"])
def test_what_is_no_assembly_is_one_clear_line(damage: str, app: App, tmp_path: Path) -> None:
    instrument(function(Stack(app, "Shop")))
    folder = Path(app.synth().directory)
    if damage == "no folder":
        folder = tmp_path / "elsewhere"
    elif damage == "no manifest":
        (folder / "manifest.json").write_text("{")
    else:
        (folder / "telemetry-coverage.json").write_text('{"functions": [{"x": 1}]}')
    done = CliRunner().invoke(main, ["fleet", str(folder)])
    assert done.exit_code == 2
    assert "run `cdk synth`" in done.output or "synthesize again" in done.output
    assert "Traceback" not in done.output


def guarded(app: App) -> None:
    aws_cdk.Validations.of(app).add_plugins(TelemetryPolicy())


def test_the_policy_passes_an_app_in_which_every_function_is_instrumented(app: App) -> None:
    guarded(app)
    stack = Stack(app, "Shop")
    Telemetry.of(app).instrument()
    function(stack)
    Telemetry.of(function(stack, "Vendor")).opt_out("vendor code")
    app.synth()


def test_the_policy_stops_an_app_with_a_function_that_is_not(app: App) -> None:
    guarded(app)
    function(Stack(app, "Shop"))
    with pytest.raises(RuntimeError, match="python-function-instrumented"):
        app.synth()


def test_the_policy_stops_an_app_in_which_a_handler_is_overridden(app: App) -> None:
    guarded(app)
    orders = function(Stack(app, "Shop"))
    overridden_later(app, orders, "Handler", "other.handler")
    instrument(orders)
    with pytest.raises(RuntimeError, match="instrumentation-not-overridden") as raised:
        app.synth()
    assert "Shop/Orders: its Handler is overridden in the template" in str(raised.value)


def test_the_policy_sees_into_nested_stacks(app: App) -> None:
    guarded(app)
    function(NestedStack(Stack(app, "Outer"), "Inner"))
    with pytest.raises(RuntimeError, match="python-function-instrumented"):
        app.synth()
