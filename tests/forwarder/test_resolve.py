"""What is not delivered, and how it comes back without anything arriving twice."""

from __future__ import annotations

import base64
import json
import os
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.forwarder.conftest import Mailbox, Run, names
from tests.forwarder.samples import (
    log_data,
    queue_event,
    record,
    request,
    stream_event,
    subscription_event,
)
from tests.receiver import Answer, OtlpReceiver

REDRIVE, DEAD = "https://queue/redrive", "https://queue/dead"
QUEUES: dict[str, Any] = {"redrive_queue": REDRIVE, "dead_letter_queue": DEAD}


def failing(receiver: OtlpReceiver, *bad: str, status: int = 500) -> None:
    """Make the receiver answer requests with spans of these names with a status."""

    def decide(spans: list[Span]) -> Answer:
        return Answer(status if {span.name for span in spans} & set(bad) else 200)

    receiver.decide = decide


def test_an_event_of_which_nothing_arrived_is_left_to_the_platform(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    failing(receiver, "a")

    assert run(subscription_event(record("a")), **QUEUES).failures == [""]
    assert not mailbox.sent


def test_only_the_rest_of_an_event_is_put_into_the_queue_and_arrives_once(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    failing(receiver, "b")
    event = subscription_event(*map(record, "abc"))

    result = run(event, max_request_bytes=1, **QUEUES)

    assert not result.failures
    assert result.counts.undelivered == 1
    assert mailbox.reasons(REDRIVE) == ["collector refused the request with status 500"]
    failing(receiver)
    assert not run(queue_event(*mailbox.bodies(REDRIVE)), **QUEUES).failures
    assert sorted(names(receiver)) == ["a", "b", "c"]


def test_a_line_in_the_queue_says_how_many_spans_it_holds(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    """As many as the lines said that it was made of, for which nothing is counted anew."""
    failing(receiver, "a")
    lines = [record("a", spans=2), record("b", "c", "d", spans=1), record("e")]

    run(subscription_event(*lines), max_request_bytes=1, **QUEUES)

    (body,) = mailbox.bodies(REDRIVE)
    assert json.loads(body)["spans"] == 2
    failing(receiver)
    assert run(queue_event(body), **QUEUES).counts.spans == 2


@pytest.mark.parametrize("status", [401, 403, 404, 451, 500, 301])
def test_what_may_be_fixed_is_no_dead_letter(
    status: int, receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    failing(receiver, "b", status=status)

    run(subscription_event(*map(record, "ab")), max_request_bytes=1, **QUEUES)

    assert len(mailbox.bodies(REDRIVE)) == 1
    assert not mailbox.bodies(DEAD)


@pytest.mark.parametrize("status", [400, 413, 415])
def test_what_the_collector_refuses_is_set_aside_with_its_reason(
    status: int, receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    failing(receiver, "bad", status=status)

    result = run(subscription_event(record("bad")), **QUEUES)

    assert not result.failures
    assert mailbox.reasons(DEAD) == [f"collector refused the request with status {status}"]
    failing(receiver)
    run(queue_event(*mailbox.bodies(DEAD)), **QUEUES)
    assert names(receiver) == ["bad"]


def test_a_stream_goes_on_from_the_first_item_that_failed(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    """Nothing after it arrived, so that nothing arrives twice."""
    failing(receiver, "b", "c")
    event = stream_event(*(log_data(record(name)) for name in "abc"))

    result = run(event, max_request_bytes=1, **QUEUES)

    assert result.failures == ["101", "102"]
    assert not mailbox.sent


def test_a_stream_is_not_held_up_where_later_items_arrived(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    failing(receiver, "b")
    event = stream_event(*(log_data(record(name)) for name in "abc"))

    assert not run(event, max_request_bytes=1, **QUEUES).failures
    failing(receiver)
    run(queue_event(*mailbox.bodies(REDRIVE)), **QUEUES)

    assert sorted(names(receiver)) == ["a", "b", "c"]


def test_messages_of_a_queue_fail_one_by_one(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    failing(receiver, "b")

    result = run(queue_event(*map(record, "abc")), max_request_bytes=1, **QUEUES)

    assert result.failures == ["m1"]
    assert sorted(names(receiver)) == ["a", "c"]
    assert not mailbox.sent


def test_an_event_that_lambda_gave_up_is_read_from_the_queue(
    receiver: OtlpReceiver, run: Run
) -> None:
    """A dead-letter queue gets the event itself, an on-failure destination a frame around it."""
    framed = {"requestContext": {}, "requestPayload": subscription_event(record("b"))}

    result = run(queue_event(json.dumps(subscription_event(record("a"))), json.dumps(framed)))

    assert names(receiver) == ["a", "b"]
    assert not result.failures


@pytest.mark.parametrize("queues", [{}, QUEUES])
def test_without_a_queue_the_event_fails_as_a_whole(
    queues: dict[str, Any], receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    """Where there is none, and where it cannot be reached: twice is better than never."""
    mailbox.broken = True
    failing(receiver, "b")
    refused = subscription_event(*map(record, "ab"))

    assert run(refused, max_request_bytes=1, **queues).failures == [""]
    failing(receiver, "b", status=400)
    assert run(refused, max_request_bytes=1, **queues).failures == [""]
    assert run(stream_event(log_data(record("b"))), **queues).failures == ["100"]


def test_a_span_that_needs_a_large_message_gets_one(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    large = random_text(400_000)
    failing(receiver, large)

    result = run(subscription_event(record("a"), record(large)), max_request_bytes=1, **QUEUES)

    assert not result.failures
    (body,) = mailbox.bodies(REDRIVE)
    assert 300_000 < len(body) < 1024 * 1024


def test_what_fits_into_no_message_is_left_to_the_platform(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    huge = random_text(1_400_000)
    failing(receiver, huge)

    result = run(subscription_event(record("a"), record(huge)), max_request_bytes=1, **QUEUES)

    assert result.failures == [""]
    assert not mailbox.sent


def test_what_is_refused_and_fits_into_no_message_holds_nothing_up(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    huge = random_text(1_400_000)
    failing(receiver, huge, status=400)
    event = stream_event(log_data(record(huge)), log_data(record("a")))

    result = run(event, **QUEUES)

    assert not result.failures
    assert names(receiver) == ["a"]
    assert result.counts.malformed == {"refused, and too large for a queue": 1}
    assert "1 spans are lost" in caplog.text
    assert not mailbox.sent


def test_a_line_of_many_spans_becomes_several_messages(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    several = [random_text(60_000) for _ in range(10)]
    failing(receiver, *several)

    run(subscription_event(record("a"), record(*several)), max_request_bytes=1, **QUEUES)

    bodies = mailbox.bodies(REDRIVE)
    assert 2 <= len(bodies) < 10
    assert all(len(body) <= 240 * 1024 for body in bodies)
    failing(receiver)
    run(queue_event(*bodies), **QUEUES)
    assert sorted(names(receiver)) == sorted(["a", *several])


def test_messages_stay_under_the_limit_of_the_queue(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    several = [random_text(60_000) for _ in range(10)]
    failing(receiver, *several)
    event = subscription_event(*map(record, several), record("a"))
    limit = 10 * request(several[0]).ByteSize()

    assert not run(event, max_request_bytes=limit, **QUEUES).failures
    bodies = mailbox.bodies(REDRIVE)
    assert 2 <= len(bodies) < 10
    assert all(len(body) <= 240 * 1024 for body in bodies)
    failing(receiver)
    run(queue_event(*bodies), **QUEUES)
    assert sorted(names(receiver)) == sorted(["a", *several])


def random_text(length: int) -> str:
    """Return text that compresses to three quarters of its length at best."""
    return base64.b64encode(os.urandom(length * 3 // 4)).decode()
