"""A forwarder that a log group cannot be sent to stops the synth, with the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, CfnOutput, Environment, NestedStack, Stack, Stage
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from lambda_otel_lite_cdk import Forwarding, ForwardingError, OtlpForwarder, Telemetry

from .conftest import INLINE, RUNTIME, outcomes

if TYPE_CHECKING:
    from collections.abc import Callable

    from constructs import Construct

IRELAND = Environment(account="123456789012", region="eu-west-1")
VIRGINIA = Environment(account="123456789012", region="us-east-1")
ELSEWHERE = Environment(account="210987654321", region="eu-west-1")
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:forwarder"


def function_in(stack: Construct) -> lambda_.Function:
    return lambda_.Function(stack, "Orders", **INLINE)


def forwarder_in(stack: Construct, **props: Any) -> Forwarding:
    made = OtlpForwarder(
        stack, "Forwarder", endpoint="https://collector", runtime=RUNTIME, **props
    ).forwarding
    assert made is not None
    return made


def an_arn_of_another_region(app: App) -> Forwarding:
    function_in(Stack(app, "Shop", env=VIRGINIA))
    return Forwarding.to_arn(ARN)


def an_arn_of_another_account(app: App) -> Forwarding:
    function_in(Stack(app, "Shop", env=ELSEWHERE))
    return Forwarding.to_arn(ARN)


def an_imported_function_of_another_region(app: App) -> Forwarding:
    stack = Stack(app, "Shop", env=VIRGINIA)
    function_in(stack)
    return Forwarding.to_function(lambda_.Function.from_function_arn(stack, "Theirs", ARN))


def a_forwarder_of_another_region(app: App) -> Forwarding:
    function_in(Stack(app, "Shop", env=VIRGINIA))
    return forwarder_in(Stack(app, "Central", env=IRELAND))


def a_forwarder_of_another_account(app: App) -> Forwarding:
    function_in(Stack(app, "Shop", env=ELSEWHERE))
    return forwarder_in(Stack(app, "Central", env=IRELAND))


def a_forwarder_with_an_environment(app: App) -> Forwarding:
    function_in(Stack(app, "Shop"))
    return forwarder_in(Stack(app, "Central", env=IRELAND))


def a_stream_of_another_region(app: App) -> Forwarding:
    function_in(Stack(app, "Shop", env=VIRGINIA))
    return Forwarding.to_kinesis(kinesis.Stream(Stack(app, "Central", env=IRELAND), "Records"))


def a_circle_of_references(app: App) -> Forwarding:
    shop, central = Stack(app, "Shop", env=IRELAND), Stack(app, "Central", env=IRELAND)
    function = function_in(shop)
    lambda_.Function(central, "Caller", **INLINE, environment={"ORDERS": function.function_name})
    return forwarder_in(central)


def a_circle_of_three(app: App) -> Forwarding:
    stacks = [Stack(app, name, env=IRELAND) for name in ("Shop", "Between", "Central")]
    function_in(stacks[0])
    stacks[1].add_dependency(stacks[0])
    stacks[2].add_dependency(stacks[1])
    return forwarder_in(stacks[2])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (an_arn_of_another_region, "in the region 'us-east-1' .* in 'eu-west-1'"),
        (an_arn_of_another_account, "in the account '210987654321' .* in '123456789012'"),
        (an_imported_function_of_another_region, "in the region 'us-east-1' .* in 'eu-west-1'"),
        (a_forwarder_of_another_region, "Central/Forwarder in 'aws://123456789012/eu-west-1'"),
        (a_forwarder_of_another_account, "in 'aws://210987654321/eu-west-1'"),
        (a_forwarder_with_an_environment, "Central/Forwarder in"),
        (a_stream_of_another_region, "Central/Records in"),
        (a_circle_of_references, "the stack of the forwarder .* depends on that of the function"),
        (a_circle_of_three, "the stack of the forwarder .* depends on that of the function"),
    ],
)
def test_a_forwarder_out_of_reach_stops_the_synth_with_the_functions_name(
    make: Callable[[App], Forwarding], said: str
) -> None:
    app = App(analytics_reporting=False)
    Telemetry.of(app).instrument(forwarding=make(app))
    with pytest.raises(RuntimeError, match=rf"Shop/Orders.*{said}") as raised:
        app.synth()
    assert "ValidationFailed" in str(raised.value)


def test_a_forwarder_of_another_stage_stops_the_synth_with_the_functions_name() -> None:
    app = App(analytics_reporting=False)
    function_in(Stack(Stage(app, "Prod", env=IRELAND), "Shop"))
    forwarding = forwarder_in(Stack(app, "Central", env=IRELAND))
    Telemetry.of(app).instrument(forwarding=forwarding)
    with pytest.raises(RuntimeError, match=r"Prod/Shop/Orders.*it is in 'Prod' and the forwarder"):
        app.synth()


def in_another_stack(app: App) -> tuple[Stack, Forwarding]:
    shop = Stack(app, "Shop", env=IRELAND)
    function_in(shop)
    return shop, forwarder_in(Stack(app, "Central", env=IRELAND))


def in_the_outer_stack(app: App) -> tuple[Stack, Forwarding]:
    shop = Stack(app, "Shop", env=IRELAND)
    function_in(NestedStack(shop, "Inner"))
    return shop, forwarder_in(shop)


def in_a_stack_that_depends_on_the_forwarders(app: App) -> tuple[Stack, Forwarding]:
    shop, forwarding = in_another_stack(app)
    made = app.node.find_child("Central").node.find_child("Forwarder")
    assert isinstance(made, lambda_.Function)
    CfnOutput(shop, "Name", value=made.function_name)
    return shop, forwarding


@pytest.mark.parametrize(
    "make", [in_another_stack, in_the_outer_stack, in_a_stack_that_depends_on_the_forwarders]
)
def test_a_forwarder_within_reach_is_used(
    make: Callable[[App], tuple[Stack, Forwarding]],
) -> None:
    app = App(analytics_reporting=False)
    shop, forwarding = make(app)
    Telemetry.of(app).instrument(forwarding=forwarding)
    assert "instrumented" in {one.status for one in outcomes(shop)}


def test_a_logical_destination_is_reached_from_other_accounts() -> None:
    app = App(analytics_reporting=False)
    shop = Stack(app, "Shop", env=ELSEWHERE)
    function_in(shop)
    arn = "arn:aws:logs:eu-west-1:123456789012:destination:central"
    Telemetry.of(app).instrument(forwarding=Forwarding.to_arn(arn))
    assert [one.status for one in outcomes(shop)] == ["instrumented"]


def theirs(stack: Stack) -> None:
    logs.CfnAccountPolicy(
        stack,
        "Theirs",
        policy_name="theirs",
        policy_type="SUBSCRIPTION_FILTER_POLICY",
        policy_document="{}",
    )


def ours(stack: Stack) -> None:
    OtlpForwarder(
        stack, "Forwarder", endpoint="https://collector", runtime=RUNTIME, account_level=True
    )


@pytest.mark.parametrize("second", [ours, theirs])
@pytest.mark.parametrize("environment", [IRELAND, None])
def test_two_account_policies_of_one_account_and_region_stop_the_synth(
    second: Callable[[Stack], None], environment: Environment | None
) -> None:
    app = App(analytics_reporting=False)
    ours(Stack(app, "One", env=environment))
    second(Stack(app, "Two", env=environment))
    with pytest.raises(RuntimeError, match=r"One/TelemetryAccountPolicy: .* another account-level"):
        app.synth()


def test_an_account_policy_of_another_region_is_refused() -> None:
    stack = Stack(App(analytics_reporting=False), "Shop", env=VIRGINIA)
    with pytest.raises(ForwardingError, match=r"^Shop: .*in the region 'us-east-1'"):
        Forwarding.to_arn(ARN).account_level(stack)


@pytest.mark.parametrize("environments", [(IRELAND, VIRGINIA), (IRELAND, ELSEWHERE)])
def test_each_region_and_account_has_an_account_policy_of_its_own(
    environments: tuple[Environment, Environment],
) -> None:
    app = App(analytics_reporting=False)
    for name, environment in zip(("One", "Two"), environments, strict=True):
        ours(Stack(app, name, env=environment))
    assert len(app.synth().stacks) == 2


def test_stages_without_an_environment_have_an_account_policy_each() -> None:
    app = App(analytics_reporting=False)
    for name in ("Dev", "Prod"):
        ours(Stack(Stage(app, name), "Central"))
    app.synth()


def test_a_policy_of_another_kind_is_no_second_one() -> None:
    app = App(analytics_reporting=False)
    stack = Stack(app, "One", env=IRELAND)
    ours(stack)
    logs.CfnAccountPolicy(
        stack,
        "Masked",
        policy_name="masked",
        policy_type="DATA_PROTECTION_POLICY",
        policy_document="{}",
    )
    app.synth()
