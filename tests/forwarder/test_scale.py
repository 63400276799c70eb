"""A fleet's spans reach a collector that often fails, though the forwarder is killed repeatedly.

The forwarder runs under the official emulator with the real awslambdaric. What it did not finish
is delivered again, as Lambda does with the events of subscriptions and streams.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from lambda_otel_lite_cdk.cli.emulator.emulator import InvocationResult
from tests.forwarder.emulated import emulated_forwarder
from tests.forwarder.fleet import fleet_events
from tests.receiver import Answer, OtlpReceiver

FUNCTIONS, SPANS = 200, 100_000
KILLS = 5
FAILING = 0.2


class Weather:
    """Fails a part of all requests in the ways that collectors do, and kills now and then.

    Args:
        kill_at: Numbers of the requests in which the forwarder is killed: every second one of
            them before the request is answered, the others after it was taken.
        kill: Kills the forwarder.
    """

    def __init__(self, kill_at: list[int], kill: Callable[[], None]) -> None:
        self._random = random.Random(20_261_122)  # noqa: S311 - the same weather in every run
        self._kill_at = kill_at
        self._kill = kill
        self._lock = threading.Lock()
        self.requests = self.failed = self.killed = 0

    def __call__(self, _spans: list[Span]) -> Answer:
        with self._lock:
            number, self.requests = self.requests, self.requests + 1
            failing = self._random.random() < FAILING
            answer = self._random.choice(
                [Answer(429), Answer(502), Answer(503), Answer(504), Answer(None)]
            )
            if number in self._kill_at:
                self._kill()
                self.killed += 1
                return Answer() if self.killed % 2 else Answer(None)
            self.failed += failing
            return answer if failing else Answer()


def children(process: int) -> list[int]:
    """Return the processes that any thread of a process started."""
    threads = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for thread in threads for child in thread.read_text().split()]


def runtime_process() -> int:
    """Return the process of the function, which the emulator started, which this test started."""
    (process,) = (
        process
        for emulator in children(os.getpid())
        for process in children(emulator)
        if b"awslambdaric" in Path(f"/proc/{process}/cmdline").read_bytes()
    )
    return process


def redelivery(event: dict[str, Any], result: InvocationResult) -> dict[str, Any] | None:
    """Return what Lambda invokes the forwarder with once more, or None.

    An event whose invocation failed, or a stream's records from the first that failed.
    """
    if result.error:
        return event
    failures = result.payload.get("batchItemFailures", [])
    failed = {failure["itemIdentifier"] for failure in failures}
    numbers = [each["kinesis"]["sequenceNumber"] for each in event["Records"]] if failed else []
    first = next((index for index, number in enumerate(numbers) if number in failed), None)
    return None if first is None else {"Records": event["Records"][first:]}


def test_every_span_of_a_fleet_arrives(record_property: Callable[[str, Any], None]) -> None:
    events, ids = fleet_events(FUNCTIONS, SPANS)
    assert len(ids) == SPANS
    kill_at = [len(events) * (n + 1) // (KILLS + 1) for n in range(KILLS)]
    waiting = deque(events)
    redelivered = 0
    with OtlpReceiver() as receiver, emulated_forwarder(receiver.endpoint) as emulator:
        weather = Weather(kill_at, lambda: os.kill(runtime_process(), signal.SIGKILL))
        receiver.decide = weather
        while waiting:
            event = waiting.popleft()
            result = emulator.invoke(event)
            if rest := redelivery(event, result):
                waiting.append(rest)
                redelivered += 1

    arrived = Counter(span.span_id for span in receiver.spans)
    duplicates = arrived.total() - len(arrived)
    figures = {
        "spans": SPANS,
        "events": len(events),
        "requests": weather.requests,
        "failed": weather.failed,
        "killed": weather.killed,
        "redelivered": redelivered,
        "duplicates": duplicates,
    }
    # Shown by pytest's -rP, and in its report files.
    record_property("figures", figures)
    sys.stdout.write(json.dumps(figures) + "\n")
    assert arrived.keys() == ids
    assert weather.killed == KILLS
    assert redelivered >= KILLS
    assert weather.failed > weather.requests * FAILING / 2
    # Twice arrives what the collector took and the forwarder did not live to report: of the five
    # invocations that were killed no more than what the collector had taken of them.
    assert duplicates <= KILLS * max(len(request.spans) for request in receiver.requests)
