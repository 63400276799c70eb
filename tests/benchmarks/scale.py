"""What telemetry costs whoever deploys it: the synth of a fleet, and the forwarder's work."""

from collections.abc import Sequence
from dataclasses import replace

from tests.benchmarks import forwarder as forwarding
from tests.benchmarks import synth as synths
from tests.benchmarks.figure import Bar, Figure
from tests.benchmarks.measure import Spread
from tests.forwarder.fleet import function_lines

#: By what the fleet's app is asked for.
_SYNTHS = {
    synths.INSTRUMENTED: (INSTRUMENTED := "instrumented"),
    synths.PLAIN: (PLAIN := "without telemetry"),
    synths.WRITTEN: (WRITTEN := "the same, with no look at what is there"),
    synths.READ: "the same, and templates read before and after",
}
#: Stacks, and functions in each.
FLEETS = ((1, 1), (5, 10), (10, 20))


def synth(
    rounds: int, fleets: Sequence[tuple[int, int]] = FLEETS, warm_up: int = 1
) -> list[Figure]:
    """Synthesize fleets with and without telemetry by turns; the largest has a bar.

    Args:
        rounds: Measurements of each.
        fleets: Stacks and functions in each, the largest fleet last.
        warm_up: Rounds before that are not measured.
    """
    return [
        replace(figure, bars=figure.bars if fleet == fleets[-1] else ())
        for fleet in fleets
        for figure in [_synth(*fleet, rounds, warm_up)]
    ]


def _synth(stacks: int, functions: int, rounds: int, warm_up: int) -> Figure:
    spent = synths.measure(stacks, functions, rounds, warm_up)
    values = {
        name: Spread(tuple(one.wall for one in spent[asked])) for asked, name in _SYNTHS.items()
    }
    ratio, floor = (values[name].median / values[PLAIN].median for name in (INSTRUMENTED, WRITTEN))
    name = f"synth of {stacks * functions} functions"
    bar = Bar(f"{name}, instrumented / plain", ratio, synths.BAR, floor)
    return Figure(name, "s", values, (bar,))


def forwarder(sizes: Sequence[int] = forwarding.SIZES) -> list[Figure]:
    """Merge lines of so many spans each, by their count and by decoding them."""
    return [_forwarder(size) for size in sizes]


def _forwarder(size: int) -> Figure:
    lines = function_lines("function", forwarding.SPANS, set(), spans_of_invocation=size)
    payloads = forwarding.unpacked(lines)
    ways = {
        "lines of this project": forwarding.merge_with_counts,
        "lines of others": forwarding.merge_without,
        "by decoding": forwarding.merge_by_decoding,
    }
    times = forwarding.by_turns(list(ways.values()), payloads)
    spent = dict(zip(ways, times, strict=True))
    own, _, decoding = times
    return Figure(
        f"forwarder, merging lines of {size} spans",
        "ns CPU per span",
        {name: Spread((took / forwarding.SPANS * 1e9,)) for name, took in spent.items()},
        (Bar(f"merging lines of {size} spans, this / by decoding", own / decoding, 0.1),),
    )
