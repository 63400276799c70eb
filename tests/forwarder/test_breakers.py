"""A collector that is down costs a few seconds once, and is asked again by single requests."""

from __future__ import annotations

import threading

import pytest

from otlp_forwarder.output.breakers import FIRST_PAUSE, LONGEST_PAUSE, PATIENCE, Breakers
from otlp_forwarder.output.connections import Connections
from otlp_forwarder.output.delivery import NOT_ASKED, CollectorClient
from otlp_forwarder.output.destination import Destination
from otlp_forwarder.output.responses import Action
from otlp_forwarder.output.secret import SecretHeaders
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

REDRIVE = "https://queue/redrive"
DOWN = Answer(503, {"Retry-After": "600"})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breakers(clock: Clock) -> Breakers:
    return Breakers(clock)


def close(breakers: Breakers, clock: Clock, name: str = "a") -> None:
    """Fail for as long as somebody is patient."""
    assert breakers.add_failure(name, clock.now, 0.0)
    began = clock.now
    clock.now += PATIENCE
    assert not breakers.add_failure(name, began, 0.0)


def test_after_a_while_of_failures_nobody_asks(breakers: Breakers, clock: Clock) -> None:
    close(breakers, clock)

    assert not breakers.may_ask(["a"], 60.0)
    assert not breakers.may_ask(["b", "a"], 60.0)
    assert breakers.may_ask(["b"], 60.0)


def test_a_success_in_between_makes_patient_again(breakers: Breakers, clock: Clock) -> None:
    breakers.add_failure("a", clock.now, 0.0)
    clock.now += PATIENCE - 1
    breakers.add_answer("a")
    clock.now += 2

    assert breakers.add_failure("a", clock.now, 0.0)
    assert breakers.may_ask(["a"], 1.0)


def test_one_request_finds_out_whether_it_works_again(breakers: Breakers, clock: Clock) -> None:
    close(breakers, clock)
    clock.now += FIRST_PAUSE

    assert breakers.may_ask(["a"], 1.0)
    others: list[bool] = []
    waiting = threading.Thread(target=lambda: others.append(breakers.may_ask(["a"], 10.0)))
    waiting.start()
    breakers.add_answer("a")
    waiting.join(10)

    assert others == [True]
    assert breakers.may_ask(["a"], 1.0)


def test_while_it_is_under_way_others_wait_no_longer_than_they_can(
    breakers: Breakers, clock: Clock
) -> None:
    close(breakers, clock)
    clock.now += FIRST_PAUSE

    assert breakers.may_ask(["a"], 1.0)
    assert not breakers.may_ask(["a"], 0.0)


def test_the_pause_grows_from_one_probe_in_vain_to_the_next(
    breakers: Breakers, clock: Clock
) -> None:
    close(breakers, clock)
    pauses = []
    for _ in range(8):
        closed = clock.now
        while not breakers.may_ask(["a"], 0.0):
            clock.now += 0.5
        pauses.append(clock.now - closed)
        breakers.add_failure("a", clock.now, 0.0)

    assert pauses == [2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert pauses[0] == FIRST_PAUSE
    assert pauses[-1] == LONGEST_PAUSE


def test_a_pause_that_is_asked_for_is_granted_within_bounds(
    breakers: Breakers, clock: Clock
) -> None:
    breakers.add_failure("a", clock.now, 0.0)
    breakers.give_up("a", 1e9)

    assert not breakers.may_ask(["a"], 0.0)
    clock.now += LONGEST_PAUSE
    assert breakers.may_ask(["a"], 0.0)


class Sending:
    """A client of a receiver; time passes by its waits only."""

    def __init__(self, clock: Clock) -> None:
        self.connections = Connections()
        self.clock = clock
        self.client = CollectorClient(
            self.connections, SecretHeaders(None), clock=clock, wait=clock.wait
        )

    def deliver(self, endpoint: str, *headers: tuple[str, str]) -> tuple[Action, str, float]:
        began = self.clock.now
        destination = Destination(f"{endpoint}/v1/traces", headers, own=False)
        body = request("a").SerializeToString()
        delivery = self.client.deliver(destination, body, began + 50.0)
        return delivery.action, delivery.reason, self.clock.now - began


def test_the_second_invocation_does_not_wait_for_what_is_down(clock: Clock) -> None:
    with OtlpReceiver() as gone:
        endpoint = gone.endpoint
    sending = Sending(clock)

    _, first, waited = sending.deliver(endpoint)
    assert sending.deliver(endpoint) == (Action.HAND_OVER, NOT_ASKED, 0.0)
    # Whatever the headers: nobody answers there.
    assert sending.deliver(endpoint, ("x-team", "b")) == (Action.HAND_OVER, NOT_ASKED, 0.0)

    assert "ConnectionRefusedError" in first
    assert PATIENCE <= waited < PATIENCE + 5.0


def test_one_team_that_is_throttled_is_not_every_team(receiver: OtlpReceiver, clock: Clock) -> None:
    receiver.authorize = lambda headers: Answer(429) if headers.get("x-team") == "loud" else None
    sending = Sending(clock)

    assert sending.deliver(receiver.endpoint, ("x-team", "loud"))[0] is Action.HAND_OVER
    assert sending.deliver(receiver.endpoint, ("x-team", "loud"))[1] == NOT_ASKED
    assert sending.deliver(receiver.endpoint, ("x-team", "calm"))[0] is Action.DELIVERED
    clock.now += LONGEST_PAUSE
    receiver.authorize = lambda _: None
    assert sending.deliver(receiver.endpoint, ("x-team", "loud"))[0] is Action.DELIVERED
    sending.connections.close()


def test_a_probe_that_nobody_answers_does_not_hold_up_the_next_one(
    receiver: OtlpReceiver, clock: Clock
) -> None:
    """Where it was throttled before, and then is down, and then works again."""
    sending = Sending(clock)
    for answer in (Answer(429), Answer(None), Answer(429)):
        receiver.decide = lambda _, answer=answer: answer  # type: ignore[misc]
        assert sending.deliver(receiver.endpoint)[0] is Action.HAND_OVER
        clock.now += LONGEST_PAUSE
    receiver.decide = lambda _: Answer()

    assert sending.deliver(receiver.endpoint)[0] is Action.DELIVERED
    sending.connections.close()


@pytest.mark.parametrize(
    "event",
    [
        subscription_event(record("a"), record("b")),
        stream_event(log_data(record("a")), log_data(record("b"))),
    ],
    ids=["subscription", "stream"],
)
def test_what_nobody_is_asked_about_waits_in_the_redrive_queue(
    event: dict[str, object], receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    """Else a stream would stand still, and an event would be tried at once again."""
    receiver.decide = lambda _: DOWN
    forwarder = run.forwarder(redrive_queue=REDRIVE)
    assert run(event, forwarder).failures
    receiver.requests.clear()

    result = run(event, forwarder)

    assert not result.failures
    assert not receiver.requests
    assert mailbox.reasons(REDRIVE) == [NOT_ASKED]
    assert result.counts.undelivered == 2
    receiver.decide = lambda _: Answer()
    run(queue_event(*mailbox.bodies(REDRIVE)))
    assert names(receiver) == ["a", "b"]


def test_without_that_queue_the_platform_keeps_it(receiver: OtlpReceiver, run: Run) -> None:
    receiver.decide = lambda _: DOWN
    forwarder = run.forwarder()
    event = subscription_event(record("a"))

    assert [run(event, forwarder).failures for _ in range(2)] == [[""], [""]]
    assert len(receiver.requests) == 1


def test_a_message_that_waits_stays_in_its_queue(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    """A new message in its place would have its tries counted from one again."""
    receiver.decide = lambda _: DOWN
    forwarder = run.forwarder(redrive_queue=REDRIVE)

    assert [run(queue_event(record("a")), forwarder).failures for _ in range(2)] == [["m0"]] * 2
    assert not mailbox.sent
