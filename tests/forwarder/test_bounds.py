"""What a forwarder needs stays bounded: memory by requests under way, time by the deadline."""

from __future__ import annotations

import base64
import gc
import gzip
import json
import logging
import resource
import sys
import threading
import tracemalloc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from otlp_forwarder.forward import Forwarder
from otlp_forwarder.output.connections import Connections
from otlp_forwarder.output.delivery import CollectorClient
from otlp_forwarder.output.secret import SecretHeaders
from otlp_forwarder.result.queues import Queue
from otlp_forwarder.settings import ForwarderSettings
from tests.forwarder.conftest import Mailbox, Run, names
from tests.forwarder.samples import (
    log_data,
    queue_event,
    record,
    request,
    stream_event,
    subscription_event,
)
from tests.forwarder.test_delivery import Clock
from tests.receiver import Answer, OtlpReceiver

MIB = 1024 * 1024
QUEUES: dict[str, Any] = {"redrive_queue": "redrive", "dead_letter_queue": "dead"}


def large_batch() -> str:
    """Return a log batch of a few kilobytes that unpacks to 24 MiB of spans."""
    made = request(*map(str, range(10)))
    for span in made.resource_spans[0].scope_spans[0].spans:
        for number in range(4):
            span.attributes.add(key=f"k{number}").value.string_value = "x" * 60_000
    payload = base64.b64encode(gzip.compress(made.SerializeToString())).decode()
    return log_data(*[record("x", payload=payload, spans=10)] * 10)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, stream_event), (400, stream_event), (503, stream_event), (503, queue_event)],
)
def test_memory_is_bounded_whatever_the_event_and_the_answer(
    status: int, kind: Any, receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    """Of 336 MiB that an event unpacks to, no more is held than requests under way need."""
    body = large_batch()
    if kind is queue_event:
        body = json.dumps({"awslogs": {"data": body}})
    event = kind(*[body] * 14)
    received = 0

    def answer(_headers: object) -> Answer:
        nonlocal received
        received += 1
        return Answer(status, {"Retry-After": "600"}, b"")

    # The receiver keeps all that it takes.
    receiver.authorize = answer
    receiver.requests = Forgetful()

    tracemalloc.start()
    # A traced allocation takes its time.
    result = run.forwarder(**QUEUES).forward(json.loads(json.dumps(event)), 300.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    counts = result.counts
    assert counts.spans + counts.rejected + counts.undelivered == 14 * 10 * 10
    assert received
    # The receiver, which unpacks four requests at once, is in it.
    assert peak < 250 * MIB
    assert sum(len(message["MessageBody"]) for message in mailbox.sent) < 8 * MIB


class Forgetful(list[Any]):
    """A list that keeps nothing."""

    def append(self, _: Any) -> None:
        """Forget it."""


def test_what_there_is_no_time_to_read_is_kept_by_the_platform(
    receiver: OtlpReceiver, mailbox: Mailbox
) -> None:
    """And what was read is delivered, or handed over, but not both."""
    clock = Clock()
    waited = threading.Event()

    def pass_time(_: object) -> Answer:
        clock.now += 1.0
        waited.set()
        return Answer()

    receiver.decide = pass_time
    connections = Connections()
    settings = ForwarderSettings(
        endpoint=receiver.endpoint, max_request_bytes=1, parallel_requests=1, **QUEUES
    )
    forwarder = Forwarder(
        settings,
        CollectorClient(connections, SecretHeaders(None), clock=clock, wait=clock.wait),
        Queue("redrive", lambda: mailbox, clock),
        Queue("dead", lambda: mailbox, clock),
    )

    result = forwarder.forward(stream_event(*[log_data(record(f"{n}")) for n in range(50)]), 5.0)
    connections.close()

    taken = names(receiver)
    handed = sum(json.loads(body)["spans"] for body in mailbox.bodies("redrive"))
    assert taken == [f"{n}" for n in range(len(taken))]
    assert 5 <= len(taken) < 15
    # All that was not read, from the first one on.
    first = int(result.failures[0])
    assert result.failures == [f"{n}" for n in range(first, 150)]
    assert len(taken) + handed == first - 100


@dataclass(frozen=True)
class Held:
    """What a process holds."""

    blocks: int
    resident: int
    descriptors: int
    threads: int

    @classmethod
    def now(cls) -> Held:
        gc.collect()
        return cls(
            blocks=sys.getallocatedblocks(),
            resident=int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize(),
            descriptors=len(list(Path("/proc/self/fd").iterdir())),
            threads=threading.active_count(),
        )


@pytest.mark.once
def test_thousands_of_invocations_leave_nothing_behind(
    receiver: OtlpReceiver, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """No memory, no descriptors, no threads; good, refused, throttled and malformed lines."""
    if "coverage" in sys.modules:
        pytest.skip("what coverage remembers counts as memory too")
    # What is logged would be kept by pytest.
    caplog.set_level(logging.CRITICAL)
    statuses = {"bad": 400, "later": 500, "missing": 404}
    receiver.decide = lambda spans: Answer(statuses.get(spans[0].name, 200))
    receiver.requests = Forgetful()
    forwarder = run.forwarder(max_request_bytes=1, parallel_requests=2, **QUEUES)
    events = [
        *[subscription_event(record("good"))] * 6,
        subscription_event(record("good"), record("bad"), "nonsense"),
        stream_event(log_data(record("good")), log_data(record("later"))),
        queue_event(record("missing"), record("good")),
        {"nobody": "knows"},
    ]

    def invoke(times: int) -> Held:
        for number in range(times):
            run(events[number % len(events)], forwarder)
        run.mailbox.sent.clear()
        return Held.now()

    before = invoke(1000)
    after = invoke(4000)

    assert (after.descriptors, after.threads) == (before.descriptors, before.threads)
    assert after.blocks - before.blocks < 1000
    assert after.resident - before.resident < 4 * MIB
