from __future__ import annotations

from pathlib import Path

from lambda_otel_lite_cdk.cli.assembly.templates import Template
from lambda_otel_lite_cdk.cli.emulator.sqs import connect, create_queues, lambda_event, moto_server


def test_a_message_sent_becomes_the_event_that_lambda_makes_of_it() -> None:
    resources = {"Jobs": {"Type": "AWS::SQS::Queue"}}
    template = Template(
        stack="Shop",
        file=Path(),
        resources=resources,
        assets={},
        paths={},
        family=resources,
        root="Shop",
        nested_in=(),
    )
    with moto_server() as endpoint:
        client = connect(endpoint, "eu-west-1")
        parameters = create_queues(client, template)
        client.send_message(
            QueueUrl=parameters["Jobs"],
            MessageBody="tea",
            MessageAttributes={
                "traceparent": {"DataType": "String", "StringValue": "00-a-b-01"},
                "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
            },
        )
        [message] = client.receive_message(
            QueueUrl=parameters["Jobs"],
            MessageSystemAttributeNames=["All"],
            MessageAttributeNames=["All"],
            WaitTimeSeconds=5,
        )["Messages"]
    [record] = lambda_event(message, parameters["Jobs.Arn"])["Records"]
    assert parameters["Jobs.QueueName"] == "Jobs"
    assert record["body"] == "tea"
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"].startswith("arn:aws:sqs:eu-west-1:")
    assert record["eventSourceARN"].endswith(":Jobs")
    assert record["awsRegion"] == "eu-west-1"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["messageAttributes"] == {
        "traceparent": {
            "stringValue": "00-a-b-01",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "String",
        },
        "raw": {
            "binaryValue": "AP8=",
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "Binary",
        },
    }
    assert {"messageId", "receiptHandle", "md5OfBody"} <= record.keys()
