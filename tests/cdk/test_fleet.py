from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from aws_cdk import (
    App,
    Environment,
    NestedStack,
    PropertyInjectors,
    RemovalPolicy,
    Stack,
    Stage,
    Tags,
)
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_s3_deployment as deployment
from hypothesis import given, settings
from hypothesis import strategies as st

from lambda_otel_lite_cdk import (
    Forwarding,
    InstrumentedFunction,
    SettingsError,
    Telemetry,
    TelemetryInjector,
    TelemetryMixin,
    TelemetrySettings,
    instrument,
)
from lambda_otel_lite_cdk.functions.eligibility import is_in_rollout

from .conftest import (
    INLINE,
    ROOT,
    SNAPPED,
    functions,
    outcomes,
    resources,
    template,
    variables,
)

ENTRY_POINT = "lambda_otel_lite_entry.handler"
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:forwarder"
SINGLETON: dict[str, Any] = {"uuid": "84c0de93-353f-4217-9b0b-45b6c993251a", **INLINE}
ENTRY_POINTS = ("aspect", "injector", "mixin", "instrument")

#: What each entry point asks for in the tests of their order.
ASKED = {
    "aspect": TelemetrySettings(mode="async", queue_size=1000, service_name="fleet"),
    "injector": TelemetrySettings(queue_size=2000, batch_size=10),
    "mixin": TelemetrySettings(batch_size=20, compression_level=1),
    "instrument": TelemetrySettings(compression_level=2),
}


def plain(stack: Stack, name: str = "Orders", **props: Any) -> lambda_.Function:
    return lambda_.Function(stack, name, **{**INLINE, **props})


def synthesize(entry_points: tuple[str, ...], *, same: bool = False) -> str:
    """Use entry points for two functions in the given order; return the template's text."""
    app = App(analytics_reporting=False)
    stack = Stack(app, "Shop")

    def asked(entry_point: str) -> TelemetrySettings:
        return ASKED["aspect" if same else entry_point]

    # An injector works on what is made after it: there is but one place for it.
    if "injector" in entry_points:
        PropertyInjectors.of(stack).add(TelemetryInjector(asked("injector")))
    made = [plain(stack, name, environment={"TABLE": "1"}) for name in ("Orders", "Worker")]
    for entry_point in entry_points:
        for function in made:
            if entry_point == "instrument":
                instrument(function, asked(entry_point))
            elif entry_point == "mixin":
                function.with_(TelemetryMixin(asked(entry_point)))
        if entry_point == "aspect":
            Telemetry.of(app).instrument(asked(entry_point))
    return json.dumps(template(stack))


@pytest.mark.parametrize(
    "order", list(itertools.permutations(ENTRY_POINTS[::2] + ENTRY_POINTS[3:]))
)
def test_hazard_30_the_order_of_entry_points_that_ask_for_different_things_does_not_matter(
    order: tuple[str, ...],
) -> None:
    assert synthesize(("injector", *order)) == synthesize(ENTRY_POINTS)


@settings(max_examples=20)
@given(st.lists(st.sampled_from(ENTRY_POINTS), min_size=1, max_size=8))
def test_hazard_30_all_orders_and_repetitions_of_entry_points_give_the_same_template(
    entry_points: list[str],
) -> None:
    assert synthesize(tuple(entry_points), same=True) == synthesize(("instrument",), same=True)


def test_the_nearest_and_most_particular_setting_wins(stack: Stack) -> None:
    Telemetry.of(stack.node.root).instrument(ASKED["aspect"])
    Telemetry.of(stack).instrument(TelemetrySettings(service_name="team"))
    InstrumentedFunction(stack, "Orders", **INLINE, telemetry=TelemetrySettings(queue_size=5))
    (function,) = functions(stack)
    assert variables(function) == {
        "LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE": "async",
        "LAMBDA_OTEL_EXPORTER": "native",
        "LAMBDA_OTEL_HANDLER": "index.handler",
        "LAMBDA_SPAN_PROCESSOR_QUEUE_SIZE": "5",
        "OTEL_SERVICE_NAME": "team",
    }


def test_context_gives_the_defaults() -> None:
    app = App(context={"telemetry.mode": "async", "telemetry.queue_size": "7"})
    stack = Stack(app, "Shop")
    instrument(plain(stack), TelemetrySettings(queue_size=8))
    found = variables(functions(stack)[0])
    assert found["LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE"] == "async"
    assert found["LAMBDA_SPAN_PROCESSOR_QUEUE_SIZE"] == "8"


def test_functions_that_are_made_after_the_call_are_instrumented_too(stack: Stack) -> None:
    Telemetry.of(stack).instrument()
    plain(stack)
    assert functions(stack)[0]["Handler"] == ENTRY_POINT


def test_hazard_32_the_fleet_never_overwrites_and_says_what_it_found(stack: Stack) -> None:
    Telemetry.of(stack).instrument(TelemetrySettings(mode="async", service_name="fleet"))
    plain(stack, environment={"OTEL_SERVICE_NAME": "theirs"})
    assert variables(functions(stack)[0])["OTEL_SERVICE_NAME"] == "theirs"
    (outcome,) = outcomes(stack)
    assert (outcome.service, outcome.overridden) == ("theirs", ("OTEL_SERVICE_NAME",))


@pytest.mark.parametrize(
    "where", ["function", "scope", "tag on the function", "tag on the scope", "predicate"]
)
def test_a_function_can_be_opted_out(stack: Stack, where: str) -> None:
    function = plain(stack)
    unless = None
    if where == "function":
        Telemetry.of(function).opt_out("vendor code")
    elif where == "scope":
        Telemetry.of(stack).opt_out("vendor code")
    elif where == "tag on the function":
        Tags.of(function).add("lambda-otel-lite", "off")
    elif where == "tag on the scope":
        Tags.of(stack).add("lambda-otel-lite", "off")
    else:

        def unless(one: lambda_.Function) -> str | None:
            return "vendor code" if one.node.id == "Orders" else None

    Telemetry.of(stack).instrument(unless=unless)
    assert functions(stack)[0]["Handler"] == "index.handler"
    (outcome,) = outcomes(stack)
    assert outcome.status == "skipped"
    assert "tagged lambda-otel-lite=off" in outcome.reason or "vendor code" in outcome.reason
    assert resources(stack, "AWS::Lambda::LayerVersion") == []


@pytest.mark.parametrize("nested", [False, True])
def test_the_tags_of_a_stack_opt_its_functions_out(*, nested: bool) -> None:
    app = App()
    Telemetry.of(app).instrument()
    shop = Stack(app, "Shop", tags={"lambda-otel-lite": "off"})
    plain(NestedStack(shop, "Inner") if nested else shop)
    (outcome,) = outcomes(shop)
    assert (outcome.status, outcome.code) == ("skipped", "tagged-off")


def test_a_nearer_tag_brings_a_function_back(stack: Stack) -> None:
    Tags.of(stack).add("lambda-otel-lite", "off")
    Tags.of(plain(stack)).add("lambda-otel-lite", "on")
    Telemetry.of(stack).instrument()
    assert functions(stack)[0]["Handler"] == ENTRY_POINT


def test_hazard_34_functions_that_the_cdk_makes_for_itself_are_left_alone(stack: Stack) -> None:
    Telemetry.of(stack).instrument()
    plain(stack, log_retention=logs.RetentionDays.ONE_DAY)
    bucket = s3.Bucket(
        stack, "Bucket", auto_delete_objects=True, removal_policy=RemovalPolicy.DESTROY
    )
    source = deployment.Source.data("file.txt", "text")
    deployment.BucketDeployment(stack, "Deploy", sources=[source], destination_bucket=bucket)
    assert len(functions(stack)) == 4
    redirected = [one for one in functions(stack) if one["Handler"] == ENTRY_POINT]
    assert len(redirected) == 1
    status = {outcome.function: (outcome.status, outcome.reason) for outcome in outcomes(stack)}
    assert status.pop("Shop/Orders") == ("instrumented", "")
    assert len(status) == 3
    assert set(status.values()) == {("skipped", "made by the CDK for itself")}


def singleton(stack: Stack) -> lambda_.SingletonFunction:
    return lambda_.SingletonFunction(stack, "Migrate", **SINGLETON)


@pytest.mark.parametrize("asked", ["by name", "twice by name", "in its stack"])
def test_a_singleton_of_the_apps_own_is_instrumented(stack: Stack, asked: str) -> None:
    if asked == "in its stack":
        Telemetry.of(stack).instrument()
        singleton(stack)
    else:
        made = singleton(stack)
        assert instrument(made) is made
        if asked == "twice by name":
            instrument(lambda_.SingletonFunction(stack, "Again", **SINGLETON))
    assert functions(stack)[0]["Handler"] == ENTRY_POINT


def test_a_singleton_is_opted_out_where_it_is(stack: Stack) -> None:
    Telemetry.of(stack).instrument()
    Telemetry.of(singleton(stack)).opt_out("later")
    (outcome,) = outcomes(stack)
    assert (outcome.status, outcome.code) == ("skipped", "opted-out")


def test_a_singleton_can_be_instrumented_in_its_own_scope(stack: Stack) -> None:
    Telemetry.of(singleton(stack)).instrument(TelemetrySettings(mode="async"))
    assert functions(stack)[0]["Handler"] == ENTRY_POINT


def test_a_function_that_cannot_be_instrumented_is_left_alone_with_the_reason(
    stack: Stack,
) -> None:
    Telemetry.of(stack).instrument()
    code = lambda_.Code.from_inline("1")
    plain(stack, "Node", runtime=lambda_.Runtime.NODEJS_22_X, code=code)
    plain(stack, "Old", runtime=lambda_.Runtime.PYTHON_3_9)
    assert {one["Handler"] for one in functions(stack)} == {"index.handler"}
    reasons = {outcome.function: outcome.reason for outcome in outcomes(stack)}
    assert "its runtime is 'nodejs22.x'" in reasons["Shop/Node"]
    assert "its runtime is 'python3.9'; accepted are python3.12" in reasons["Shop/Old"]


def test_raising_the_rollout_only_ever_adds_functions() -> None:
    paths = [f"Shop/Function{number}" for number in range(1000)]
    chosen = [
        {path for path in paths if is_in_rollout(path, percent)}
        for percent in (0, 1, 10, 25, 50, 99.5, 100)
    ]
    assert all(fewer <= more for fewer, more in itertools.pairwise(chosen))
    assert (chosen[0], chosen[-1]) == (set(), set(paths))
    assert 200 <= len(chosen[3]) <= 300


def test_a_quarter_of_the_fleet_is_taken_by_construct_path(stack: Stack) -> None:
    Telemetry.of(stack).instrument(rollout=25)
    for number in range(12):
        plain(stack, f"Function{number}")
    instrumented = {one.function for one in outcomes(stack) if one.status == "instrumented"}
    assert instrumented == {
        f"Shop/Function{number}"
        for number in range(12)
        if is_in_rollout(f"Shop/Function{number}", 25)
    }
    waiting = [one for one in outcomes(stack) if one.status == "waiting"]
    assert {one.reason for one in waiting} == {"not among the first 25 % of the functions"}
    assert instrumented
    assert waiting


def test_the_innermost_scope_decides_on_the_rollout(stack: Stack) -> None:
    Telemetry.of(stack.node.root).instrument(rollout=0)
    Telemetry.of(stack).instrument(TelemetrySettings(mode="async"))
    plain(stack)
    assert functions(stack)[0]["Handler"] == ENTRY_POINT


@pytest.mark.parametrize("rollout", [-1, 101, float("nan")])
def test_a_rollout_that_is_no_percentage_is_refused(stack: Stack, rollout: float) -> None:
    with pytest.raises(SettingsError, match=rf"^Shop: rollout is {rollout}; it must be a perc"):
        Telemetry.of(stack).instrument(rollout=rollout)


def test_bad_settings_are_refused_at_every_entry_point(stack: Stack) -> None:
    bad = TelemetrySettings(queue_size=0)
    with pytest.raises(SettingsError, match=r"^Shop: .*queue_size is 0"):
        Telemetry.of(stack).instrument(bad)
    with pytest.raises(SettingsError, match=r"^TelemetryInjector: .*queue_size is 0"):
        TelemetryInjector(bad)
    with pytest.raises(SettingsError, match=r"^TelemetryMixin: .*queue_size is 0"):
        TelemetryMixin(bad)


def test_settings_that_do_not_go_together_once_merged_stop_the_synth(stack: Stack) -> None:
    Telemetry.of(stack).instrument(TelemetrySettings(queue_size=10))
    instrument(plain(stack), TelemetrySettings(batch_size=20))
    with pytest.raises(RuntimeError, match=r"Shop/Orders: TelemetrySettings\.batch_size is 20"):
        template(stack)


def test_the_functions_of_a_stage_are_instrumented_with_the_app() -> None:
    app = App()
    stage = Stage(app, "Prod")
    stack = Stack(stage, "Shop")
    Telemetry.of(app).instrument(TelemetrySettings(mode="async"))
    Telemetry.of(stage).instrument(TelemetrySettings(service_name="prod"))
    plain(stack)
    assembly = app.synth().get_nested_assembly("assembly-Prod")
    (function,) = (
        one["Properties"]
        for one in assembly.get_stack_by_name("Prod-Shop").template["Resources"].values()
        if one["Type"] == "AWS::Lambda::Function"
    )
    assert variables(function)["LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE"] == "async"
    assert variables(function)["OTEL_SERVICE_NAME"] == "prod"


def test_a_functions_own_forwarding_wins_over_the_fleets(stack: Stack) -> None:
    Telemetry.of(stack).instrument(forwarding=Forwarding.to_arn(f"{ARN}2"))
    InstrumentedFunction(stack, "Orders", **INLINE, forwarding=Forwarding.to_arn(ARN))
    (subscription,) = resources(stack, "AWS::Logs::SubscriptionFilter")
    assert subscription["DestinationArn"] == ARN


def test_a_published_layer_is_used_by_its_arn(stack: Stack) -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:layer:telemetry:3"
    Telemetry.of(stack).instrument(TelemetrySettings(layer_arn=arn))
    plain(stack, "One")
    plain(stack, "Two")
    assert [one["Layers"] for one in functions(stack)] == [[arn], [arn]]
    assert resources(stack, "AWS::Lambda::LayerVersion") == []


def test_the_package_exporter_has_a_layer_for_each_architecture(stack: Stack) -> None:
    Telemetry.of(stack).instrument(TelemetrySettings(exporter="package"))
    plain(stack, "Intel")
    plain(stack, "Arm", architecture=lambda_.Architecture.ARM_64)
    layers = resources(stack, "AWS::Lambda::LayerVersion")
    assert [one["CompatibleArchitectures"] for one in layers] == [["x86_64"], ["arm64"]]
    assert layers[0]["Content"] != layers[1]["Content"]
    intel, arm = functions(stack)
    assert intel["Layers"] != arm["Layers"]
    assert variables(arm)["LAMBDA_OTEL_EXPORTER"] == "package"


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_functions_at_the_edge_are_left_alone_with_a_reason(region: str) -> None:
    app = App()
    Telemetry.of(app).instrument()
    stack = Stack(app, "Shop", env=Environment(account="123456789012", region=region))
    # In another region, the CDK makes the function in a stack of its own.
    cloudfront.experimental.EdgeFunction(stack, "Edge", **INLINE)
    plain(stack)
    found = {
        one.reason: one for one in outcomes(stack) if one.reason != "made by the CDK for itself"
    }
    assert found.keys() == {"Lambda@Edge takes neither layers nor environment variables", ""}
    assert found[""].function == "Shop/Orders"


def test_versions_aliases_and_snapstart_work(stack: Stack) -> None:
    function = plain(stack, runtime=SNAPPED, snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS)
    function.current_version.add_alias("live")
    Telemetry.of(stack).instrument()
    found = template(stack)["Resources"]
    assert [one["Type"] for one in found.values()].count("AWS::Lambda::Version") == 1
    assert functions(stack)[0]["SnapStart"] == {"ApplyOn": "PublishedVersions"}


def test_a_version_is_published_anew_when_the_settings_change() -> None:
    def version(mode: Any) -> str:
        stack = Stack(App(), "Shop")
        function = plain(stack)
        instrument(function, TelemetrySettings(mode=mode))
        function.current_version.add_alias("live")
        found: dict[str, Any] = template(stack)["Resources"]
        return next(name for name in found if found[name]["Type"] == "AWS::Lambda::Version")

    assert version("sync") == version("sync")
    assert version("sync") != version("async")


def test_the_report_is_the_same_wherever_it_is_made(stack: Stack) -> None:
    Telemetry.of(stack).instrument()
    plain(stack, "Two")
    plain(stack, "One")
    assert [one.function for one in outcomes(stack)] == ["Shop/One", "Shop/Two"]
    assert str(ROOT) not in json.dumps([str(one) for one in outcomes(stack)])
