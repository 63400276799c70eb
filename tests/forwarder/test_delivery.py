"""Delivery to a collector that fails: what is tried again, when, and for how long."""

from __future__ import annotations

import datetime as dt
import email.utils
import gzip
import ssl
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from otlp_forwarder.output.breakers import PATIENCE
from otlp_forwarder.output.connections import Connections
from otlp_forwarder.output.delivery import CollectorClient, Delivery
from otlp_forwarder.output.destination import Destination
from otlp_forwarder.output.responses import Action
from otlp_forwarder.output.secret import SecretHeaders
from otlp_forwarder.output.words import NOTHING, Rejection
from tests.forwarder.certificates import make_certificate
from tests.forwarder.samples import request
from tests.receiver import Answer, OtlpReceiver

REQUEST = request("a").SerializeToString()
REFUSED = "collector refused the request with status 503"


class Clock:
    """A clock that only waiting moves, and that remembers the waits."""

    def __init__(self) -> None:
        self.now = 0.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


class Sending:
    """A client of a receiver, whose random numbers are all one half, so that waits are known."""

    def __init__(self, endpoint: str, clock: Clock, **kinds: Any) -> None:
        self.connections = Connections(**kinds)
        self._clock = clock
        self._destination = Destination(f"{endpoint}/v1/traces", (), own=True)
        self._client = CollectorClient(
            self.connections,
            SecretHeaders(None),
            clock=clock,
            wait=clock.wait,
            jitter=lambda: 0.5,
        )

    def deliver(self, seconds: float = 30.0) -> Delivery:
        return self._client.deliver(self._destination, REQUEST, self._clock() + seconds)


@pytest.fixture
def collector(receiver: OtlpReceiver, clock: Clock) -> Iterator[Sending]:
    collector = Sending(receiver.endpoint, clock)
    yield collector
    collector.connections.close()


@pytest.mark.parametrize("status", [429, 502, 503, 504, None])
def test_a_passing_failure_is_tried_again(
    status: int | None, receiver: OtlpReceiver, collector: Sending, clock: Clock
) -> None:
    """None: the connection is cut instead of a response."""
    receiver.answers.extend([Answer(status)] * 3)

    delivery = collector.deliver()

    assert [span.name for span in receiver.spans] == ["a"]
    assert clock.waits == [0.05, 0.1, 0.2]
    assert (delivery.action, delivery.requests) == (Action.DELIVERED, 4)
    assert delivery.bytes == 4 * int(receiver.requests[0].headers["content-length"])


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (301, Action.HOLD),
        (422, Action.DIVIDE),
        (401, Action.HOLD),
        (404, Action.HOLD),
        (418, Action.SET_ASIDE),
        (500, Action.LATER),
    ],
)
def test_a_lasting_failure_is_not_tried_again(
    status: int, action: Action, receiver: OtlpReceiver, collector: Sending, clock: Clock
) -> None:
    """What the collector will never take is told apart from what it may take later."""
    receiver.answers.append(Answer(status))

    delivery = collector.deliver()

    assert delivery.action is action
    assert delivery.reason == f"collector refused the request with status {status}"
    assert len(receiver.requests) == 1
    assert not clock.waits


def test_the_collectors_wish_for_a_pause_is_granted(
    receiver: OtlpReceiver, collector: Sending, clock: Clock
) -> None:
    receiver.answers.append(Answer(429, {"Retry-After": "7"}))

    collector.deliver()

    assert clock.waits == [7.0]
    assert len(receiver.spans) == 1


def test_a_pause_may_be_given_as_a_date(
    receiver: OtlpReceiver, collector: Sending, clock: Clock
) -> None:
    then = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    receiver.answers.append(Answer(503, {"Retry-After": email.utils.format_datetime(then)}))

    collector.deliver(7200.0)

    (wait,) = clock.waits
    assert 3000 < wait <= 3600


@pytest.mark.parametrize(
    "nonsense",
    ["soon", "-5", "1e9", "Mon, 99 Foo 2026", "Mon, 02 Jan 2026 00:00:00 +99999999999999"],
)
def test_a_pause_that_cannot_be_read_is_an_ordinary_back_off(
    nonsense: str, receiver: OtlpReceiver, collector: Sending, clock: Clock
) -> None:
    receiver.answers.append(Answer(503, {"Retry-After": nonsense}))

    collector.deliver()

    assert clock.waits == [0.05]


def test_no_time_is_waited_for_a_try_that_comes_too_late(
    receiver: OtlpReceiver, collector: Sending, clock: Clock
) -> None:
    receiver.answers.append(Answer(503, {"Retry-After": "60"}))

    delivery = collector.deliver()

    assert delivery.action is Action.LATER
    assert delivery.reason == f"gave up after 1 tries in the time there was: {REFUSED}"
    assert not clock.waits


def test_a_collector_that_stays_down_is_given_up_in_time(
    receiver: OtlpReceiver, collector: Sending, clock: Clock
) -> None:
    receiver.answers.extend([Answer(503)] * 100)

    delivery = collector.deliver()

    assert delivery.action is Action.HAND_OVER
    assert delivery.reason.endswith(f"tries that all failed: {REFUSED}")
    assert max(clock.waits) == 2.5  # half of the longest back-off
    assert PATIENCE <= clock.now < PATIENCE + 2.5


def test_a_refused_connection_is_tried_again(clock: Clock) -> None:
    with OtlpReceiver() as gone:
        collector = Sending(gone.endpoint, clock)

    delivery = collector.deliver(1.0)

    assert delivery.action is Action.LATER
    assert "ConnectionRefusedError" in delivery.reason
    assert clock.waits == [0.05, 0.1, 0.2, 0.4]


def test_a_collector_that_does_not_respond_is_tried_again(
    receiver: OtlpReceiver, clock: Clock
) -> None:
    hold = threading.Event()
    receiver.answers.append(Answer(None, hold=hold))
    collector = Sending(receiver.endpoint, clock, longest_try=0.2)

    delivery = collector.deliver()
    hold.set()
    collector.connections.close()

    assert [span.name for span in receiver.spans] == ["a"]
    assert delivery.requests == 2


@pytest.mark.parametrize("kept_open", [False, True])
def test_a_request_is_not_sent_again_if_only_the_end_of_the_response_is_missing(
    receiver: OtlpReceiver, clock: Clock, *, kept_open: bool
) -> None:
    """The collector took it: it said so before the connection broke, or before it fell silent."""
    headers = {"Content-Length": "1000"} if kept_open else {}
    receiver.answers.append(Answer(200, headers, body=b"x" * 100, cut=not kept_open))
    collector = Sending(receiver.endpoint, clock, longest_try=0.2)

    deliveries = [collector.deliver(), collector.deliver()]
    collector.connections.close()

    assert [span.name for span in receiver.spans] == ["a", "a"]
    assert [delivery.requests for delivery in deliveries] == [1, 1]
    assert receiver.connections == 2


def test_a_connection_that_was_closed_meanwhile_costs_no_try(
    receiver: OtlpReceiver, collector: Sending
) -> None:
    collector.deliver()
    receiver.hang_up()

    assert collector.deliver().requests == 1
    assert receiver.connections == 2


def test_spans_that_the_collector_rejects_are_counted_and_not_sent_again(
    receiver: OtlpReceiver, collector: Sending
) -> None:
    partial = ExportTracePartialSuccess(rejected_spans=3, error_message="too old")
    response = ExportTraceServiceResponse(partial_success=partial)
    receiver.answers.append(Answer(200, body=response.SerializeToString()))

    assert collector.deliver().rejection == Rejection(3, "too old")
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("GZIP ", gzip.compress), ("deflate", zlib.compress)],
)
def test_what_a_compressed_response_says_is_heard(
    encoding: str,
    compress: Callable[[bytes], bytes],
    receiver: OtlpReceiver,
    collector: Sending,
) -> None:
    """Nobody asked for it."""
    partial = ExportTracePartialSuccess(rejected_spans=3, error_message="too old")
    body = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    headers = {"Content-Encoding": encoding}
    receiver.answers.append(Answer(200, headers, compress(body)))
    receiver.answers.append(Answer(400, headers, compress(b"unknown tenant")))

    assert collector.deliver().rejection == Rejection(3, "too old")
    assert "unknown tenant" in collector.deliver().reason


@pytest.mark.parametrize("body", [gzip.compress(b"a" * (1 << 28)), b"not compressed", b""])
def test_a_response_that_unpacks_to_anything_is_a_success_all_the_same(
    body: bytes, receiver: OtlpReceiver, collector: Sending
) -> None:
    receiver.answers.append(Answer(200, {"Content-Encoding": "gzip"}, body))
    tracemalloc.start()
    try:
        delivery = collector.deliver()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert delivery.action is Action.DELIVERED
    assert peak < 8 * 1024 * 1024


@pytest.mark.parametrize("body", [b"OK", b"\x0a\x7f", b"{}", b"\xff" * 40])
def test_a_response_that_is_not_protobuf_rejects_nothing(
    body: bytes, receiver: OtlpReceiver, collector: Sending
) -> None:
    receiver.answers.append(Answer(200, body=body))

    assert collector.deliver().rejection == NOTHING


def test_without_time_nothing_is_sent(receiver: OtlpReceiver, collector: Sending) -> None:
    delivery = collector.deliver(0.0)

    assert delivery.action is Action.LATER
    assert "no time left" in delivery.reason
    assert not receiver.requests


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for loopback, with its key."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def tls_receiver(certificate: Path) -> Iterator[OtlpReceiver]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with OtlpReceiver(tls=context) as receiver:
        yield receiver


def test_a_certificate_that_nobody_vouches_for_is_refused(
    tls_receiver: OtlpReceiver, clock: Clock
) -> None:
    collector = Sending(tls_receiver.endpoint, clock)

    delivery = collector.deliver()

    assert delivery.action is Action.HOLD
    assert delivery.reason == "certificate refused: self-signed certificate"
    assert not tls_receiver.requests
    assert not clock.waits


def test_a_trusted_certificate_is_accepted(
    tls_receiver: OtlpReceiver,
    certificate: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    collector = Sending(tls_receiver.endpoint, clock)

    collector.deliver()
    collector.deliver()
    collector.connections.close()

    assert len(tls_receiver.spans) == 2
    assert tls_receiver.connections == 1
