"""A fleet as platform teams have them: many stacks, each with functions, queues and tables.

Run as an app: ``python fleet_app.py``, with FLEET_STACKS, FLEET_FUNCTIONS (in each stack) and
FLEET_TELEMETRY in the environment: ``1`` instruments the fleet, ``forwarded`` forwards its log
groups as well. ``written`` gives each function the same with no look at what it has, and ``read``
reads all templates before that and after.
"""

from __future__ import annotations

import os
from pathlib import Path

from aws_cdk import App, Duration, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs

_HANDLERS = Path(__file__).parents[2] / "constructs/lambda_otel_lite_cdk/demo/handlers"
#: What `cdk synth` gives every app. Source: https://docs.aws.amazon.com/cdk/v2/guide/context.html
_OF_CDK_SYNTH = {"aws:cdk:enable-path-metadata": True, "aws:cdk:enable-asset-metadata": True}
_RUNTIMES = (lambda_.Runtime.PYTHON_3_12, lambda_.Runtime.PYTHON_3_13)


def build(app: App, stacks: int, functions: int) -> None:
    """Make the fleet in an app."""
    for number in range(stacks):
        stack = Stack(app, f"Team{number}")
        table = dynamodb.TableV2(
            stack,
            "Table",
            partition_key=dynamodb.Attribute(name="id", type=dynamodb.AttributeType.STRING),
        )
        queue = sqs.Queue(stack, "Queue", visibility_timeout=Duration.seconds(60))
        for index in range(functions):
            worker = lambda_.Function(
                stack,
                f"Function{index}",
                runtime=_RUNTIMES[number % len(_RUNTIMES)],
                handler="app.handler",
                code=lambda_.Code.from_asset(
                    str(_HANDLERS / "orders"), exclude=["**/__pycache__", "**/*.pyc"]
                ),
                environment={"TABLE": table.table_name, "QUEUE": queue.queue_url},
                memory_size=256,
                timeout=Duration.seconds(10),
                log_group=logs.LogGroup(stack, f"Logs{index}"),
            )
            table.grant_read_write_data(worker)
            worker.add_event_source(event_sources.SqsEventSource(queue))


def read(app: App) -> None:
    """Read the templates as they would be written now."""
    from lambda_otel_lite_cdk.functions.rendered import render  # noqa: PLC0415 - its import is part of the cost

    render({one.node.path: one for one in app.node.children if isinstance(one, Stack)})


def write(app: App) -> None:
    """Give each function layer, handler and variables, in the fewest calls."""
    from lambda_otel_lite.configuration import variables  # noqa: PLC0415 - its import is part of the cost
    from lambda_otel_lite_cdk.layer.construct import Layers  # noqa: PLC0415 - its import is part of the cost

    layers = Layers(Path(app.asset_outdir))
    pythons = [runtime.name.removeprefix("python") for runtime in _RUNTIMES]
    for number, stack in enumerate(one for one in app.node.children if isinstance(one, Stack)):
        layer = layers.deployed(stack, pythons[number % len(pythons)]).version
        for function in stack.node.children:
            if isinstance(function, lambda_.Function):
                resource = function.node.default_child
                assert isinstance(resource, lambda_.CfnFunction)
                resource.handler = variables.ENTRY_POINT
                function.add_environment(variables.HANDLER, "app.handler")
                function.add_environment(variables.EXPORTER, "native")
                function.add_environment(variables.PROCESSOR_MODE, "async")
                function.add_layers(layer)


def main() -> None:
    """Synthesize the fleet that the environment describes."""
    app = App(analytics_reporting=False, context=_OF_CDK_SYNTH)
    telemetry = os.environ.get("FLEET_TELEMETRY")
    if telemetry in ("1", "forwarded"):
        from lambda_otel_lite_cdk import Telemetry, TelemetrySettings  # noqa: PLC0415 - its import is part of the cost

        way = None
        if telemetry == "forwarded":
            from lambda_otel_lite_cdk import OtlpForwarder  # noqa: PLC0415 - so is this one's

            home = Stack(app, "Telemetry")
            way = OtlpForwarder(home, "Forwarder", endpoint="https://collector.invalid").forwarding
        Telemetry.of(app).instrument(TelemetrySettings(mode="async"), forwarding=way)
    build(app, int(os.environ["FLEET_STACKS"]), int(os.environ["FLEET_FUNCTIONS"]))
    steps = {"written": (write,), "read": (read, write, read)}
    for step in steps.get(telemetry or "", ()):
        step(app)
    app.synth()


if __name__ == "__main__":
    main()
