"""One function on Lambda Managed Instances, and one that keeps its tenants apart.

`python constructs/demo/managed/app.py` in an environment with `.[cdk]`
synthesizes it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App, RemovalPolicies, Stack
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk import InstrumentedFunction, TelemetrySettings

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"

app = App(analytics_reporting=False)
stack = Stack(app, "LambdaOtelLiteManaged")
runtime = lambda_.Runtime(PYTHON, lambda_.RuntimeFamily.PYTHON)
code = lambda_.Code.from_asset(
    str(Path(__file__).parent / "prices"), exclude=["**/__pycache__", "**/*.pyc"]
)

# Several invocations at once in one environment, where no extension may run: the mode is sync.
shared = InstrumentedFunction(
    stack,
    "Shared",
    runtime=runtime,
    handler="app.handler",
    code=code,
    memory_size=2048,
    telemetry=TelemetrySettings(service_name="prices", mode="sync"),
)
network = ec2.Vpc(stack, "Network", max_azs=2, nat_gateways=0)
capacity = lambda_.CapacityProvider(
    stack,
    "Capacity",
    subnets=network.isolated_subnets,
    security_groups=[ec2.SecurityGroup(stack, "Group", vpc=network)],
)
capacity.add_function(shared)

# An environment for each tenant, whose name the handler's span carries.
InstrumentedFunction(
    stack,
    "Isolated",
    runtime=runtime,
    handler="app.handler",
    code=code,
    tenancy_config=lambda_.TenancyConfig.PER_TENANT,
    telemetry=TelemetrySettings(service_name="prices", mode="async", tenant_id=True),
)
RemovalPolicies.of(stack).destroy()

app.synth()
