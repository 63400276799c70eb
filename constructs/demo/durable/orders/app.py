"""Take an order over hours or days: a durable function that knows nothing of telemetry."""

from __future__ import annotations

from typing import Any

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration, StepConfig
from aws_durable_execution_sdk_python.retries import RetryStrategyConfig, create_retry_strategy

RETRIES = create_retry_strategy(
    RetryStrategyConfig(max_attempts=3, initial_delay=Duration.from_seconds(60))
)
calls = 0


def charge(amount: int) -> int:
    """Charge the customer, by a bank that is not there at the first call."""
    global calls  # noqa: PLW0603 - of a bank
    calls += 1
    if calls == 1:
        raise ConnectionError("the bank does not answer")
    return amount


@durable_execution
def handler(event: dict[str, Any], context: DurableContext) -> dict[str, Any]:
    """Take an order."""
    if event["amount"] <= 0:
        raise ValueError(f"{event['amount']} cannot be charged")
    charged = context.step(
        lambda _: charge(event["amount"]), name="charge", config=StepConfig(retry_strategy=RETRIES)
    )
    context.wait(Duration.from_hours(1), name="time-to-cancel")
    packed = context.parallel(
        [
            lambda branch: branch.step(lambda _: "box", name="pack"),
            lambda branch: branch.step(lambda _: "leaflet", name="print"),
        ],
        name="prepare",
    )
    return {"charged": charged, "packed": packed.get_results()}
