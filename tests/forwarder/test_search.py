"""What a collector refuses costs nobody but itself, and few requests."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from otlp_forwarder.input.records import Part
from otlp_forwarder.output.destination import Destination
from otlp_forwarder.output.refusals import EVIDENCE, REMEMBERED, Refusals, shapes_in
from tests.forwarder.conftest import Mailbox, Run, names
from tests.forwarder.samples import (
    log_data,
    pack,
    parts_in,
    queue_event,
    record,
    request,
    stream_event,
    subscription_event,
)
from tests.forwarder.test_delivery import Clock
from tests.receiver import Answer, OtlpReceiver

QUEUES: dict[str, Any] = {
    "redrive_queue": "redrive",
    "dead_letter_queue": "dead",
    "compression": "none",
}


def refuse(receiver: OtlpReceiver, is_bad: Callable[[Span], bool], status: int = 400) -> None:
    """Have a receiver refuse each request that holds a span that is bad."""
    receiver.decide = lambda spans: Answer(status if any(map(is_bad, spans)) else 200)


def is_named_bad(span: Span) -> bool:
    return span.name.startswith("bad")


def by_service(name: str, service: str) -> str:
    """Return a line of one span from a function."""
    return record("x", payload=pack(request(name, service=service).SerializeToString()))


@pytest.mark.parametrize("share", [0.005, 0.02, 0.1, 0.3])
@pytest.mark.parametrize("spans_of_line", [1, 5])
def test_every_good_span_arrives_whatever_share_is_bad(
    share: float, spans_of_line: int, receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    """Also where good and bad spans are in one line."""
    chance = random.Random(7)  # noqa: S311 - the same spans in every run
    refuse(receiver, is_named_bad)
    wanted = [("bad" if chance.random() < share else "ok") + f"{n:03}" for n in range(1000)]
    lines = [record(*wanted[n : n + spans_of_line]) for n in range(0, 1000, spans_of_line)]

    event = stream_event(*[log_data(*lines[n : n + 10]) for n in range(0, len(lines), 10)])
    result = run(event, **QUEUES)

    good = [name for name in wanted if name.startswith("ok")]
    assert sorted(names(receiver)) == good
    assert (result.counts.spans, result.counts.rejected) == (len(good), 1000 - len(good))
    assert not result.failures
    assert len(mailbox.bodies("dead")) < 5
    assert result.counts.requests < 450


def test_what_tells_bad_from_good_need_not_be_seen(receiver: OtlpReceiver, run: Run) -> None:
    """Here all spans have one name, and their ids decide."""
    refuse(receiver, lambda span: span.span_id.startswith(b"bad"))
    lines = []
    for number in range(500):
        made = request("same")
        span = made.resource_spans[0].scope_spans[0].spans[0]
        # One in ten, and all of the first ones.
        span.span_id = b"bad     " if number % 10 == 0 or number < EVIDENCE + 4 else b"good    "
        lines.append(record("x", payload=pack(made.SerializeToString())))

    result = run(subscription_event(*lines), **QUEUES)

    bad = sum(number % 10 == 0 or number < EVIDENCE + 4 for number in range(500))
    assert result.counts.spans == 500 - bad == len(receiver.spans)


def test_a_function_of_which_all_is_refused_is_not_asked_about_each_span(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    refuse(receiver, is_named_bad)
    forwarder = run.forwarder(**QUEUES)
    lines = [by_service(f"bad {n}", "broken") for n in range(1000)]
    lines += [by_service(f"ok {n}", "sound") for n in range(1000)]
    random.Random(7).shuffle(lines)  # noqa: S311

    first = run(subscription_event(*lines), forwarder)
    second = run(subscription_event(*lines), forwarder)

    assert (first.counts.spans, first.counts.rejected) == (1000, 1000)
    assert first.counts.requests < 300
    assert (second.counts.spans, second.counts.rejected) == (1000, 1000)
    assert second.counts.requests == 1
    assert "set aside without asking, as 32 like it" in caplog.text
    assert "without asking" in mailbox.reasons("dead")[-1]


def test_what_is_moved_back_into_the_queue_is_asked_about_again(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    refuse(receiver, is_named_bad)
    forwarder = run.forwarder(**QUEUES)
    run(subscription_event(*[by_service("bad", "broken")] * 100), forwarder)
    refuse(receiver, lambda _: False)

    run(queue_event(*mailbox.bodies("dead")), forwarder)

    assert len(receiver.spans) == 100


def test_a_shape_is_asked_about_again_after_some_minutes() -> None:
    clock = Clock()
    destination = Destination("https://c/v1/traces", (), own=True)
    part = Part(0, request("a").SerializeToString(), 1)
    (shape,) = shapes_in(destination, part)
    refusals = Refusals(clock)
    refusals.add(shape, "no")

    assert refusals.set_apart(destination, [part]) == ([], {"no": [part]})
    other = Destination("https://d/v1/traces", (), own=False)
    assert refusals.set_apart(other, [part]) == ([part], {})
    clock.now += REMEMBERED
    assert refusals.set_apart(destination, [part]) == ([part], {})


def test_of_a_line_only_the_spans_of_a_known_shape_are_set_apart() -> None:
    destination = Destination("https://c/v1/traces", (), own=True)
    (shape,) = shapes_in(destination, Part(0, request("bad 1").SerializeToString(), 1))
    refusals = Refusals()
    refusals.add(shape, "no")
    line = Part(3, request("good", "bad 2", "well").SerializeToString(), 3)

    (sound,), apart = refusals.set_apart(destination, [line])

    assert (sound.item, sound.spans) == (3, 2)
    assert sound.data == request("good", "well").SerializeToString()
    assert [part.spans for part in apart["no"]] == [1]


def test_a_request_that_is_too_large_is_divided_until_it_is_not(
    receiver: OtlpReceiver, run: Run
) -> None:
    receiver.inspect = lambda received: Answer(413) if len(received.body) > 1000 else None
    event = subscription_event(*[by_service("same", "s")] * 100)

    result = run(event, **QUEUES)

    assert result.counts.spans == 100


def test_where_one_half_was_taken_the_other_is_not_asked_about_as_a_whole(
    receiver: OtlpReceiver, run: Run
) -> None:
    refuse(receiver, is_named_bad)

    run(subscription_event(*map(record, ["a", "b", "c", "bad"])), **QUEUES)

    asked = [[span.name for span in request.spans] for request in receiver.requests]
    assert asked == [["a", "b", "c", "bad"], ["a", "b"], ["c"], ["bad"]]


def test_what_waits_for_others_is_kept_where_nothing_becomes_known_of_them(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    """Here the collector goes down while it is asked about some of them."""
    alone = 0

    def decide(spans: list[Span]) -> Answer:
        nonlocal alone
        alone += len(spans) == 1
        return Answer(400) if alone <= EVIDENCE else Answer(503, {"Retry-After": "600"})

    receiver.decide = decide
    event = subscription_event(*[by_service("same", "s")] * 200)

    counts = run(event, parallel_requests=1, **QUEUES).counts

    assert counts.rejected == EVIDENCE
    assert counts.undelivered == 200 - EVIDENCE
    kept = [part for body in mailbox.bodies("redrive") for part in parts_in(body)]
    assert len(kept) == 200 - EVIDENCE


def test_the_number_of_divisions_is_bounded_and_told(
    receiver: OtlpReceiver,
    mailbox: Mailbox,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What is not decided then is kept for a later invocation, with its good neighbours."""
    monkeypatch.setattr("otlp_forwarder.output.search.MOST_DIVISIONS", 8)
    refuse(receiver, is_named_bad)
    lines = [record("bad" if n % 5 == 0 else f"ok {n}") for n in range(50)]

    waiting = [subscription_event(*lines)]
    rounds = 0
    while waiting:
        mailbox.sent.clear()
        result = run(waiting.pop(), parallel_requests=1, **QUEUES)
        assert result.counts.requests < 30
        rounds += 1
        if bodies := mailbox.bodies("redrive"):
            assert "after 8 divisions" in caplog.text
            waiting.append(queue_event(*bodies))
        else:
            assert not result.failures

    assert rounds > 2
    assert sorted(names(receiver)) == sorted(f"ok {n}" for n in range(50) if n % 5)


@pytest.mark.parametrize("count", [1, 6000])
def test_broken_lines_cost_few_messages(
    count: int, receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    whole = request("cut").SerializeToString()
    cut_off = whole.replace(b"\x12\x35\x12", b"\x12\x36\x12")
    broken = record("x", payload=pack(cut_off), spans=1)

    result = run(subscription_event(record("good"), *[broken] * count), **QUEUES)

    assert names(receiver) == ["good"]
    assert not result.failures
    assert len(mailbox.bodies("dead")) == 1
    assert len(parts_in(mailbox.bodies("dead")[0])) == count


def test_reasons_that_differ_by_an_id_cost_few_messages(
    receiver: OtlpReceiver, mailbox: Mailbox, run: Run
) -> None:
    """And those that differ by more, too."""

    def decide(spans: list[Span]) -> Answer:
        said = f"span {spans[0].span_id.hex()} {'of ' * (len(spans[0].name) % 9)}is bad"
        return Answer(400 if is_named_bad(spans[0]) else 200, body=said.encode())

    receiver.decide = decide
    lines = [record(f"bad{'x' * (n % 60)}") for n in range(120)]

    run(subscription_event(*lines), max_request_bytes=1, **QUEUES)

    assert len(mailbox.sent) <= 20


def test_a_line_with_an_empty_part_is_taken_whole(receiver: OtlpReceiver, run: Run) -> None:
    """An empty scope beside a full one, and an empty resource beside a full one."""
    made = request("a")
    made.resource_spans[0].scope_spans.add()
    made.resource_spans.add()
    made.resource_spans.add().resource.SetInParent()
    lines = [record("x", payload=pack(made.SerializeToString()), spans=n) for n in (1, None)]

    counts = run(subscription_event(*lines)).counts

    assert names(receiver) == ["a", "a"]
    assert counts.spans == 2
    assert not counts.malformed
