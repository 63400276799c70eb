"""Whatever anybody writes to a log: no crash, the good arrives, the bad is counted.

Each example goes all the way to a real receiver, which refuses what it cannot decode.
"""

from __future__ import annotations

import base64
import gzip
import json
import random
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

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
from tests.receiver import OtlpReceiver

MIB = 1024 * 1024
QUEUES = {"redrive_queue": "redrive", "dead_letter_queue": "dead"}

#: The receiver and the connections to it are the same for all examples of a test.
fuzzed = settings(
    max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)
PAYLOAD = request("fuzz", "fuzz").SerializeToString()
PACKED = gzip.compress(PAYLOAD)


@st.composite
def damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    """Cut bytes off, or change, remove or add some."""
    start = draw(st.integers(0, len(whole)))
    end = draw(st.integers(start, min(start + 4, len(whole))) | st.just(len(whole)))
    return whole[:start] + draw(st.binary(max_size=4)) + whole[end:]


def with_payload(packed: bytes) -> str:
    return record("x", payload=base64.b64encode(packed).decode())


bad_lines: st.SearchStrategy[Any] = st.one_of(
    json_values,
    st.text(max_size=50),
    json_values.map(json.dumps),
    # Somebody else's JSON, and a record with something else in one place.
    st.dictionaries(st.text(max_size=8), json_values, max_size=4).map(
        lambda other: json.dumps({"__otel_otlp_stdout": "1"} | other)
    ),
    st.builds(
        lambda name, value: json.dumps(json.loads(record("x")) | {name: value}),
        st.sampled_from(sorted(json.loads(record("x")))),
        json_values,
    ),
    st.integers(1, 100_000).map(lambda depth: "[" * depth),
    st.integers(1, 100_000).map(lambda depth: '{"__otel_otlp_stdout":' * depth),
    # The line, what base64 holds, and what gzip holds, each with damage.
    damaged(record("x").encode()).map(lambda line: line.decode("utf-8", "replace")),
    damaged(PACKED).map(with_payload),
    st.binary(max_size=60).map(with_payload),
    damaged(PAYLOAD).map(lambda payload: with_payload(gzip.compress(payload))),
    damaged(PAYLOAD).map(lambda payload: record("x", payload=pack(payload), spans=1)),
    st.binary(max_size=60).map(lambda payload: with_payload(gzip.compress(payload))),
)


@fuzzed
@given(lines=st.lists(bad_lines, min_size=1, max_size=5))
def test_lines(lines: list[Any], receiver: OtlpReceiver, run: Run) -> None:
    receiver.requests.clear()
    bad = subscription_event(record("good 1"), *lines, record("good 2"))

    result = run(bad, **QUEUES)

    arrived = names(receiver)
    assert arrived.count("good 1") == arrived.count("good 2") == 1
    assert result.counts.records + result.counts.malformed.total() == len(lines) + 2
    assert not result.failures


def field(tag: bytes, content: bytes) -> bytes:
    """Return a protobuf field, with a length of five bytes."""
    size = len(content)
    groups = bytes((size >> 7 * index) & 0x7F | 0x80 for index in range(4))
    return tag + groups + bytes([size >> 28]) + content


#: What a line may say about the number of its spans: the truth, or anything else.
claims = st.one_of(
    st.integers(1, 5),
    st.sampled_from([0, -1, True, False, 1.0, float("inf"), float("nan"), "1", 2**63, 10**400]),
    st.integers(),
    json_values,
)
BAD = request("bad").SerializeToString()
#: Of these only the first is found by whoever looks at the outermost field alone.
BROKEN = {
    "cut off": BAD[:-1],
    "scope cut off": field(b"\x0a", BAD[2:-1]),
    "span cut off": field(b"\x0a", field(b"\x12", b"\x12\x7f" + bytes(60))),
    "not a scope": field(b"\x0a", b"\x12\x20" + b"\xff" * 32),
    "field of a span cut off": BAD.replace(b"\x2a\x03bad", b"\x2a\x7fbad"),
}


@fuzzed
@given(
    good=st.lists(claims, max_size=4),
    broken=st.lists(st.tuples(st.sampled_from(sorted(BROKEN)), claims), max_size=4),
    order=st.randoms(use_true_random=False),
)
def test_counts_that_lie(  # noqa: PLR0913, PLR0917
    good: list[Any],
    broken: list[tuple[str, Any]],
    order: random.Random,
    receiver: OtlpReceiver,
    mailbox: Mailbox,
    run: Run,
) -> None:
    """Whatever lines say, they are forwarded as they are, or set aside without their neighbours."""
    receiver.requests.clear()
    mailbox.sent.clear()
    lines = [record("good", spans=claim) for claim in good]
    lines += [record("x", payload=pack(BROKEN[how]), spans=claim) for how, claim in broken]
    order.shuffle(lines)

    result = run(subscription_event(*lines), **QUEUES)

    assert names(receiver) == ["good"] * len(good)
    counts = result.counts
    aside = [part for body in mailbox.bodies("dead") for part in parts_in(body)]
    assert len(aside) + counts.malformed.total() == len(broken)
    assert len(good) <= counts.spans <= len(good) * (len(request("good").SerializeToString()) // 28)
    assert not result.failures


#: Ways in which a log batch gets to the forwarder beside a good one.
WAYS: list[Callable[[Any], Any]] = [
    lambda data: stream_event(log_data(record("good")), data),
    lambda data: queue_event(record("good"), json.dumps({"awslogs": {"data": data}})),
]

bad_batches = st.one_of(
    json_values,
    damaged(gzip.compress(json.dumps({"messageType": "DATA_MESSAGE"}).encode())).map(
        lambda packed: base64.b64encode(packed).decode()
    ),
    damaged(log_data(record("x")).encode()).map(lambda data: data.decode("latin-1")),
    json_values.map(lambda value: pack(json.dumps(value).encode())),
    json_values.map(
        lambda value: pack(json.dumps({"messageType": "DATA_MESSAGE", "logEvents": value}).encode())
    ),
    st.lists(json_values, max_size=3).map(
        lambda events: pack(
            json.dumps({"messageType": "DATA_MESSAGE", "logEvents": events}).encode()
        )
    ),
)


@fuzzed
@given(data=bad_batches, way=st.sampled_from(WAYS))
def test_log_batches(
    data: Any, way: Callable[[Any], Any], receiver: OtlpReceiver, run: Run
) -> None:
    receiver.requests.clear()

    result = run(way(data), **QUEUES)

    assert names(receiver).count("good") == 1
    assert not result.failures


@fuzzed
@given(
    event=json_values
    | st.fixed_dictionaries({"awslogs": json_values})
    | st.fixed_dictionaries(
        {
            "Records": json_values
            | st.lists(
                st.fixed_dictionaries(
                    {"eventSource": st.sampled_from(["aws:sqs", "aws:kinesis", "aws:s3"])},
                    optional={
                        "body": json_values,
                        "messageId": json_values,
                        "kinesis": json_values,
                    },
                ),
                max_size=3,
            )
        }
    )
)
def test_events(event: Any, receiver: OtlpReceiver, run: Run) -> None:
    receiver.requests.clear()

    result = run(event, **QUEUES)

    assert result.counts.malformed.total() >= 1
    assert not receiver.requests
    assert not result.failures


def zeros(size: int) -> str:
    return pack(bytes(size))


EMPTY = b"\x12\x00" * (15 * MIB)
#: Up to a hundred megabytes of something that a few kilobytes of gzip hold.
BOMBS: dict[str, Callable[[], str]] = {
    "zeros": lambda: zeros(100 * MIB),
    "too many empty parts": lambda: pack(b"\x0a\x00" * (50 * MIB)),
    "empty parts": lambda: pack(b"\x0a\x00" * (15 * MIB)),
    "empty scopes": lambda: pack(field(b"\x0a", EMPTY)),
    "empty spans": lambda: pack(field(b"\x0a", field(b"\x12", EMPTY))),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_bombs_in_lines_cost_bounded_memory(bomb: str, receiver: OtlpReceiver, run: Run) -> None:
    line = record("x", payload=BOMBS[bomb]())
    event = subscription_event(record("good 1"), *[line] * 3, record("good 2"))

    tracemalloc.start()
    result = run(event)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert sorted(names(receiver)) == ["good 1", "good 2"]
    assert result.counts.malformed.total() == 3
    # Twice the 32 MiB up to which anything is unpacked.
    assert peak < 80 * MIB


def test_a_bomb_in_place_of_a_log_batch_costs_bounded_memory(
    receiver: OtlpReceiver, run: Run
) -> None:
    event = stream_event(zeros(100 * MIB), log_data(record("good")))

    tracemalloc.start()
    result = run(event)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert names(receiver) == ["good"]
    assert result.counts.malformed == {"packed data is too large": 1}
    assert peak < 80 * MIB


def test_lines_that_unpack_to_much_together_are_bounded_too(
    receiver: OtlpReceiver, run: Run
) -> None:
    """Each line by itself is small enough and holds a span; the item that they are in is not."""
    large = record("x" * 7 * MIB)
    event = stream_event(log_data(*[large] * 10), log_data(record("good")))

    counts = run(event).counts

    assert names(receiver).count("good") == 1
    assert counts.records == 4 + 1
    assert counts.malformed == {"packed data is too large": 6}
