"""What fits into no queue, against moto's S3: it is kept with its reason, and can be sent again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import boto3
import pytest
from moto import mock_aws

from otlp_forwarder.output.destination import Destination
from otlp_forwarder.result import bucket as module
from otlp_forwarder.result.bucket import Bucket
from tests.forwarder.conftest import Mailbox, Run, names
from tests.forwarder.samples import log_data, queue_event, record, stream_event
from tests.forwarder.test_queues import part
from tests.forwarder.test_resolve import QUEUES, failing, random_text
from tests.receiver import OtlpReceiver

NAME = "overflow"
HERE = Destination(url="https://collector.example.com/v1/traces", headers=(), own=True)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """S3 with a bucket that encrypts by a key of its own."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        module._s3.cache_clear()
        client = boto3.client("s3")
        client.create_bucket(Bucket=NAME)
        rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "key"}
        client.put_bucket_encryption(
            Bucket=NAME,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": rule}]
            },
        )
        yield client
        module._s3.cache_clear()


def objects(s3: Any) -> list[dict[str, Any]]:
    """Return what is in the bucket, with its metadata."""
    listed = s3.list_objects_v2(Bucket=NAME, Prefix="otlp-forwarder/").get("Contents", [])
    return [s3.get_object(Bucket=NAME, Key=each["Key"]) for each in listed]


def test_a_refused_span_that_is_too_large_for_a_queue_is_an_object_and_comes_back(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run, s3: Any
) -> None:
    huge = random_text(1_400_000)
    failing(receiver, huge, status=400)
    event = stream_event(log_data(record(huge)), log_data(record("a")))

    result = run(event, s3=s3, overflow_bucket=NAME, **QUEUES)

    assert not result.failures
    assert names(receiver) == ["a"]
    assert (result.counts.rejected, result.counts.malformed.total()) == (1, 0)
    assert not mailbox.sent
    (kept,) = objects(s3)
    assert kept["ServerSideEncryption"] == "aws:kms"
    assert unquote(kept["Metadata"]["reason"]) == "collector refused the request with status 400"
    failing(receiver)
    run(queue_event(kept["Body"].read().decode()), **QUEUES)
    assert names(receiver) == ["a", huge]


def test_a_bucket_that_takes_nothing_leaves_it_to_the_platform(
    receiver: OtlpReceiver, run: Run, s3: Any, caplog: pytest.LogCaptureFixture
) -> None:
    huge = random_text(1_400_000)
    failing(receiver, huge, status=400)
    event = stream_event(log_data(record("a")), log_data(record(huge)))

    result = run(event, s3=s3, overflow_bucket="another", **QUEUES)

    assert result.failures
    assert "s3://another did not take" in caplog.text
    assert not objects(s3)


@pytest.mark.usefixtures("s3")
def test_no_object_is_put_after_the_time() -> None:
    parts = [part(0)]

    assert Bucket(NAME, clock=lambda: 10.0).put(HERE, parts, "refused", 10.0) == parts


def test_any_reason_can_be_kept_and_read_again(s3: Any) -> None:
    reason = "span 7: größer als erlaubt 100% \u2603 " + "x" * 3000

    assert not Bucket(NAME).put(HERE, [part(0)], reason, float("inf"))

    (kept,) = objects(s3)
    assert reason.startswith(unquote(kept["Metadata"]["reason"]))
    assert len(kept["Metadata"]["reason"]) == 1500


def test_without_a_name_nothing_is_put() -> None:
    parts = [part(0)]

    assert not Bucket(None)
    assert Bucket(None).put(HERE, parts, os.urandom(1).hex(), float("inf")) == parts
