"""The demo: an HTTP API that takes orders, and a queue from which a worker fulfils them.

``lambda-otel demo`` synthesizes and runs it; ``cdk synth`` at the root of the repository does the
first as well. Its functions run on the Python version that synthesizes, so that they can be run on
this machine too; ``-c python=3.13`` selects another.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import App, CfnOutput, Duration, RemovalPolicies, Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sqs as sqs

from lambda_otel_lite_cdk import InstrumentedFunction, OtlpForwarder, TelemetrySettings
from lambda_otel_lite_cdk.layer.interpreters import SUPPORTED_VERSIONS

if TYPE_CHECKING:
    from constructs import Construct

_HANDLERS = Path(__file__).parent / "handlers"
#: The CDK's feature flags: https://docs.aws.amazon.com/cdk/v2/guide/featureflags.html
_FLAGS = {
    "@aws-cdk/aws-iam:minimizePolicies": True,
    "@aws-cdk/aws-lambda:recognizeLayerVersion": True,
    "@aws-cdk/aws-lambda:recognizeVersionProps": True,
    "@aws-cdk/core:checkSecretUsage": True,
    "@aws-cdk/core:target-partitions": ["aws", "aws-cn"],
    "@aws-cdk/core:validateAgainstDefaultRules": True,
}
_RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"


class DemoStack(Stack):
    """Orders come in by HTTP, wait in a queue, and are fulfilled by a worker."""

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(
            scope,
            construct_id,
            description="lambda-otel-lite: one trace from an HTTP API through a queue to a worker",
        )
        python = self.node.try_get_context("python") or (
            _RUNNING if _RUNNING in SUPPORTED_VERSIONS else SUPPORTED_VERSIONS[-1]
        )
        self._runtime = lambda_.Runtime(f"python{python}", lambda_.RuntimeFamily.PYTHON)
        self._forwarder = OtlpForwarder(
            self,
            "Forwarder",
            endpoint=self.node.try_get_context("endpoint") or "https://collector.example.com:4318",
            runtime=self._runtime,
        )
        queue = self._build_queue()
        self._build_orders(queue)
        self._build_worker(queue)
        # A demo leaves nothing behind when it is destroyed.
        RemovalPolicies.of(self).destroy()

    def _build_queue(self) -> sqs.Queue:
        failed = sqs.Queue(
            self, "FailedOrders", enforce_ssl=True, retention_period=Duration.days(14)
        )
        return sqs.Queue(
            self,
            "OrderQueue",
            enforce_ssl=True,
            # Six times the worker's timeout, as AWS recommends for queues that Lambda reads.
            visibility_timeout=Duration.seconds(60),
            dead_letter_queue=sqs.DeadLetterQueue(queue=failed, max_receive_count=3),
        )

    def _build_orders(self, queue: sqs.Queue) -> None:
        orders = self._function("Orders", "orders", {"ORDER_QUEUE_URL": queue.queue_url})
        queue.grant_send_messages(orders)
        api = apigateway.HttpApi(self, "Api", description="Takes orders")
        integration = integrations.HttpLambdaIntegration("OrdersIntegration", orders)
        for method, path in (
            (apigateway.HttpMethod.POST, "/orders"),
            (apigateway.HttpMethod.GET, "/orders/{id}"),
        ):
            api.add_routes(path=path, methods=[method], integration=integration)
        CfnOutput(self, "ApiUrl", value=api.api_endpoint)

    def _build_worker(self, queue: sqs.Queue) -> None:
        worker = self._function("Worker", "worker", {})
        worker.add_event_source(
            event_sources.SqsEventSource(queue, batch_size=10, report_batch_item_failures=True)
        )

    def _function(
        self, construct_id: str, name: str, environment: dict[str, str]
    ) -> InstrumentedFunction:
        return InstrumentedFunction(
            self,
            construct_id,
            runtime=self._runtime,
            handler="app.handler",
            code=lambda_.Code.from_asset(
                # What an import leaves behind is no part of the function.
                str(_HANDLERS / name),
                exclude=["**/__pycache__", "**/*.pyc"],
            ),
            environment=environment,
            memory_size=256,
            timeout=Duration.seconds(10),
            telemetry=TelemetrySettings(service_name=name),
            forwarding=self._forwarder.forwarding,
        )


# Without the list of used constructs, which tells the machine's Python, templates are the same
# wherever they are made.
app = App(analytics_reporting=False, context=_FLAGS)
DemoStack(app, "LambdaOtelLiteDemo")
app.synth()
