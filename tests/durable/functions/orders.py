"""A durable function that makes spans of its own, and knows nothing else of telemetry."""

from pathlib import Path
from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration, StepConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy
from opentelemetry import trace

tracer = trace.get_tracer("orders")
tries = 0


def charge(_step: Any) -> int:
    """Take money; the first try fails."""
    global tries  # noqa: PLW0603 - the environment's
    tries += 1
    with tracer.start_as_current_span("charge card"):
        if tries % 2:
            raise ConnectionError("no answer")
        return 12


def hang(gate: str) -> None:
    """Wait for whoever opens the other end of a named pipe."""
    with tracer.start_as_current_span("hang"):
        Path(gate).read_text("utf-8")


def pack(name: str) -> Any:
    """Make a branch that packs something."""

    def branch(context: DurableContext) -> str:
        def step(_step: Any) -> str:
            with tracer.start_as_current_span(f"pack {name}"):
                return name

        return context.step(step, name=f"pack-{name}")

    return branch


def ship(context: DurableContext) -> str:
    """Ship in a context of its own."""

    def step(_step: Any) -> str:
        with tracer.start_as_current_span("call carrier"):
            return "shipped"

    return context.step(step, name="carrier")


@durable_execution
def handler(event: Any, context: DurableContext) -> Any:
    """Take an order over several invocations."""
    with tracer.start_as_current_span("validate"):
        if event.get("wrong"):
            raise ValueError("no such pet")
    if "wait_for" in event:
        context.step(lambda _: hang(event["wait_for"]), name="hang")
    retries = create_retry_strategy(RetryStrategyConfig(max_attempts=3))
    charged = context.step(charge, name="charge", config=StepConfig(retry_strategy=retries))
    context.wait(Duration.from_seconds(3), name="cool-down")
    packed = context.parallel([pack("box"), pack("bag")], name="packing")
    shipped = context.run_in_child_context(ship, name="shipping")
    return {"charged": charged, "packed": packed.get_results(), "shipped": shipped}
