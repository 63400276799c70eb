"""A fleet's spans reach two destinations, each by itself, though one is down for a third of a day.

One destination takes only what is signed, verified by botocore, and keeps CloudWatch's limits.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otlp_forwarder.forward import Forwarder
from otlp_forwarder.input.events import Source
from otlp_forwarder.output.connections import Connections
from otlp_forwarder.output.delivery import CollectorClient
from otlp_forwarder.output.secret import SecretHeaders
from otlp_forwarder.result.queues import Queue
from otlp_forwarder.settings import ForwarderSettings
from tests.forwarder.aws import KEY, SECRET, TOKEN, over_limits, refusal
from tests.forwarder.conftest import Mailbox
from tests.forwarder.fleet import fleet_events
from tests.forwarder.samples import queue_event
from tests.forwarder.test_delivery import Clock
from tests.receiver import Answer, OtlpReceiver, Received

FUNCTIONS, SPANS = 100, 100_000
DAY, SIX_MINUTES = 86_400.0, 360.0


class Destination:
    """A receiver, and the forwarder that sends to it, with a queue and a clock of its own."""

    def __init__(self, **settings: Any) -> None:
        self.clock = Clock()
        self.receiver = OtlpReceiver()
        self.mailbox = Mailbox()
        self.connections = Connections()
        chosen = ForwarderSettings(
            endpoint=self.receiver.endpoint,
            redrive_queue="redrive",
            dead_letter_queue="dead",
            **settings,
        )
        self.forwarder = Forwarder(
            chosen,
            CollectorClient(
                self.connections, SecretHeaders(None), clock=self.clock, wait=self.clock.wait
            ),
            Queue("redrive", lambda: self.mailbox, self.clock),
            Queue("dead", lambda: self.mailbox, self.clock),
        )
        self.asked = self.longest = 0.0

    def invoke(self, event: dict[str, Any]) -> dict[str, Any] | None:
        """Invoke once; return what Lambda invokes with once more, or None."""
        began = self.clock.now
        result = self.forwarder.forward(json.loads(json.dumps(event)), 50.0)
        self.asked += self.clock.now - began
        self.longest = max(self.longest, self.clock.now - began)
        if not result.failures:
            return None
        if result.source is Source.STREAM:
            numbers = [each["kinesis"]["sequenceNumber"] for each in event["Records"]]
            return {"Records": event["Records"][numbers.index(result.failures[0]) :]}
        if result.source is Source.QUEUE:
            return queue_event(*[event["Records"][int(m[1:])]["body"] for m in result.failures])
        return event

    def run(self, events: list[dict[str, Any]]) -> None:
        """Invoke with all events over a day, and with what is left until nothing is left."""
        waiting = deque(events)
        pause = DAY / len(events)
        while waiting:
            rest = self.invoke(waiting.popleft())
            self.clock.now += pause
            if rest:
                waiting.append(rest)
            if not waiting and self.mailbox.sent:
                waiting.extend(queue_event(body) for body in self.mailbox.bodies("redrive"))
                assert not self.mailbox.bodies("dead")
                self.mailbox.sent.clear()
                self.clock.now += SIX_MINUTES

    @property
    def arrived(self) -> Counter[bytes]:
        return Counter(span.span_id for span in self.receiver.spans)


@pytest.fixture
def cloudwatch(monkeypatch: pytest.MonkeyPatch) -> Iterator[Destination]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", TOKEN)
    destination = Destination(sigv4_service="xray", sigv4_region="eu-west-1")

    def inspect(received: Received) -> Answer | None:
        endpoint = destination.receiver.endpoint
        return refusal(received, endpoint) or over_limits(received, time.time_ns())

    destination.receiver.inspect = inspect
    with destination.receiver:
        yield destination
        destination.connections.close()


@pytest.fixture
def shaky() -> Iterator[Destination]:
    """Down for the second third of the day, and throttled now and then before."""
    destination = Destination()
    chance = random.Random(14)  # noqa: S311 - the same weather in every run

    def decide(_: list[Span]) -> Answer:
        now = destination.clock.now
        if DAY / 3 <= now < 2 * DAY / 3:
            return Answer(chance.choice([502, 503, None]))
        return Answer(429 if chance.random() < 0.1 else 200)

    destination.receiver.decide = decide
    with destination.receiver:
        yield destination
        destination.connections.close()


def test_every_span_arrives_at_each_once(
    cloudwatch: Destination, shaky: Destination, record_property: Callable[[str, Any], None]
) -> None:
    events, ids = fleet_events(FUNCTIONS, SPANS)

    for destination in (cloudwatch, shaky):
        destination.run(events)

    figures = {
        name: {
            "spans": len(destination.arrived),
            "duplicates": destination.arrived.total() - len(destination.arrived),
            "requests": len(destination.receiver.requests),
            "seconds in invocations": round(destination.asked),
        }
        for name, destination in (("cloudwatch", cloudwatch), ("shaky", shaky))
    }
    record_property("figures", figures)
    sys.stdout.write(json.dumps(figures) + "\n")
    for destination in (cloudwatch, shaky):
        assert destination.arrived.keys() == ids
        assert destination.arrived.total() == SPANS
    # What was down took no more of the account's concurrency than a few seconds, many times fewer
    # than the number of events while it was.
    assert shaky.longest < 16.0
    assert shaky.asked < len(events) / 3
    assert cloudwatch.asked == 0.0
