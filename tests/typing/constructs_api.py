"""Use the constructs as a typed CDK app does; mypy and pyright, in strict mode, are the test.

They find each line with an `ignore` wrong, or complain that the `ignore` is not needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack, assert_type

from aws_cdk import App, Duration, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from aws_cdk.aws_cloudwatch import Alarm
from aws_cdk.aws_secretsmanager import Secret

from lambda_otel_lite_cdk import (
    CloudWatch,
    Forwarding,
    ForwardingError,
    FunctionProperties,
    Honeycomb,
    InstrumentationError,
    InstrumentedFunction,
    Kinesis,
    OtlpCollector,
    OtlpForwarder,
    SettingsError,
    Telemetry,
    TelemetryInjector,
    TelemetryMixin,
    TelemetryPolicy,
    TelemetrySettings,
    instrument,
)

if TYPE_CHECKING:
    from constructs import Construct

app = App(property_injectors=[TelemetryInjector()], policy_validation_beta1=[TelemetryPolicy()])
stack = Stack(app, "Shop")
PYTHON = lambda_.Runtime.PYTHON_3_13
CODE = lambda_.Code.from_asset("orders")
HANDLER = "app.handler"

settings = TelemetrySettings(
    mode="async",
    queue_size=100,
    resource_attributes={"team": "shop"},
    propagators=("tracecontext", "xray"),
    sampler="traceidratio",
    sampler_ratio=0.1,
    instrumentations=("botocore",),
    disabled=False,
)
assert_type(settings.environment(), dict[str, str])
assert_type(settings.merge(TelemetrySettings()), TelemetrySettings)
assert_type(TelemetrySettings.from_context({"telemetry.mode": "sync"}), TelemetrySettings)

forwarder = OtlpForwarder(
    stack,
    "Forwarder",
    endpoint="https://collector.example.com",
    headers_secret=Secret(stack, "Key"),
    via=Kinesis(stream=kinesis.Stream(stack, "Lines")),
    concurrency=20,
    span_metrics=100,
)
assert_type(forwarder.forwarding, Forwarding | None)
assert_type(forwarder.stream, kinesis.IStream | None)
OtlpForwarder(
    stack, "Signed", destination=CloudWatch(transaction_search=True), vpc=ec2.Vpc(stack, "V")
)
OtlpForwarder(stack, "Named", destination=Honeycomb(headers_secret=Secret(stack, "Other")))
OtlpForwarder(
    stack,
    "Own",
    destination=OtlpCollector(endpoint="https://c", certificate="/opt/ca.pem", timeout=2000),
)
assert_type(forwarder.dead_letters, sqs.Queue)
assert_type(forwarder.redrive_queue, sqs.Queue)
assert_type(forwarder.alarms, list[Alarm])
assert_type(Forwarding.to_function(forwarder), Forwarding)
to_kinesis = Forwarding.to_kinesis(kinesis.Stream(stack, "Records"))
assert_type(to_kinesis, Forwarding)
assert_type(to_kinesis.account_level(stack), logs.CfnAccountPolicy)

# Every property of a function has the type that it has there.
orders = InstrumentedFunction(
    stack,
    "Orders",
    runtime=PYTHON,
    handler=HANDLER,
    code=CODE,
    telemetry=settings,
    forwarding=forwarder.forwarding,
    log_retention=logs.RetentionDays.ONE_WEEK,
    architecture=lambda_.Architecture.ARM_64,
    current_version_options={"retry_attempts": 1},
    dead_letter_queue=sqs.Queue(stack, "Failed"),
    environment={"STAGE": "test"},
    initial_policy=[],
    layers=[lambda_.LayerVersion(stack, "Layer", code=CODE)],
    memory_size=512,
    snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS,
    timeout=Duration.seconds(10),
    vpc=ec2.Vpc(stack, "Network"),
    vpc_subnets=ec2.SubnetSelection(one_per_az=True),
)
assert_type(orders, InstrumentedFunction)
assert_type(orders.current_version, lambda_.Version)
function: lambda_.Function = orders


class SlowFunction(InstrumentedFunction):
    """A subclass with a default of its own, as a company's library has it."""

    def __init__(self, scope: Construct, name: str, **props: Unpack[FunctionProperties]) -> None:
        """Hand everything on."""
        props.setdefault("timeout", Duration.minutes(15))
        super().__init__(scope, name, **props)


SlowFunction(stack, "Slow", runtime=PYTHON, handler=HANDLER, code=CODE)

# A function comes back as what it was.
plain = lambda_.Function(stack, "Plain", runtime=PYTHON, handler=HANDLER, code=CODE)
assert_type(instrument(plain), lambda_.Function)
assert_type(instrument(orders, settings, forwarding=to_kinesis), InstrumentedFunction)
plain.with_(TelemetryMixin(settings))


def unless(function: lambda_.Function) -> str | None:
    """Leave one function alone."""
    return "too old" if function.node.id == "Old" else None


telemetry = Telemetry.of(app)
assert_type(telemetry, Telemetry)
telemetry.instrument(settings, rollout=25, unless=unless, forwarding=to_kinesis)
telemetry.opt_out("no traces here")
telemetry.acknowledge("lambda-otel-lite:exec-wrapper", "none is used")
errors: list[type[ValueError]] = [ForwardingError, InstrumentationError, SettingsError]
