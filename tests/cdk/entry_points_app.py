"""A function at each entry point, and each way to forward: on the oldest aws-cdk-lib too."""

from __future__ import annotations

import sys

from aws_cdk import App, PropertyInjectors, Stack
from aws_cdk import aws_kinesis as kinesis
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk import (
    Forwarding,
    InstrumentedFunction,
    OtlpForwarder,
    Telemetry,
    TelemetryInjector,
    TelemetryMixin,
    TelemetryPolicy,
    instrument,
)

RUNTIME = lambda_.Runtime(
    f"python{sys.version_info.major}.{sys.version_info.minor}",
    lambda_.RuntimeFamily.PYTHON,
    supports_inline_code=True,
)


def function(stack: Stack, name: str) -> lambda_.Function:
    return lambda_.Function(
        stack,
        name,
        runtime=RUNTIME,
        handler="index.handler",
        code=lambda_.Code.from_inline("def handler(event, context): ..."),
    )


app = App(analytics_reporting=False, policy_validation_beta1=[TelemetryPolicy()])
single = Stack(app, "Single")
instrument(function(single, "Instrument"))
function(single, "Mixin").with_(TelemetryMixin())
InstrumentedFunction(
    single,
    "Construct",
    runtime=RUNTIME,
    handler="index.handler",
    code=lambda_.Code.from_inline("def handler(event, context): ..."),
    forwarding=Forwarding.to_kinesis(kinesis.Stream(single, "Records")),
)
injected = Stack(app, "Injected")
PropertyInjectors.of(injected).add(TelemetryInjector())
function(injected, "Function")
fleet = Stack(app, "Fleet")
forwarder = OtlpForwarder(fleet, "Forwarder", endpoint="https://collector", runtime=RUNTIME)
Telemetry.of(fleet).instrument(forwarding=Forwarding.to_function(forwarder))
Telemetry.of(fleet).acknowledge("lambda-otel-lite:exec-wrapper", "none is used")
function(fleet, "Function")
account = Stack(app, "Account")
Forwarding.to_arn("arn:aws:lambda:eu-west-1:123456789012:function:f").account_level(account)
app.synth()
