"""Mistakes that type checkers have to find, each in a line of its own.

Both run in strict mode, where an `ignore` that nothing needs is an error: a line in which mypy or
pyright finds nothing wrong fails `make check`.
"""

# What is unknown after a mistake is no mistake of its own.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

from aws_cdk import App, Stack
from aws_cdk import aws_lambda as lambda_

import lambda_otel_lite
import lambda_otel_lite_cdk
from lambda_otel_lite import SpanAttributes, create_traced_handler, extractors, init_telemetry
from lambda_otel_lite_cdk import (
    Forwarding,
    InstrumentedFunction,
    Kinesis,
    OtlpForwarder,
    Telemetry,
    TelemetrySettings,
    instrument,
)

app = App()
stack = Stack(app, "Shop")
PYTHON = lambda_.Runtime.PYTHON_3_13
CODE = lambda_.Code.from_asset("orders")
plain = lambda_.Function(stack, "Plain", runtime=PYTHON, handler="a.b", code=CODE)

_, completion = init_telemetry()

lambda_otel_lite.init_telemetri()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
lambda_otel_lite_cdk.InstrumentdFunction()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
extractors.sqz_extractor({}, None)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
InstrumentedFunction(stack, "A", runtime=PYTHON, handler="a.b")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
InstrumentedFunction(stack, "A", runtime=PYTHON, handler="a.b", code="orders")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
InstrumentedFunction(stack, "A", runtime=PYTHON, handler="a.b", code=CODE, memory_size="512")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
InstrumentedFunction(stack, "A", runtime=PYTHON, handler="a.b", code=CODE, memmory_size=512)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
InstrumentedFunction(stack, "A", runtime=PYTHON, handler="a.b", code=CODE, timeout=10)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
InstrumentedFunction(stack, "A", runtime=PYTHON, handler="a.b", code=CODE, environment={"A": 1})  # type: ignore[dict-item]  # pyright: ignore[reportArgumentType]
InstrumentedFunction(stack, "A", runtime=PYTHON, handler="a.b", code=CODE, telemetry="async")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
InstrumentedFunction(stack, "A", runtime=PYTHON, handler="a.b", code=CODE, log_retention=7)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
InstrumentedFunction(stack, "A", runtime=PYTHON, handler="a.b", code=CODE, log_retention_rule=None)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
instrument(lambda_.Function.from_function_name(stack, "Theirs", "theirs"))  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
instrument(plain.current_version)  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
instrument(plain, mode="async")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
instrument(plain, "async")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
_ = instrument(plain).memory_size  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
TelemetrySettings(mode="later")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
TelemetrySettings(queue_sice=100)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
TelemetrySettings(queue_size="100")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
TelemetrySettings("async")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
TelemetrySettings(instrumentations="botocore")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
TelemetrySettings(sampler="traceidratio", sampler_ratio="0.1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Telemetry.of(app).instrument(TelemetrySettings(), roll_out=25)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
Telemetry.of(app).instrument(unless=lambda function: 5)  # type: ignore[arg-type, return-value]  # pyright: ignore[reportArgumentType]
Telemetry.of(app).opt_out()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
OtlpForwarder(stack, "F", destination="https://collector.example.com")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
OtlpForwarder(stack, "F", endpoint="https://collector.example.com", via="kinesis")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Forwarding.to_function("arn:aws:lambda:eu-west-1:123456789012:function:forwarder")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
Kinesis(shard=4)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
init_telemetry(procesor_mode="sync")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
init_telemetry(processor_mode="later")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
create_traced_handler(completion, "orders")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
create_traced_handler("orders", completion, "api_gateway_v2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
SpanAttributes(attribute={"a": 1})  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
