"""A function that records by Powertools Tracer and the X-Ray SDK, with OpenTelemetry by one line.

`python constructs/demo/xray/app.py` synthesizes it, where `lambda-otel-lite-cdk[cdk]` is installed.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aws_cdk import App, RemovalPolicies, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk import Telemetry, TelemetrySettings

app = App(analytics_reporting=False)
stack = Stack(app, "LambdaOtelLiteXRay")
table = dynamodb.TableV2(
    stack,
    "Table",
    partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
)
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
    environment={"TABLE": table.table_name, "POWERTOOLS_SERVICE_NAME": "orders"},
)
table.grant_read_write_data(orders)
RemovalPolicies.of(stack).destroy()

# This is the line.
Telemetry.of(app).instrument(TelemetrySettings(service_name="orders", instrumentations=("xray",)))

app.synth()
