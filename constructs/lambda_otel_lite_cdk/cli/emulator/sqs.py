"""Take the place of Amazon SQS: moto's server, real boto3, and the events that Lambda makes."""

from __future__ import annotations

import base64
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lambda_otel_lite_cdk.cli.emulator.processes import guarded, stop
from lambda_otel_lite_cdk.cli.errors import UsageProblem

if TYPE_CHECKING:
    from lambda_otel_lite_cdk.cli.assembly.templates import Template

_START_SECONDS = 30.0


@contextmanager
def moto_server() -> Iterator[str]:
    """Run moto's server on loopback and yield its address; ``connect`` waits until it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with guarded(server):
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            stop(server)


def connect(endpoint: str, region: str) -> Any:
    """Return boto3's SQS client once the server takes connections.

    Args:
        endpoint: The server's address.
        region: Region that the client names.

    Raises:
        UsageProblem: The server does not start.
    """
    import boto3  # noqa: PLC0415 - the demo alone needs it

    host, port = endpoint.removeprefix("http://").split(":")
    deadline = time.monotonic() + _START_SECONDS
    pause = 0.02
    while True:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError as error:
            if time.monotonic() > deadline:
                raise UsageProblem(
                    f"moto's server did not start at {endpoint}; run this again"
                ) from error
            time.sleep(pause)
            pause = min(pause * 2, 0.2)
        else:
            break
    return boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - moto takes any
    )


def create_queues(client: Any, template: Template) -> dict[str, str]:
    """Create a template's queues and return what ``Ref`` and ``Fn::GetAtt`` give for them.

    Args:
        client: boto3's SQS client.
        template: The template with the queues.
    """
    parameters: dict[str, str] = {}
    for logical_id in template.of_type("AWS::SQS::Queue"):
        url = client.create_queue(QueueName=logical_id)["QueueUrl"]
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        parameters[logical_id] = url
        parameters[f"{logical_id}.Arn"] = answer["Attributes"]["QueueArn"]
        parameters[f"{logical_id}.QueueName"] = logical_id
    return parameters


def lambda_event(message: Mapping[str, Any], queue_arn: str) -> dict[str, Any]:
    """Return the event that Lambda makes of a received message.

    Source: AWS Lambda developer guide, "Using Lambda with Amazon SQS", "Example standard queue
    message event".

    Args:
        message: A message as ``receive_message`` returns it, with all its attributes.
        queue_arn: ARN of the queue that it was received from.
    """
    return {
        "Records": [
            {
                "messageId": message["MessageId"],
                "receiptHandle": message["ReceiptHandle"],
                "body": message["Body"],
                "attributes": dict(message.get("Attributes", {})),
                "messageAttributes": {
                    name: _attribute(value)
                    for name, value in message.get("MessageAttributes", {}).items()
                },
                "md5OfBody": message["MD5OfBody"],
                "eventSource": "aws:sqs",
                "eventSourceARN": queue_arn,
                "awsRegion": queue_arn.split(":")[3],
            }
        ]
    }


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    shaped: dict[str, Any] = {"stringListValues": [], "binaryListValues": []}
    if "StringValue" in value:
        shaped["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        shaped["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return {**shaped, "dataType": value["DataType"]}
