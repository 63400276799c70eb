"""Functions that Lambda does not start by their handler, and those that are not the app's own."""

from __future__ import annotations

import importlib.resources
import json
import re
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, Environment, Fn, RemovalPolicy, Stack, custom_resources
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_eks as eks
from aws_cdk import aws_eks_v2 as eks_v2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as deployment
from aws_cdk import aws_s3_notifications as notifications
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks

from lambda_otel_lite_cdk import Telemetry, instrument
from lambda_otel_lite_cdk.functions.eligibility import is_made_by_cdk
from lambda_otel_lite_cdk.functions.reasons import Reason

from .conftest import ARN, INLINE, outcomes, template

if TYPE_CHECKING:
    from collections.abc import Callable


def virginia(app: App | None = None, name: str = "Shop") -> Stack:
    environment = Environment(account="123456789012", region="us-east-1")
    return Stack(app or App(analytics_reporting=False), name, env=environment)


def plain(stack: Stack, name: str = "Edge", **props: Any) -> lambda_.Function:
    return lambda_.Function(stack, name, **{**INLINE, **props})


def distribution(stack: Stack, version: lambda_.IVersion) -> None:
    cloudfront.Distribution(
        stack,
        "Distribution",
        default_behavior=cloudfront.BehaviorOptions(
            origin=origins.HttpOrigin("example.com"),
            edge_lambdas=[
                cloudfront.EdgeLambda(
                    function_version=version,
                    event_type=cloudfront.LambdaEdgeEventType.VIEWER_REQUEST,
                )
            ],
        ),
    )


class Authorizer(cloudfront.experimental.EdgeFunction):
    """An edge function of somebody's own kind."""


def by_distribution(stack: Stack) -> None:
    distribution(stack, plain(stack).current_version)


def by_another_stacks_distribution(stack: Stack) -> None:
    app = stack.node.root
    assert isinstance(app, App)
    distribution(virginia(app, "Site"), plain(stack).current_version)


def by_the_arn_of_a_version(stack: Stack) -> None:
    plain(stack, function_name="edge")
    arn = "arn:aws:lambda:us-east-1:123456789012:function:edge:3"
    distribution(stack, lambda_.Version.from_version_arn(stack, "Version", arn))


def by_a_distribution_resource(stack: Stack) -> None:
    bucket = s3.Bucket(stack, "Bucket")
    cloudfront.CloudFrontWebDistribution(
        stack,
        "Distribution",
        origin_configs=[
            cloudfront.SourceConfiguration(
                s3_origin_source=cloudfront.S3OriginConfig(s3_bucket_source=bucket),
                behaviors=[
                    cloudfront.Behavior(
                        is_default_behavior=True,
                        lambda_function_associations=[
                            cloudfront.LambdaFunctionAssociation(
                                event_type=cloudfront.LambdaEdgeEventType.ORIGIN_REQUEST,
                                lambda_function=plain(stack).current_version,
                            )
                        ],
                    )
                ],
            )
        ],
    )


def associated(stack: Stack, arn: str) -> None:
    """Make a distribution with what is written for it in the template."""
    behavior = cloudfront.CfnDistribution.DefaultCacheBehaviorProperty(
        target_origin_id="site",
        viewer_protocol_policy="allow-all",
        lambda_function_associations=[
            cloudfront.CfnDistribution.LambdaFunctionAssociationProperty(
                event_type="viewer-request", lambda_function_arn=arn
            )
        ],
    )
    config = cloudfront.CfnDistribution.DistributionConfigProperty(
        enabled=True, default_cache_behavior=behavior, origins=[]
    )
    cloudfront.CfnDistribution(stack, "Distribution", distribution_config=config)


def by_its_arn_and_a_version(stack: Stack) -> None:
    associated(stack, f"{plain(stack).function_arn}:3")


def by_a_substituted_arn(stack: Stack) -> None:
    function = plain(stack).node.default_child
    assert isinstance(function, lambda_.CfnFunction)
    associated(stack, Fn.sub(f"${{{stack.resolve(function.logical_id)}.Arn}}:3"))


def by_a_substituted_name(stack: Stack) -> None:
    name = plain(stack).function_name
    associated(
        stack,
        Fn.sub("arn:aws:lambda:us-east-1:${AWS::AccountId}:function:${Name}:3", {"Name": name}),
    )


def by_the_name_of_its_role(stack: Stack) -> None:
    iam.Role(
        stack,
        "Role",
        role_name="edge",
        assumed_by=iam.CompositePrincipal(
            iam.ServicePrincipal("lambda.amazonaws.com"),
            iam.ServicePrincipal("edgelambda.amazonaws.com"),
        ),
    )
    plain(stack, role=iam.Role.from_role_name(stack, "Imported", "edge"))


def by_its_role(stack: Stack) -> None:
    role = iam.Role(
        stack,
        "Role",
        assumed_by=iam.CompositePrincipal(
            iam.ServicePrincipal("lambda.amazonaws.com"),
            iam.ServicePrincipal("edgelambda.amazonaws.com"),
        ),
    )
    plain(stack, role=role)


def by_its_class(stack: Stack) -> None:
    cloudfront.experimental.EdgeFunction(stack, "Edge", **INLINE)


def by_its_base_class(stack: Stack) -> None:
    distribution(stack, Authorizer(stack, "Edge", **INLINE).current_version)


EDGES = [
    by_distribution,
    by_another_stacks_distribution,
    by_the_arn_of_a_version,
    by_a_distribution_resource,
    by_its_arn_and_a_version,
    by_a_substituted_arn,
    by_a_substituted_name,
    by_its_role,
    by_the_name_of_its_role,
    by_its_class,
    by_its_base_class,
]


@pytest.mark.parametrize("make", EDGES)
def test_what_makes_a_function_run_at_the_edge_leaves_it_alone(
    make: Callable[[Stack], None],
) -> None:
    stack = virginia()
    Telemetry.of(stack.node.root).instrument()
    make(stack)
    plain(stack, "Orders")
    found = {one.function.split("/")[1]: one for one in outcomes(stack)}
    assert (found["Edge"].status, found["Edge"].code) == ("skipped", "at-edge")
    assert found["Orders"].status == "instrumented"


def test_a_function_with_the_logical_id_of_one_at_the_edge_in_another_stack_is_instrumented() -> (
    None
):
    stack = virginia()
    Telemetry.of(stack.node.root).instrument()
    app = stack.node.root
    assert isinstance(app, App)
    associated(stack, f"{plain(stack).function_arn}:3")
    plain(virginia(app, "Other"))
    assert {one.function: one.status for one in outcomes(stack)} == {
        "Shop/Edge": "skipped",
        "Other/Edge": "instrumented",
    }


def test_asking_by_name_for_a_function_at_the_edge_stops_the_synth() -> None:
    stack = virginia()
    function = plain(stack)
    instrument(function)
    distribution(stack, function.current_version)
    with pytest.raises(RuntimeError, match="Shop/Edge: it was asked for by name, but Lambda@Edge"):
        template(stack)


ADAPTED = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/bootstrap"}


@pytest.mark.parametrize(
    ("handler", "environment", "packed", "code"),
    [
        ("run.sh", ADAPTED, False, "web-adapter"),
        ("run.sh", ADAPTED, True, "web-adapter"),
        ("server", ADAPTED, False, "web-adapter"),
        ("run.sh", {}, True, "script"),
        ("bin.start", {}, True, "script"),
        ("bin.start", {}, False, "script"),
    ],
)
def test_a_script_that_starts_a_function_is_not_replaced(
    tmp_path: Path, handler: str, environment: dict[str, str], *, packed: bool, code: str
) -> None:
    stack = virginia()
    Telemetry.of(stack).instrument()
    asset = tmp_path / "code"
    asset.mkdir()
    (asset / handler).write_text("#!/bin/sh\n")
    if packed:
        with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
            archive.writestr(handler, "#!/bin/sh\n")
        asset = tmp_path / "code.zip"
    plain(
        stack,
        handler=handler,
        environment=environment,
        code=lambda_.Code.from_asset(str(asset)),
    )
    (found,) = outcomes(stack)
    assert (found.status, found.code) == ("skipped", code)
    assert handler in found.reason


def test_a_wrapper_that_starts_the_handler_is_no_web_adapter() -> None:
    stack = virginia()
    Telemetry.of(stack).instrument()
    plain(stack, environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"})
    assert [one.status for one in outcomes(stack)] == ["instrumented"]


@pytest.mark.parametrize(
    "path",
    [
        "Shop/Custom::CDKBucketDeployment8693BB64968944B69AAFB0CC9EB8756C",
        "Shop/Custom::CDKBucketDeployment8693BB64968944B69AAFB0CC9EB8756C512MiB",
        "Shop/Custom::S3AutoDeleteObjectsCustomResourceProvider/Handler",
        "Shop/LogRetentionaae0aa3c5b4d4f87b02d85b201efdd8a",
        "Shop/AWS679f53fac002430cb0da5b7982bd2287",
        "Shop/@aws-cdk--aws-eks.KubectlProvider/Handler",
        "Shop/BucketNotificationsHandler050a0587b7544547bf325f094a3db834",
    ],
)
def test_hazard_34_the_cdks_own_functions_are_known_by_their_paths(path: str) -> None:
    assert is_made_by_cdk(path)


@pytest.mark.parametrize(
    "path",
    [
        "Shop/Orders",
        "Shop/Provider/OnEvent",
        "Shop/framework-onEvent",
        "pr-0123456789abcdef0123456789abcdef01234567/Orders",
        "Shop/Tenant84c0de93353f42179b0b45b6c993251a",
        "Shop/0123456789ABCDEF0123456789ABCDEF/Worker",
        "Shop/d41d8cd98f00b204e9800998ecf8427e",
        "Shop/Custom::Mine",
    ],
)
def test_a_users_function_is_not_taken_for_the_cdks(path: str) -> None:
    assert not is_made_by_cdk(path)


def test_a_provider_makes_functions_and_a_users_of_the_same_name_is_none_of_them() -> None:
    stack = virginia()
    Telemetry.of(stack).instrument()
    own = plain(stack, "framework-onEvent")
    custom_resources.Provider(stack, "Provider", on_event_handler=own, is_complete_handler=own)

    found = {one.function.removeprefix(f"{stack.node.id}/"): one.code for one in outcomes(stack)}
    assert found.pop("framework-onEvent") is None
    assert found == {
        f"Provider/framework-{name}": Reason.MADE_BY_CDK
        for name in ("onEvent", "isComplete", "onTimeout")
    }


def bucket_deployment(stack: Stack) -> None:
    bucket = s3.Bucket(
        stack, "Bucket", auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY
    )
    source = deployment.Source.data("file.txt", "text")
    deployment.BucketDeployment(stack, "Deploy", sources=[source], destination_bucket=bucket)
    deployment.BucketDeployment(
        stack, "Larger", sources=[source], destination_bucket=bucket, memory_limit=512
    )


def bucket_notifications(stack: Stack) -> None:
    theirs = lambda_.Function.from_function_arn(stack, "Theirs", ARN)
    s3.Bucket.from_bucket_name(stack, "Bucket", "bucket").add_event_notification(
        s3.EventType.OBJECT_CREATED, notifications.LambdaDestination(theirs)
    )


def ecs_drain_hook(stack: Stack) -> None:
    vpc = ec2.Vpc(stack, "Vpc")
    cluster = ecs.Cluster(stack, "Cluster", vpc=vpc)
    cluster.add_capacity("Capacity", instance_type=ec2.InstanceType("t3.micro"))


def kubectl_layer(stack: Stack) -> lambda_.ILayerVersion:
    arn = "arn:aws:lambda:us-east-1:123456789012:layer:kubectl:1"
    return lambda_.LayerVersion.from_layer_version_arn(stack, "Kubectl", arn)


def eks_cluster(stack: Stack) -> None:
    eks.Cluster(
        stack,
        "Cluster",
        version=eks.KubernetesVersion.V1_32,
        kubectl_layer=kubectl_layer(stack),
    ).add_manifest("Manifest", {"apiVersion": "v1", "kind": "Namespace"})


def eks_v2_cluster(stack: Stack) -> None:
    eks_v2.Cluster(
        stack,
        "Cluster",
        version=eks_v2.KubernetesVersion.V1_32,
        kubectl_provider_options=eks_v2.KubectlProviderOptions(kubectl_layer=kubectl_layer(stack)),
    ).add_manifest("Manifest", {"apiVersion": "v1", "kind": "Namespace"})


def emr_job(stack: Stack) -> None:
    task = tasks.EmrContainersStartJobRun(
        stack,
        "Task",
        virtual_cluster=tasks.VirtualClusterInput.from_virtual_cluster_id("cluster"),
        release_label=tasks.ReleaseLabel.EMR_6_2_0,
        job_driver=tasks.JobDriver(
            spark_submit_job_driver=tasks.SparkSubmitJobDriver(
                entry_point=sfn.TaskInput.from_text("local:///job.py")
            )
        ),
    )
    sfn.StateMachine(stack, "Machine", definition_body=sfn.DefinitionBody.from_chainable(task))


def log_retention(stack: Stack) -> None:
    logs.LogRetention(
        stack, "Retention", log_group_name="group", retention=logs.RetentionDays.ONE_DAY
    )


@pytest.mark.parametrize(
    ("make", "python"),
    [
        (bucket_deployment, 2),
        (bucket_notifications, 1),
        (ecs_drain_hook, 1),
        (eks_cluster, 1),
        (eks_v2_cluster, 1),
        (emr_job, 1),
        (log_retention, 0),
    ],
)
def test_hazard_34_what_the_cdk_brings_is_left_alone(
    make: Callable[[Stack], None], python: int
) -> None:
    stack = virginia()
    Telemetry.of(stack.node.root).instrument()
    make(stack)
    found = outcomes(stack)
    assert {one.code for one in found} == {"made-by-cdk"}
    assembly = stack.node.root
    assert isinstance(assembly, App)
    runtimes = [
        str(resource["Properties"].get("Runtime"))
        for file in Path(assembly.outdir).glob("*.template.json")
        for resource in json.loads(file.read_text("utf-8"))["Resources"].values()
        if resource["Type"] == "AWS::Lambda::Function"
    ]
    assert len([one for one in runtimes if one.startswith("python")]) == python


#: What of aws-cdk-lib names a Python runtime: each brings a function that a test above makes, or
#: none (enumerations, build images and what runs elsewhere).
PYTHON_IN_THE_CDK = {
    "aws-bedrockagentcore/lib/runtime/runtime-artifact.js",
    "aws-codebuild/lib/linux-arm-lambda-build-image.js",
    "aws-codebuild/lib/linux-lambda-build-image.js",
    "aws-ecs/lib/drain-hook/instance-drain-hook.js",
    "aws-eks-v2/lib/kubectl-provider.js",
    "aws-lambda/lib/runtime.js",
    "aws-s3/lib/notifications-resource/notifications-resource-handler.js",
    "core/lib/analytics-data-source/enums.js",
    "custom-resource-handlers/dist/aws-ecs/drain-hook-provider.generated.js",
    "custom-resource-handlers/dist/aws-eks-v2/kubectl-provider.generated.js",
    "custom-resource-handlers/dist/aws-eks/kubectl-provider.generated.js",
    "custom-resource-handlers/dist/aws-s3-deployment/bucket-deployment-provider.generated.js",
    "custom-resource-handlers/dist/aws-stepfunctions-tasks/role-policy-provider.generated.js",
}


def test_hazard_34_the_cdk_brings_no_python_function_that_is_not_known() -> None:
    bundles = importlib.resources.files("aws_cdk._jsii")
    (bundle,) = (one for one in bundles.iterdir() if one.name.endswith(".jsii.tgz"))
    found = set()
    with bundle.open("rb") as opened, tarfile.open(fileobj=opened, mode="r|gz") as archive:
        for member in archive:
            path = member.name.removeprefix("package/")
            if path.endswith(".js") and ("/lib/" in path or "/dist/" in path):
                content = archive.extractfile(member)
                if content and re.search(rb"PYTHON_3_|python3\.\d|LatestPython", content.read()):
                    found.add(path)
    assert {one for one in found if not one.startswith("node_modules/")} == PYTHON_IN_THE_CDK
