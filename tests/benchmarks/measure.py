"""Measure subjects by turns, so that a machine whose speed drifts treats all alike."""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator, InvocationResult
from tests.benchmarks.responder import Responder
from tests.benchmarks.subjects import EVENT, Subject

#: Warm calls that are not counted, and that are.
WARM_UP, CALLS = 20, 200


@dataclass(frozen=True)
class Spread:
    """Several measurements of one thing.

    Args:
        values: In one unit.
    """

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def low(self) -> float:
        """The quarter below."""
        return statistics.quantiles(self.values)[0] if len(self.values) > 1 else self.median

    @property
    def high(self) -> float:
        """The quarter above."""
        return statistics.quantiles(self.values)[2] if len(self.values) > 1 else self.median


def by_turns(
    subjects: Sequence[Subject], rounds: int, measure: Callable[[Subject], float]
) -> dict[str, Spread]:
    """Measure every subject once a round.

    Args:
        subjects: What is measured.
        rounds: How many times each is.
        measure: Returns one figure of one subject.
    """
    values: dict[str, list[float]] = {subject.name: [] for subject in subjects}
    for _ in range(rounds):
        for subject in subjects:
            values[subject.name].append(measure(subject))
    return {name: Spread(tuple(found)) for name, found in values.items()}


def cold_start_ms(subject: Subject, python: str) -> float:
    """Return the time from the start of the process to the first response, in ms."""
    with Emulator(subject.function(python, spans=1)) as emulator:
        event = json.loads(EVENT.read_text())
        began = time.perf_counter()
        # The emulator starts the process when the first event comes.
        _checked(subject, emulator.invoke(event))
        return (time.perf_counter() - began) * 1000


def warm_cpu_us(subject: Subject, python: str, spans: int) -> float:
    """Return the CPU time of one warm call, the platform's runtime included, in µs."""
    with Emulator(subject.function(python, spans)) as emulator:
        event = json.loads(EVENT.read_text())
        for _ in range(WARM_UP):
            first = _checked(subject, emulator.invoke(event))
        for _ in range(CALLS):
            last = _checked(subject, emulator.invoke(event))
        return float(last.payload["cpu_ns"] - first.payload["cpu_ns"]) / CALLS / 1000


def peak_mb(subject: Subject, python: str, spans: int) -> float:
    """Return the largest resident size of the process after some calls, in MB."""
    with Emulator(subject.function(python, spans)) as emulator:
        event = json.loads(EVENT.read_text())
        for _ in range(WARM_UP):
            result = _checked(subject, emulator.invoke(event))
        return float(result.payload["peak_kb"]) / 1024


def response_us(subject: Subject, python: str, spans: int) -> float:
    """Return the time from an invocation's start to its answer, in µs: the median of many calls.

    Not measured under the official emulator, which holds the answer back until the extension is
    done.
    """
    with Responder(subject, python, spans) as responder:
        times = [responder.invoke() for _ in range(WARM_UP + CALLS)]
    return statistics.median(times[WARM_UP:]) * 1_000_000


def _checked(subject: Subject, result: InvocationResult) -> InvocationResult:
    if result.error:
        raise RuntimeError(f"{subject.name}: {result.error}")
    return result
