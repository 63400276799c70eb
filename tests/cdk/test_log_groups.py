"""Forwarding takes the log group that a function has, and nobody's logs move."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import (
    App,
    Aws,
    CfnResource,
    Environment,
    Fn,
    NestedStack,
    RemovalPolicy,
    Stack,
    Tags,
)
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3

from lambda_otel_lite_cdk import (
    Forwarding,
    InstrumentedFunction,
    OtlpForwarder,
    Telemetry,
    instrument,
)

from .conftest import ARN, INLINE, functions, resources, template

if TYPE_CHECKING:
    from collections.abc import Callable

FILTER = "AWS::Logs::SubscriptionFilter"
GROUP = "AWS::Logs::LogGroup"
FORWARDING = Forwarding.to_arn(ARN)
DESTROY = RemovalPolicy.DESTROY
WITHOUT_A_GROUP: tuple[dict[str, Any], ...] = (
    {},
    {"function_name": "orders"},
    {"logging_format": lambda_.LoggingFormat.JSON},
    {"log_retention": logs.RetentionDays.ONE_DAY},
)
MANAGED: dict[str, Any] = {"@aws-cdk/aws-lambda:useCdkManagedLogGroup": True}


def shop(app: App | None = None, name: str = "Shop", **context: Any) -> Stack:
    environment = Environment(account="123456789012", region="eu-west-1")
    return Stack(app or App(analytics_reporting=False, context=context), name, env=environment)


def plain(stack: Stack, **props: Any) -> lambda_.Function:
    return lambda_.Function(stack, "Orders", **{**INLINE, **props})


def named(stack: Stack, name: str) -> logs.LogGroup:
    return logs.LogGroup(stack, "Mine", log_group_name=name)


def given(stack: Stack) -> None:
    plain(stack, log_group=logs.LogGroup(stack, "Mine"))


def given_twice(stack: Stack) -> None:
    group = logs.LogGroup(stack, "Mine")
    FORWARDING.subscribe(group)
    plain(stack, log_group=group)


def given_by_an_override(stack: Stack) -> None:
    resource = plain(stack).node.default_child
    assert isinstance(resource, lambda_.CfnFunction)
    group = logs.LogGroup(stack, "Mine")
    resource.add_property_override("LoggingConfig.LogGroup", group.log_group_name)


def given_to_the_resource(stack: Stack) -> None:
    resource = plain(stack).node.default_child
    assert isinstance(resource, lambda_.CfnFunction)
    resource.logging_config = lambda_.CfnFunction.LoggingConfigProperty(
        log_group=logs.LogGroup(stack, "Mine").log_group_name
    )


def under_its_default_name(stack: Stack) -> None:
    named(stack, f"/aws/lambda/{plain(stack).function_name}")


def under_its_default_name_by_a_resource(stack: Stack) -> None:
    name = plain(stack).function_name
    logs.CfnLogGroup(stack, "Mine", log_group_name=f"/aws/lambda/{name}")


def under_the_name_that_it_is_given(stack: Stack) -> None:
    plain(stack, function_name="orders")
    named(stack, "/aws/lambda/orders")


def under_the_name_that_refers_to_a_given_one(stack: Stack) -> None:
    named(stack, f"/aws/lambda/{plain(stack, function_name='orders').function_name}")


def raw(stack: Stack) -> None:
    plain(stack, function_name="orders")
    CfnResource(stack, "Mine", type=GROUP, properties={"LogGroupName": "/aws/lambda/orders"})


def raw_given(stack: Stack) -> None:
    group = CfnResource(stack, "Mine", type=GROUP)
    plain(stack, log_group=logs.LogGroup.from_log_group_name(stack, "Theirs", group.ref))


def written(function_name: str | None, group: Callable[[str], str]) -> Callable[[Stack], None]:
    """A log group whose name is written in another way than the function's."""

    def make(stack: Stack) -> None:
        function = plain(stack, function_name=function_name)
        logs.CfnLogGroup(stack, "Mine", log_group_name=group(function.function_name))

    return make


WRITTEN = [
    written(None, lambda name: Fn.join("/", ["", "aws", "lambda", name])),
    written(None, lambda name: Fn.sub("/aws/lambda/${Name}", {"Name": name})),
    written(None, lambda name: Fn.join("", ["/aws/", Fn.sub("lambda/${N}", {"N": name})])),
    written(f"{Aws.STACK_NAME}-orders", lambda _: Fn.sub("/aws/lambda/${AWS::StackName}-orders")),
    written("Shop-orders", lambda _: Fn.sub("/aws/lambda/${AWS::StackName}-orders")),
    written(f"orders-{Aws.REGION}", lambda _: "/aws/lambda/orders-eu-west-1"),
    written(f"o-{Aws.ACCOUNT_ID}", lambda _: Fn.sub("/aws/lambda/o-${AWS::AccountId}")),
    written(f"o-{Aws.PARTITION}", lambda _: Fn.sub("/aws/lambda/o-${AWS::Partition}")),
]


@pytest.mark.parametrize(
    "make",
    [
        raw,
        raw_given,
        *WRITTEN,
        given,
        given_twice,
        given_by_an_override,
        given_to_the_resource,
        under_its_default_name,
        under_its_default_name_by_a_resource,
        under_the_name_that_it_is_given,
        under_the_name_that_refers_to_a_given_one,
    ],
)
def test_the_log_group_that_a_function_has_is_subscribed(make: Callable[[Stack], None]) -> None:
    stack = shop()
    Telemetry.of(stack.node.root).instrument(forwarding=FORWARDING)
    make(stack)
    found = template(stack)["Resources"]
    (group,) = (name for name in found if found[name]["Type"] == GROUP)
    (subscription,) = resources(stack, FILTER)
    assert subscription["LogGroupName"] == {"Ref": group}


@pytest.mark.parametrize("with_group", [("eu-west-1", "us-east-1"), ("us-east-1",), ("eu-west-1",)])
def test_equal_names_in_two_regions_are_two_log_groups(with_group: tuple[str, ...]) -> None:
    app = App(analytics_reporting=False)
    for region in ("eu-west-1", "us-east-1"):
        environment = Environment(account="123456789012", region=region)
        stack = Stack(app, region, env=environment)
        forwarder = OtlpForwarder(stack, "Forwarder", endpoint="https://collector.example.com")
        Telemetry.of(stack).instrument(forwarding=forwarder.forwarding)
        plain(stack, function_name="orders")
        if region in with_group:
            named(stack, "/aws/lambda/orders")

    for stack in (one for one in app.node.children if isinstance(one, Stack)):
        found = template(stack)["Resources"]
        (name,) = (
            name
            for name in found
            if name.startswith(("Mine", "Orders")) and found[name]["Type"] == GROUP
        )
        assert name.startswith("Mine") == (stack.region in with_group)
        (subscription,) = resources(stack, FILTER)
        assert subscription["LogGroupName"] == {"Ref": name}


def written_to(function: dict[str, Any]) -> Any:
    return function.get("LoggingConfig", {}).get("LogGroup")


@pytest.mark.parametrize(
    ("context", "props"),
    [
        *((context, props) for context in ({}, MANAGED) for props in WITHOUT_A_GROUP),
        # The CDK takes these without that flag alone.
        ({}, {"log_removal_policy": DESTROY}),
        ({}, {"log_retention": logs.RetentionDays.ONE_DAY, "log_removal_policy": DESTROY}),
    ],
    ids=str,
)
def test_telemetry_changes_nothing_about_where_a_function_logs(
    context: dict[str, Any], props: dict[str, Any]
) -> None:
    def groups(make: Callable[[Stack], object]) -> tuple[list[Any], list[Any], list[Any]]:
        stack = shop(**context)
        make(stack)
        written = [written_to(one) for one in functions(stack)]
        kept = [*resources(stack, GROUP), *resources(stack, "Custom::LogRetention")]
        return written, kept, resources(stack, FILTER)

    def in_place(stack: Stack) -> None:
        InstrumentedFunction(stack, "Orders", **{**INLINE, **props})

    def forwarded(stack: Stack) -> None:
        instrument(plain(stack, **props), forwarding=FORWARDING)

    before, without, _ = groups(lambda stack: plain(stack, **props))
    assert groups(in_place)[:2] == (before, without)
    after, with_forwarding, (_,) = groups(forwarded)
    assert after == before
    assert without in (with_forwarding, [])


@pytest.mark.parametrize("function_name", [None, "orders"])
def test_a_function_without_a_log_group_gets_the_one_that_lambda_would_make(
    function_name: str | None,
) -> None:
    stack = shop()
    Telemetry.of(stack).instrument(forwarding=FORWARDING)
    plain(stack, function_name=function_name)
    (group,) = resources(stack, GROUP)
    assert "RetentionInDays" not in group
    assert "/aws/lambda/" in json.dumps(group["LogGroupName"])
    (function,) = functions(stack)
    assert "LoggingConfig" not in function
    found = template(stack)["Resources"]
    (name,) = (one for one in found if found[one]["Type"] == GROUP)
    assert found[name]["DeletionPolicy"] == "Retain"
    assert resources(stack, FILTER)[0]["LogGroupName"] == {"Ref": name}


def test_the_log_group_that_is_made_has_the_tags_of_its_function() -> None:
    for asked_first in (True, False):
        stack = shop()
        if asked_first:
            Telemetry.of(stack).instrument(forwarding=FORWARDING)
        plain(stack)
        Tags.of(stack.node.root).add("team", "shop")
        if not asked_first:
            Telemetry.of(stack).instrument(forwarding=FORWARDING)
        assert resources(stack, GROUP)[0]["Tags"] == [{"Key": "team", "Value": "shop"}]


def test_a_metric_filter_on_the_managed_log_group_still_sees_the_lines() -> None:
    stack = shop(**MANAGED)
    Telemetry.of(stack).instrument(forwarding=FORWARDING)
    plain(stack).log_group.add_metric_filter(
        "Errors",
        metric_namespace="x",
        metric_name="e",
        filter_pattern=logs.FilterPattern.all_events(),
    )
    (watched,) = resources(stack, "AWS::Logs::MetricFilter")
    (subscription,) = resources(stack, FILTER)
    assert subscription["LogGroupName"] == watched["LogGroupName"]
    assert written_to(functions(stack)[0]) is None


def test_a_role_of_one_log_group_keeps_writing_to_it() -> None:
    stack = shop()
    mine = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/orders:*"
    write = iam.PolicyStatement(actions=["logs:PutLogEvents"], resources=[mine])
    role = iam.Role(
        stack,
        "Role",
        assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        inline_policies={"logs": iam.PolicyDocument(statements=[write])},
    )
    Telemetry.of(stack).instrument(forwarding=FORWARDING)
    plain(stack, function_name="orders", role=role)
    (function,) = functions(stack)
    assert (function["FunctionName"], written_to(function)) == ("orders", None)
    assert "/aws/lambda/" in str(resources(stack, GROUP)[0]["LogGroupName"])


def test_a_log_group_of_another_stack_is_subscribed_there() -> None:
    app = App(analytics_reporting=False)
    central = shop(app, "Central")
    group = logs.LogGroup(central, "Mine")
    stack = shop(app)
    Telemetry.of(app).instrument(forwarding=FORWARDING)
    plain(stack, log_group=group)
    assert len(resources(central, FILTER)) == 1
    assert resources(stack, FILTER) == []


def test_an_imported_log_group_is_subscribed_by_its_name() -> None:
    stack = shop()
    group = logs.LogGroup.from_log_group_name(stack, "Theirs", "theirs")
    Telemetry.of(stack).instrument(forwarding=FORWARDING)
    plain(stack, log_group=group)
    assert [one["LogGroupName"] for one in resources(stack, FILTER)] == ["theirs"]


def test_functions_of_nested_stacks_are_forwarded_there() -> None:
    inner = NestedStack(shop(), "Inner")
    Telemetry.of(inner.node.root).instrument(forwarding=FORWARDING)
    plain(inner)
    root = inner.node.root
    assert isinstance(root, App)
    app = root.synth()
    (file,) = Path(app.directory).glob("*.nested.template.json")
    kinds = [one["Type"] for one in json.loads(file.read_text())["Resources"].values()]
    assert (kinds.count(GROUP), kinds.count(FILTER)) == (1, 1)


def test_a_stack_may_have_the_name_of_this_library() -> None:
    app = App(analytics_reporting=False)
    stack = shop(app, "LambdaOtelLite")
    Telemetry.of(app).instrument(forwarding=FORWARDING)
    plain(stack)
    assert len(resources(stack, FILTER)) == 1


@pytest.mark.parametrize("theirs", ["OrdersLogs", "LambdaOtelLiteLogs", "TelemetryLogs"])
def test_no_id_is_taken_from_the_app(theirs: str) -> None:
    stack = shop()
    s3.Bucket(stack, theirs)
    function = InstrumentedFunction(stack, "Orders", **INLINE, forwarding=FORWARDING)
    s3.Bucket(function, "TelemetryLogs")
    kinds = [one["Type"] for one in template(stack)["Resources"].values()]
    assert kinds.count("AWS::S3::Bucket") == 2


@pytest.mark.parametrize(("topics", "fits"), [(480, False), (440, True)])
def test_too_many_resources_are_said_with_the_way_out(topics: int, *, fits: bool) -> None:
    stack = shop()
    for number in range(topics):
        CfnResource(stack, f"Topic{number}", type="AWS::SNS::Topic")
    # Each has a role, which is there without telemetry as well.
    for number in range(10):
        lambda_.Function(stack, f"Function{number}", **INLINE)
    Telemetry.of(stack).instrument(forwarding=FORWARDING)
    if fits:
        assert len(resources(stack, FILTER)) == 10
        return
    with pytest.raises(RuntimeError, match=r"Shop: it has 521 resources, 21 of them for the tele"):
        template(stack)
