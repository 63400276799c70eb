"""Apps as teams have them, in miniature: one line instruments all their Python functions.

Each is told by what it is about; what the CDK brings with it is left alone, and the app deploys
as it did.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import (
    App,
    CustomResource,
    Duration,
    Environment,
    NestedStack,
    RemovalPolicy,
    Stack,
    custom_resources,
    triggers,
)
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_codepipeline as codepipeline
from aws_cdk import aws_codepipeline_actions as actions
from aws_cdk import aws_cognito as cognito
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_eks as eks
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as deployment
from aws_cdk import aws_s3_notifications as notifications
from aws_cdk import aws_servicecatalog as catalog
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks

from lambda_otel_lite.configuration.variables import ENTRY_POINT, HANDLER
from lambda_otel_lite_cdk import Forwarding, Telemetry, TelemetrySettings
from lambda_otel_lite_cdk.coverage.templates import functions_of
from lambda_otel_lite_cdk.functions.outcome import read_report

from .conftest import INLINE, lint

if TYPE_CHECKING:
    from collections.abc import Callable

    from constructs import Construct

ENVIRONMENT = Environment(account="123456789012", region="eu-west-1")
VIRGINIA = Environment(account="123456789012", region="us-east-1")
FORWARDER = "arn:aws:lambda:{region}:123456789012:function:forwarder"


def shop(app: App, name: str = "Shop", **props: Any) -> Stack:
    return Stack(app, name, **{"env": ENVIRONMENT, **props})


def function(scope: Construct, name: str, **props: Any) -> lambda_.Function:
    return lambda_.Function(scope, name, **{**INLINE, **props})


def a_web_api(app: App) -> set[str]:
    stack = shop(app)
    api = apigateway.LambdaRestApi(stack, "Api", handler=function(stack, "Orders"), proxy=False)
    authorizer = apigateway.TokenAuthorizer(stack, "Auth", handler=function(stack, "Check"))
    api.root.add_resource("orders").add_method("GET", authorizer=authorizer)
    pool = cognito.UserPool(stack, "Pool")
    pool.add_trigger(cognito.UserPoolOperation.PRE_SIGN_UP, function(stack, "SignUp"))
    return {"Shop/Orders", "Shop/Check", "Shop/SignUp"}


def a_state_machine(app: App) -> set[str]:
    stack = shop(app)
    charge = tasks.LambdaInvoke(stack, "Charge", lambda_function=function(stack, "Payments"))
    ship = function(stack, "Shipping").current_version
    chain = charge.next(tasks.LambdaInvoke(stack, "Ship", lambda_function=ship))
    sfn.StateMachine(stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(chain))
    return {"Shop/Payments", "Shop/Shipping"}


def events_of_every_kind(app: App) -> set[str]:
    stack = shop(app)
    queue = sqs.Queue(stack, "Queue")
    function(stack, "Worker").add_event_source(sources.SqsEventSource(queue))
    table = dynamodb.TableV2(
        stack,
        "Table",
        partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
        dynamo_stream=dynamodb.StreamViewType.NEW_IMAGE,
    )
    stream = sources.DynamoEventSource(table, starting_position=lambda_.StartingPosition.LATEST)
    function(stack, "Indexer").add_event_source(stream)
    nightly = events.Schedule.rate(Duration.days(1))
    cleaner = targets.LambdaFunction(function(stack, "Cleaner"))
    events.Rule(stack, "Nightly", schedule=nightly, targets=[cleaner])
    bucket = s3.Bucket(
        stack, "Bucket", auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY
    )
    bucket.add_event_notification(
        s3.EventType.OBJECT_CREATED, notifications.LambdaDestination(function(stack, "Resizer"))
    )
    return {"Shop/Worker", "Shop/Indexer", "Shop/Cleaner", "Shop/Resizer"}


def custom_resources_of_ones_own(app: App) -> set[str]:
    stack = shop(app)
    provider = custom_resources.Provider(
        stack,
        "Provider",
        on_event_handler=function(stack, "OnEvent"),
        is_complete_handler=function(stack, "IsComplete"),
    )
    CustomResource(stack, "Resource", service_token=provider.service_token)
    call = custom_resources.AwsSdkCall(
        service="S3",
        action="listBuckets",
        physical_resource_id=custom_resources.PhysicalResourceId.of("x"),
    )
    policy = custom_resources.AwsCustomResourcePolicy.from_sdk_calls(resources=["*"])
    custom_resources.AwsCustomResource(stack, "Sdk", on_create=call, policy=policy)
    triggers.TriggerFunction(stack, "Seed", **INLINE)
    return {"Shop/OnEvent", "Shop/IsComplete", "Shop/Seed"}


def a_dashboard_on_log_groups(app: App) -> set[str]:
    stack = shop(app)
    orders = function(stack, "Orders")
    group = logs.LogGroup(stack, "Group", log_group_name=f"/aws/lambda/{orders.function_name}")
    errors = group.add_metric_filter(
        "Errors",
        metric_namespace="shop",
        metric_name="errors",
        filter_pattern=logs.FilterPattern.any_term("ERROR"),
    )
    widget = cloudwatch.LogQueryWidget(
        log_group_names=[f"/aws/lambda/{orders.function_name}"], query_lines=["fields @message"]
    )
    board = cloudwatch.Dashboard(stack, "Board")
    board.add_widgets(widget, cloudwatch.GraphWidget(left=[errors.metric()]))
    return {"Shop/Orders"}


def nested_stacks(app: App) -> set[str]:
    stack = shop(app)
    table = s3.Bucket(stack, "Bucket")
    inner = NestedStack(stack, "Jobs")
    function(inner, "Worker", environment={"BUCKET": table.bucket_name})
    function(NestedStack(inner, "Deep"), "Worker")
    return {"Shop/Jobs/Worker", "Shop/Jobs/Deep/Worker"}


def two_regions(app: App) -> set[str]:
    stack = shop(app, cross_region_references=True)
    there = shop(app, "Global", env=VIRGINIA, cross_region_references=True)
    called = function(there, "Called", function_name="called")
    function(stack, "Caller", environment={"CALLED": called.function_name})
    function(stack, "Reader", environment={"ARN": s3.Bucket(there, "Data").bucket_arn})
    return {"Shop/Caller", "Shop/Reader", "Global/Called"}


def gradual_deployments(app: App) -> set[str]:
    stack = shop(app)
    alias = function(stack, "Orders").add_alias("live")
    codedeploy.LambdaDeploymentGroup(
        stack,
        "Group",
        alias=alias,
        pre_hook=function(stack, "Before"),
        deployment_config=codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_5_MINUTES,
    )
    return {"Shop/Orders", "Shop/Before"}


def a_site_and_its_content(app: App) -> set[str]:
    stack = shop(app)
    bucket = s3.Bucket(stack, "Site")
    source = deployment.Source.data("index.html", "<html></html>")
    deployment.BucketDeployment(stack, "Deploy", sources=[source], destination_bucket=bucket)
    url = function(stack, "Contact").add_function_url()
    stack.export_value(url.url)
    return {"Shop/Contact"}


def functions_at_the_edge(app: App) -> set[str]:
    stack = shop(app, env=VIRGINIA)
    edge = cloudfront.experimental.EdgeFunction(stack, "Redirect", **INLINE)
    behavior = cloudfront.BehaviorOptions(
        origin=origins.HttpOrigin("example.com"),
        edge_lambdas=[
            cloudfront.EdgeLambda(
                function_version=edge.current_version,
                event_type=cloudfront.LambdaEdgeEventType.VIEWER_REQUEST,
            )
        ],
    )
    cloudfront.Distribution(stack, "Site", default_behavior=behavior)
    function(stack, "Api")
    return {"Shop/Api"}


def a_pipeline_that_runs_functions(app: App) -> set[str]:
    stack = shop(app)
    source, artifact = s3.Bucket(stack, "Source", versioned=True), codepipeline.Artifact()
    fetch = actions.S3SourceAction(
        action_name="Fetch", bucket=source, bucket_key="app.zip", output=artifact
    )
    test = actions.LambdaInvokeAction(action_name="Test", lambda_=function(stack, "SmokeTest"))
    codepipeline.Pipeline(
        stack,
        "Pipeline",
        stages=[
            codepipeline.StageProps(stage_name="Source", actions=[fetch]),
            codepipeline.StageProps(stage_name="Test", actions=[test]),
        ],
    )
    return {"Shop/SmokeTest"}


def containers(app: App) -> set[str]:
    stack = shop(app)
    cluster = ecs.Cluster(stack, "Cluster", vpc=ec2.Vpc(stack, "Vpc"))
    cluster.add_capacity("Capacity", instance_type=ec2.InstanceType("t3.micro"))
    function(stack, "Scaler")
    return {"Shop/Scaler"}


def kubernetes(app: App) -> set[str]:
    stack = shop(app)
    arn = "arn:aws:lambda:eu-west-1:123456789012:layer:kubectl:1"
    layer = lambda_.LayerVersion.from_layer_version_arn(stack, "Kubectl", arn)
    cluster = eks.Cluster(
        stack, "Cluster", version=eks.KubernetesVersion.V1_32, kubectl_layer=layer
    )
    cluster.add_manifest("Manifest", {"apiVersion": "v1", "kind": "Namespace"})
    function(stack, "Watcher")
    return {"Shop/Watcher"}


class Product(catalog.ProductStack):
    """A product that others deploy."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name, asset_bucket=s3.Bucket(scope, "Assets", bucket_name="assets"))
        function(self, "Hook")


def a_service_catalog(app: App) -> set[str]:
    stack = shop(app)
    template = catalog.CloudFormationTemplate.from_product_stack(Product(stack, "Product"))
    catalog.CloudFormationProduct(
        stack,
        "Portfolio",
        product_name="x",
        owner="o",
        product_versions=[catalog.CloudFormationProductVersion(cloud_formation_template=template)],
    )
    return {"Shop/Product/Hook"}


APPS = [
    a_web_api,
    a_state_machine,
    events_of_every_kind,
    custom_resources_of_ones_own,
    a_dashboard_on_log_groups,
    nested_stacks,
    two_regions,
    gradual_deployments,
    a_site_and_its_content,
    functions_at_the_edge,
    a_pipeline_that_runs_functions,
    containers,
    kubernetes,
    a_service_catalog,
]
#: Those of which cfn-lint finds errors without telemetry, too.
NOT_LINTED = (kubernetes, a_service_catalog)


def forward_by_region(app: App) -> None:
    for stack in app.node.children:
        if isinstance(stack, Stack):
            forwarding = Forwarding.to_arn(FORWARDER.format(region=stack.region))
            Telemetry.of(stack).instrument(forwarding=forwarding)


@pytest.mark.parametrize("asked", ["first", "last"])
@pytest.mark.parametrize("make", APPS)
def test_an_app_is_instrumented_by_one_line(make: Callable[[App], set[str]], asked: str) -> None:
    app = App(analytics_reporting=False)
    if asked == "first":
        Telemetry.of(app).instrument(TelemetrySettings(mode="async"))
    wanted = make(app)
    if asked == "last":
        Telemetry.of(app).instrument(TelemetrySettings(mode="async"))
    folder = Path(app.synth().directory)
    reported = read_report(folder)
    deployed = [
        one for file in folder.glob("*.template.json") for _, one in functions_of(file, reported)
    ]
    assert {one.function for one in deployed if one.status == "instrumented"} == wanted
    others = {one.code for one in deployed if one.function not in wanted}
    assert others <= {"made-by-cdk", "not-python", "at-edge"}
    found = [
        resource["Properties"]
        for file in folder.glob("*.template.json")
        for resource in json.loads(file.read_text("utf-8"))["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    ]
    whole = [one for one in found if one.get("Handler") == ENTRY_POINT]
    assert len(whole) == len(wanted)
    assert all(one["Environment"]["Variables"][HANDLER] == "index.handler" for one in whole)


@pytest.mark.parametrize("make", APPS)
def test_an_app_is_forwarded_in_each_of_its_regions(make: Callable[[App], set[str]]) -> None:
    app = App(analytics_reporting=False)
    wanted = make(app)
    forward_by_region(app)
    folder = Path(app.synth().directory)
    kinds = [
        resource["Type"]
        for file in folder.glob("*.template.json")
        for resource in json.loads(file.read_text("utf-8"))["Resources"].values()
    ]
    assert kinds.count("AWS::Logs::SubscriptionFilter") == len(wanted)
    if make not in NOT_LINTED:
        lint(folder)
