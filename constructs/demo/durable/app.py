"""A durable function, with the steps of its executions as spans by one line.

`python constructs/demo/durable/app.py` in an environment with `.[cdk]`
synthesizes it.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App, Duration, RemovalPolicies, Stack
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk import Telemetry, TelemetrySettings

app = App(analytics_reporting=False)
stack = Stack(app, "LambdaOtelLiteDurable")
orders = lambda_.Function(
    stack,
    "Orders",
    runtime=lambda_.Runtime(
        f"python{sys.version_info.major}.{sys.version_info.minor}", lambda_.RuntimeFamily.PYTHON
    ),
    handler="app.handler",
    # What requirements.txt names is installed into the folder before it is deployed.
    code=lambda_.Code.from_asset(
        str(Path(__file__).parent / "orders"), exclude=["**/__pycache__", "**/*.pyc"]
    ),
    timeout=Duration.seconds(30),
    durable_config=lambda_.DurableConfig(
        execution_timeout=Duration.days(2), retention_period=Duration.days(7)
    ),
)
# A durable function is invoked by a version or an alias of it, never without one.
orders.add_alias("live")
RemovalPolicies.of(stack).destroy()

# This is the line.
Telemetry.of(app).instrument(
    TelemetrySettings(service_name="orders", instrumentations=("durable",))
)

app.synth()
