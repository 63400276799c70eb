"""The deployed function with real queues and a real secret: Secrets Manager and SQS on loopback."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from lambda_otel_lite_cdk.cli.emulator.sqs import connect, lambda_event, moto_server
from tests.forwarder.conftest import names
from tests.forwarder.emulated import emulated_forwarder
from tests.forwarder.samples import record, subscription_event
from tests.forwarder.test_scale import runtime_process
from tests.receiver import Answer, OtlpReceiver

REGION = "us-east-1"
KEYS: dict[str, Any] = {
    "region_name": REGION,
    "aws_access_key_id": "testing",
    "aws_secret_access_key": "testing",
}


@pytest.fixture(scope="module")
def account() -> Iterator[str]:
    """The address of an account in memory."""
    with moto_server() as endpoint:
        connect(endpoint, REGION)
        yield endpoint


def received(sqs: Any, url: str) -> dict[str, Any]:
    """Receive the one message of a queue, as Lambda's poller does."""
    (message,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])["Messages"]
    return dict(message)


def test_what_a_collector_does_not_take_arrives_later_and_the_secret_stays_one(
    account: str, receiver: OtlpReceiver
) -> None:
    sqs = connect(account, REGION)
    secrets = boto3.client("secretsmanager", endpoint_url=account, **KEYS)
    redrive = sqs.create_queue(QueueName="redrive")["QueueUrl"]
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    secret = secrets.create_secret(Name="key", SecretString=json.dumps({"api-key": "k3y"}))["ARN"]
    receiver.authorize = lambda headers: None if headers.get("api-key") == "k3y" else Answer(401)

    def decide(spans: list[Span]) -> Answer:
        return Answer({"rotten": 400, "later": 500}.get(spans[0].name, 200))

    receiver.decide = decide
    variables = {
        "AWS_ENDPOINT_URL": account,
        "OTLP_FORWARDER_HEADERS_SECRET": secret,
        "OTLP_FORWARDER_REDRIVE_QUEUE": redrive,
        "OTLP_FORWARDER_DEAD_LETTER_QUEUE": dead,
        "OTLP_FORWARDER_MAX_REQUEST_BYTES": "1",
    }
    with emulated_forwarder(receiver.endpoint, **variables) as forwarder:
        first = forwarder.invoke(subscription_event(*map(record, ["now", "rotten", "later"])))
        assert first.error is None, first
        left, refused = received(sqs, redrive), received(sqs, dead)
        receiver.decide = lambda _: Answer()
        for message in (left, refused):
            again = forwarder.invoke(lambda_event(message, "arn:aws:sqs:us-east-1:1:redrive"))
            assert again.payload == {"batchItemFailures": []}

    assert names(receiver) == ["now", "later", "rotten"]
    reasons = [each["MessageAttributes"]["reason"]["StringValue"] for each in (left, refused)]
    assert reasons == [f"collector refused the request with status {n}" for n in (500, 400)]
    assert "k3y" not in json.dumps([left["Body"], refused["Body"], first.log_lines])


def test_after_a_freeze_longer_than_the_connection_nothing_is_lost_or_sent_twice(
    receiver: OtlpReceiver,
) -> None:
    with emulated_forwarder(receiver.endpoint) as forwarder:
        forwarder.invoke(subscription_event(record("before")))
        process = runtime_process()
        os.kill(process, signal.SIGSTOP)
        receiver.hang_up()
        os.kill(process, signal.SIGCONT)
        result = forwarder.invoke(subscription_event(record("after")))

    assert names(receiver) == ["before", "after"]
    assert result.payload["requests"] == 1
    assert receiver.connections == 2
