"""One line reaches the stages of CDK Pipelines and others, made before it and after it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsii
import pytest
from aws_cdk import App, Environment, IPropertyInjector, PropertyInjectors, Stack, Stage, pipelines
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite.configuration.variables import ENTRY_POINT
from lambda_otel_lite_cdk import Telemetry, TelemetrySettings, instrument
from lambda_otel_lite_cdk.functions.outcome import read_report

from .conftest import INLINE

if TYPE_CHECKING:
    from collections.abc import Callable

    from constructs import Construct

ENVIRONMENT = Environment(account="123456789012", region="eu-west-1")
STABILIZED = {"@aws-cdk/core:aspectStabilization": True}


class Service(Stage):
    """A stage with a function, as teams write them."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, env=ENVIRONMENT)
        self.orders = lambda_.Function(Stack(self, "Shop"), "Orders", **INLINE)


def pipeline_in(stack: Stack) -> pipelines.CodePipeline:
    arn = "arn:aws:codestar-connections:eu-west-1:123456789012:connection/x"
    source = pipelines.CodePipelineSource.connection("o/r", "main", connection_arn=arn)
    synth = pipelines.ShellStep("Synth", commands=["cdk synth"], input=source)
    return pipelines.CodePipeline(stack, "Pipeline", synth=synth, cross_account_keys=True)


def last(app: App, stack: Stack) -> None:
    pipeline_in(stack).add_stage(Service(stack, "Prod"))
    Telemetry.of(app).instrument()


def first(app: App, stack: Stack) -> None:
    Telemetry.of(app).instrument()
    pipeline_in(stack).add_stage(Service(stack, "Prod"))


def between(app: App, stack: Stack) -> None:
    pipeline = pipeline_in(stack)
    Telemetry.of(app).instrument()
    pipeline.add_stage(Service(stack, "Prod"))


def between_stage_and_pipeline(app: App, stack: Stack) -> None:
    stage = Service(stack, "Prod")
    Telemetry.of(app).instrument()
    pipeline_in(stack).add_stage(stage)


def twice(app: App, stack: Stack) -> None:
    pipeline_in(stack).add_stage(Service(stack, "Prod"))
    Telemetry.of(app).instrument()
    Telemetry.of(app).instrument(TelemetrySettings(mode="async"))


def in_a_wave(app: App, stack: Stack) -> None:
    pipeline_in(stack).add_wave("Wave").add_stage(Service(stack, "Prod"))
    Telemetry.of(app).instrument()


def by_name(_: App, stack: Stack) -> None:
    service = Service(stack, "Prod")
    pipeline_in(stack).add_stage(service)
    instrument(service.orders)


def in_the_stage(_: App, stack: Stack) -> None:
    service = Service(stack, "Prod")
    pipeline_in(stack).add_stage(service)
    Telemetry.of(service).instrument()


def of_the_app(app: App, stack: Stack) -> None:
    pipeline_in(stack).add_stage(Service(app, "Prod"))
    Telemetry.of(app).instrument()


@jsii.implements(IPropertyInjector)
class Injector:
    """An app's own, beside which the CDK calls no other for functions in its scope."""

    @property
    def construct_unique_id(self) -> str:
        return lambda_.Function.PROPERTY_INJECTION_ID

    def inject(self, original_props: Any, *, scope: Construct, id: str) -> Any:  # noqa: A002
        return original_props


def injector_of_the_app(app: App, stack: Stack) -> None:
    PropertyInjectors.of(app).add(Injector())
    first(app, stack)


def injector_of_the_stack_after_the_line(app: App, stack: Stack) -> None:
    Telemetry.of(app).instrument()
    PropertyInjectors.of(stack).add(Injector())
    pipeline_in(stack).add_stage(Service(stack, "Prod"))


def injector_of_the_stage(app: App, stack: Stack) -> None:
    Telemetry.of(app).instrument()
    service = Stage(stack, "Prod", env=ENVIRONMENT, property_injectors=[Injector()])
    lambda_.Function(Stack(service, "Shop"), "Orders", **INLINE)
    pipeline_in(stack).add_stage(service)


def two_pipelines(app: App, stack: Stack) -> None:
    service = Service(app, "Prod")
    pipeline_in(stack).add_stage(service)
    pipeline_in(Stack(app, "Other", env=ENVIRONMENT)).add_stage(service)
    Telemetry.of(app).instrument()


def to_another_account(app: App, stack: Stack) -> None:
    service = Stage(stack, "Prod", env=Environment(account="210987654321", region="us-east-1"))
    lambda_.Function(Stack(service, "Shop"), "Orders", **INLINE)
    pipeline_in(stack).add_stage(service)
    Telemetry.of(app).instrument()


def built_by_hand(app: App, stack: Stack) -> None:
    first(app, stack)
    pipeline = stack.node.find_child("Pipeline")
    assert isinstance(pipeline, pipelines.CodePipeline)
    pipeline.build_pipeline()


def templates(app: App) -> dict[str, Any]:
    folder = Path(app.synth().directory)
    return {one.name: json.loads(one.read_text()) for one in folder.rglob("*.template.json")}


def of_type(template: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    found = template["Resources"].values()
    return [one["Properties"] for one in found if one["Type"] == kind]


@pytest.mark.parametrize("context", [{}, STABILIZED], ids=["", "stabilized"])
@pytest.mark.parametrize(
    "make",
    [
        last,
        first,
        between,
        between_stage_and_pipeline,
        twice,
        in_a_wave,
        by_name,
        in_the_stage,
        of_the_app,
        injector_of_the_app,
        injector_of_the_stack_after_the_line,
        injector_of_the_stage,
        two_pipelines,
        to_another_account,
        built_by_hand,
    ],
)
def test_a_stage_of_a_pipeline_is_instrumented_and_its_layer_published(
    make: Callable[[App, Stack], None], context: dict[str, Any]
) -> None:
    app = App(analytics_reporting=False, context=context)
    make(app, Stack(app, "Delivery", env=ENVIRONMENT))
    found = templates(app)
    (shop,) = (one for name, one in found.items() if "Shop" in name)
    (function,) = of_type(shop, "AWS::Lambda::Function")
    assert function["Handler"] == ENTRY_POINT
    (layer,) = of_type(shop, "AWS::Lambda::LayerVersion")
    asset = layer["Content"]["S3Key"].partition(".")[0]
    projects = of_type(found["Delivery.template.json"], "AWS::CodeBuild::Project")
    assert any(f'publish \\\\\\"{asset}' in json.dumps(one) for one in projects)


def test_a_function_of_a_pipelines_stage_can_be_opted_out_last() -> None:
    app = App(analytics_reporting=False)
    stack = Stack(app, "Delivery", env=ENVIRONMENT)
    service = Service(stack, "Prod")
    pipeline_in(stack).add_stage(service)
    Telemetry.of(app).instrument()
    Telemetry.of(service.orders).opt_out("vendor code")
    app.synth()
    (outcome,) = read_report(Path(service.outdir)).values()
    assert (outcome.status, outcome.code) == ("skipped", "opted-out")


def test_what_pipelines_need_is_not_done_to_a_stage_without_telemetry() -> None:
    app = App(analytics_reporting=False)
    stack = Stack(app, "Delivery", env=ENVIRONMENT)
    service = Service(stack, "Prod")
    pipeline_in(stack).add_stage(service)
    Telemetry.of(stack).acknowledge("lambda-otel-lite:exec-wrapper", "known")
    (shop,) = (one for name, one in templates(app).items() if "Shop" in name)
    assert of_type(shop, "AWS::Lambda::Function")[0]["Handler"] == "index.handler"


@pytest.mark.parametrize("asked", ["first", "last"])
def test_a_stage_without_a_pipeline_is_reached_whenever_it_is_made(asked: str) -> None:
    app = App(analytics_reporting=False)
    if asked == "first":
        Telemetry.of(app).instrument()
    service = Service(app, "Prod")
    if asked == "last":
        Telemetry.of(app).instrument()
    app.synth()
    assert [one.status for one in read_report(Path(service.outdir)).values()] == ["instrumented"]


class Outer(Stage):
    """A stage with a stage in it, each with a function."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, env=ENVIRONMENT)
        lambda_.Function(Stack(self, "Shop"), "Orders", **INLINE)
        self.inner = Service(self, "Inner")


@pytest.mark.parametrize("deployed", ["outer", "inner", "both"])
@pytest.mark.parametrize("asked", ["first", "last"])
def test_stages_in_stages_are_instrumented(asked: str, deployed: str) -> None:
    app = App(analytics_reporting=False)
    if asked == "first":
        Telemetry.of(app).instrument()
    outer = Outer(app, "Outer")
    pipeline = pipeline_in(Stack(app, "Delivery", env=ENVIRONMENT))
    for name, stage in (("outer", outer), ("inner", outer.inner)):
        if deployed in (name, "both"):
            pipeline.add_stage(stage)
    if asked == "last":
        Telemetry.of(app).instrument()
    shops = [one for name, one in templates(app).items() if "Shop" in name]
    handlers = [of_type(one, "AWS::Lambda::Function")[0]["Handler"] for one in shops]
    assert handlers == [ENTRY_POINT] * 2
