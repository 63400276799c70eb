"""Queues, against moto's SQS: what is put there comes back, in few calls and in time."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from otlp_forwarder.input.records import Part, read_parts, read_record
from otlp_forwarder.output.destination import Destination
from otlp_forwarder.result import queues
from otlp_forwarder.result.queues import Queue
from tests.forwarder.conftest import Mailbox
from tests.forwarder.samples import request

HERE = Destination("https://collector.example.com/v1/traces", (("x-team", "a"),), own=True)
NEVER = float("inf")


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        queues._sqs.cache_clear()
        yield boto3.client("sqs")
        queues._sqs.cache_clear()


@pytest.fixture
def url(sqs: Any) -> str:
    """A queue as the constructs make it."""
    attributes = {"MaximumMessageSize": str(1024 * 1024)}
    return str(sqs.create_queue(QueueName="redrive", Attributes=attributes)["QueueUrl"])


def part(number: int, size: int = 10) -> Part:
    name = base64.b64encode(os.urandom(size * 3 // 4)).decode()
    return Part(number, request(name).SerializeToString(), 1)


def received(sqs: Any, url: str) -> list[dict[str, Any]]:
    """Return all messages of a queue."""
    found: list[dict[str, Any]] = []
    while messages := sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["reason"]
    ).get("Messages"):
        found += messages
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def parts_of(messages: list[dict[str, Any]]) -> set[bytes]:
    return {
        part.data
        for message in messages
        for part in read_parts(read_record(message["Body"]), 0, 32 * 1024 * 1024)
    }


def test_what_is_put_into_a_queue_comes_back(sqs: Any, url: str) -> None:
    parts = [part(n) for n in range(100)]

    put = Queue(url).put(HERE, iter(parts), "collector refused the request: \u00e9", NEVER)

    (message,) = received(sqs, url)
    assert not put.left
    assert parts_of([message]) == {part.data for part in parts}
    fields = json.loads(message["Body"])
    # The query of the settings' own endpoint may be a key.
    assert (fields["endpoint"], fields["headers"]) == ("", {"x-team": "a"})
    reason = message["MessageAttributes"]["reason"]["StringValue"]
    assert reason == "collector refused the request: \u00e9"


def test_an_endpoint_that_a_line_has_chosen_comes_back_with_it(sqs: Any, url: str) -> None:
    chosen = Destination("https://other.example.com/v1/traces", (), own=False)

    Queue(url).put(chosen, [part(1)], "later", NEVER)

    (message,) = received(sqs, url)
    assert json.loads(message["Body"])["endpoint"] == chosen.url


def test_many_messages_are_sent_in_batches(
    sqs: Any, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = boto3.client("sqs")
    calls: list[str] = []
    client.meta.events.register("before-call.sqs", lambda model, **_: calls.append(model.name))
    parts = [part(n, size=150_000) for n in range(25)]

    put = Queue(url, lambda: client).put(HERE, parts, "why", NEVER)

    messages = received(sqs, url)
    assert (put.left, put.too_large) == ([], [])
    assert parts_of(messages) == {part.data for part in parts}
    assert max(len(message["Body"]) for message in messages) <= 240 * 1024
    assert len(calls) < len(messages) / 2
    del monkeypatch


def test_the_largest_message_of_a_queue_is_used(sqs: Any, url: str) -> None:
    large = part(0, size=900_000)

    put = Queue(url).put(HERE, [large], "why", NEVER)

    assert (put.left, put.too_large) == ([], [])
    assert parts_of(received(sqs, url)) == {large.data}


def test_what_no_queue_takes_is_told_apart(sqs: Any, url: str) -> None:
    huge, small = part(0, size=1_500_000), part(1)

    put = Queue(url).put(HERE, [huge, small], "why", NEVER)

    assert (put.left, put.too_large) == ([], [huge])
    assert parts_of(received(sqs, url)) == {small.data}


def test_a_queue_that_is_gone_leaves_everything(
    sqs: Any, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    sqs.delete_queue(QueueUrl=url)
    parts = [part(n, size=150_000) for n in range(3)]

    put = Queue(url).put(HERE, parts, "why", NEVER)

    assert {id(each) for each in put.left} == {id(each) for each in parts}
    assert f"{url} did not take 3 messages" in caplog.text


def test_of_a_batch_only_what_was_not_taken_is_left(mailbox: Mailbox) -> None:
    class Picky(Mailbox):
        def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> dict[str, Any]:  # noqa: N803
            taken = [entry for entry in Entries if entry["Id"] != "1"]
            super().send_message_batch(QueueUrl=QueueUrl, Entries=taken)
            return {"Failed": [{"Id": "1", "Code": "InternalError"}]}

    picky = Picky()
    parts = [part(n, size=150_000) for n in range(3)]

    put = Queue("queue", lambda: picky).put(HERE, parts, "why", NEVER)

    assert [each.item for each in put.left] == [1]
    assert len(picky.sent) == 2
    del mailbox


def test_no_call_begins_after_the_time(mailbox: Mailbox) -> None:
    now = 0.0

    class Slow(Mailbox):
        def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> dict[str, Any]:  # noqa: N803
            nonlocal now
            now += 1
            return mailbox.send_message_batch(QueueUrl=QueueUrl, Entries=Entries)

    slow = Slow()
    parts = [part(n, size=240_000) for n in range(30)]

    put = Queue("queue", lambda: slow, clock=lambda: now).put(HERE, parts, "why", until=1.0)

    assert now == 1
    assert 0 < len(put.left) < 30
    assert {each.item for each in put.left}.isdisjoint(
        {n for n, each in enumerate(parts) if each.data in parts_of_sent(mailbox)}
    )


def parts_of_sent(mailbox: Mailbox) -> set[bytes]:
    return parts_of([{"Body": message["MessageBody"]} for message in mailbox.sent])


def test_a_call_ends_soon(sqs: Any) -> None:
    """The time after delivery is for all calls together."""
    config = queues._sqs().meta.config

    assert config.connect_timeout + config.read_timeout <= 3
    assert config.retries["total_max_attempts"] <= 2
    del sqs
