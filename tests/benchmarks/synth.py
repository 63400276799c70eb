"""Measure what telemetry adds to the synth of 200 functions in 10 stacks.

Beside a synth without telemetry and one with it there are two of apps that give each function
layer, handler and variables, with no look at what it has: that alone, which is the floor, and with
all templates read before and after, which is what it takes to know what a function has, and that
nothing has undone what it was given.

All synths are whole processes, as `cdk synth` starts them, and take turns, so that what else the
machine does falls on both. Run as ``python -m tests.benchmarks.synth``.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: What the environment asks of the fleet's app.
PLAIN, WRITTEN, READ, INSTRUMENTED = "0", "written", "read", "1"
#: The bar: an instrumented fleet synthesizes in at most this many times the other's time.
BAR = 1.15
APP = Path(__file__).with_name("fleet_app.py")


@dataclass(frozen=True)
class Spent:
    """What a synth took: seconds on the wall, and of all processors together."""

    wall: float
    cpu: float


def synthesize(output: Path, stacks: int, functions: int, telemetry: str) -> Spent:
    """Synthesize the fleet in a process of its own, and return what that took."""
    environment = {
        **os.environ,
        "CDK_OUTDIR": str(output),
        "FLEET_STACKS": str(stacks),
        "FLEET_FUNCTIONS": str(functions),
        "FLEET_TELEMETRY": telemetry,
    }
    began, before = time.perf_counter(), _cpu()
    subprocess.run([sys.executable, APP], env=environment, check=True, capture_output=True)
    return Spent(time.perf_counter() - began, _cpu() - before)


def _cpu() -> float:
    """Return the processor time of all children that have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(stacks: int, functions: int, rounds: int, warm_up: int = 1) -> dict[str, list[Spent]]:
    """Synthesize a fleet without telemetry, with it, and with parts of it by turns.

    Args:
        stacks: How many there are.
        functions: How many there are in each stack.
        rounds: Measurements of each.
        warm_up: Rounds before that are not measured. The first one fills caches: the layer is built
            once for all synths to come.
    """
    spent: dict[str, list[Spent]] = {PLAIN: [], WRITTEN: [], READ: [], INSTRUMENTED: []}
    for number in range(warm_up + rounds):
        # Which one is first alternates as well.
        for telemetry in sorted(spent, reverse=bool(number % 2)):
            with tempfile.TemporaryDirectory() as output:
                one = synthesize(Path(output), stacks, functions, telemetry)
            if number >= warm_up:
                spent[telemetry].append(one)
    return spent


def main() -> int:
    """Print both times and their ratio; return 1 where the ratio is over the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--stacks", type=int, default=10)
    parser.add_argument("--functions", type=int, default=20, help="in each stack")
    options = parser.parse_args()
    seconds = measure(options.stacks, options.functions, options.rounds)
    print(  # noqa: T201 - its output
        f"{options.stacks * options.functions} functions in {options.stacks} stacks, the median "
        f"and the fastest of {options.rounds}; bar {BAR}"
    )
    ratios = [
        _compare(clock, of, seconds) for clock in ("wall", "cpu") for of in (statistics.median, min)
    ]
    # The fastest of each: what else the machine does can only add to it.
    return int(ratios[1] > BAR)


def _compare(
    clock: str, of: Callable[[list[float]], float], seconds: dict[str, list[Spent]]
) -> float:
    plain, written, read, traced = (
        of([getattr(one, clock) for one in seconds[kind]])
        for kind in (PLAIN, WRITTEN, READ, INSTRUMENTED)
    )
    print(  # noqa: T201 - its output
        f"{clock:>5} {of.__name__:>6}: plain {plain:.2f} s, instrumented {traced:.2f} s, "
        f"ratio {traced / plain:.3f}; written alone {written / plain:.3f}, "
        f"with templates read {read / plain:.3f}"
    )
    return traced / plain


if __name__ == "__main__":
    sys.exit(main())
