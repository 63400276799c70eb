"""All figures, and the bars that the project has set itself."""

import contextlib
import io
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from lambda_otel_lite_cdk.layer.archive import pack
from tests.benchmarks import export, instructions, lines, measure, scale
from tests.benchmarks.environments import own_layer
from tests.benchmarks.figure import Bar, Figure
from tests.benchmarks.measure import Spread, by_turns
from tests.benchmarks.subjects import (
    BARE,
    BY_HAND,
    CONTRIB,
    DATADOG,
    LITE,
    LITE_COMPILED,
    OWN,
    OWN_UNCOMPILED,
    SDK,
    SDK_LINE,
    SDK_SPANS,
    XRAY,
    Subject,
    all_subjects,
    own,
    sdk_spans,
)
from tests.receiver import OtlpReceiver

#: As many spans as the workload makes at most, the handler's own included.
MANY = 21
#: By the number of spans: a peer, and the most that a call may take of what its call takes.
WARM_BARS = {1: ((LITE_COMPILED, 0.35), (CONTRIB, 0.15), (XRAY, 1.5)), MANY: ((DATADOG, 0.9),)}
EXPORT_SIZES = (1, 20, 512, 2048)
NATIVE, PACKAGE = "native", "OTLPStdoutSpanExporter"


def collect(python: str, rounds: int, before: Path | None = None) -> list[Figure]:
    """Measure everything.

    Args:
        python: Minor version of the target Python.
        rounds: Measurements of each figure.
        before: Folder of a layer of an older commit, which is measured too.
    """
    with OtlpReceiver() as receiver:
        subjects = all_subjects(python, receiver.endpoint, before)
        traced = [
            subject for subject in subjects if subject.name not in (SDK, BY_HAND, OWN_UNCOMPILED)
        ]
        return [
            _cold_start(subjects, python, rounds),
            _warm_call(traced, python, rounds, 1),
            _warm_call(traced, python, rounds, MANY),
            _response(python, rounds),
            _memory(subjects, python),
            *_export(rounds),
            *lines.figures(),
            *_layer_size(subjects),
            *_instructions(subjects, traced, python),
            *scale.synth(max(3, rounds // 2)),
            *scale.forwarder(),
        ]


def above_bare(values: Mapping[str, Spread], name: str) -> float:
    """Return what a subject costs beyond the bare handler."""
    return values[name].median - values[BARE].median


def _cold_start(subjects: list[Subject], python: str, rounds: int) -> Figure:
    by_turns(subjects, 1, partial(measure.cold_start_ms, python=python))  # fills the file cache
    values = by_turns(subjects, rounds, partial(measure.cold_start_ms, python=python))
    bars = [
        _bar_above_bare("cold start", values, other, limit)
        for other, limit in ((LITE, 0.15), (LITE_COMPILED, 0.5), (SDK, 0.7))
    ]
    bars.append(_bar_above_bare("cold start, traced by hand,", values, SDK, 0.75, own=BY_HAND))
    return Figure("cold start to first response", "ms", values, tuple(bars))


def _bar_above_bare(
    what: str, values: Mapping[str, Spread], other: str, limit: float, own: str = OWN
) -> Bar:
    reference = above_bare(values, other)
    return Bar(
        f"{what} above bare, this / {other}",
        above_bare(values, own) / reference,
        limit,
        above_bare(values, SDK_LINE) / reference,
    )


def _warm_call(subjects: list[Subject], python: str, rounds: int, spans: int) -> Figure:
    rounds = max(3, rounds // 2)  # each is a mean of many calls already
    values = by_turns(subjects, rounds, partial(measure.warm_cpu_us, python=python, spans=spans))
    bars = tuple(
        _bar_above_bare(f"CPU of a warm call, {spans} spans,", values, other, limit)
        for other, limit in WARM_BARS[spans]
    )
    return Figure(f"warm call, sync, {spans} spans", "µs CPU", values, bars)


def _response(python: str, rounds: int) -> Figure:
    layer = own_layer(python, byte_code="valid")
    subjects = [
        Subject(name=BARE, handler="bare.handler", layer=layer),
        own(layer, "sync mode", mode="sync"),
        own(layer, "async mode", mode="async"),
        sdk_spans(layer),
    ]
    rounds = max(3, rounds // 3)
    values = by_turns(subjects, rounds, partial(measure.response_us, python=python, spans=MANY))
    sync = above_bare(values, "sync mode")
    bar = Bar(
        f"time to the response above bare, {MANY} spans, async / sync",
        above_bare(values, "async mode") / sync,
        0.55,
        above_bare(values, SDK_SPANS) / sync,
    )
    return Figure(f"time to the response, {MANY} spans", "µs", values, (bar,))


def _memory(subjects: list[Subject], python: str) -> Figure:
    peak = partial(measure.peak_mb, python=python, spans=MANY)
    return Figure("peak memory", "MB", by_turns(subjects, 1, peak))


def _export(rounds: int) -> list[Figure]:
    figures = []
    for size in EXPORT_SIZES:
        spans = export.make_spans(size)
        costs: dict[str, list[tuple[float, float]]] = {name: [] for name in export.EXPORTERS}
        for _ in range(rounds):
            for name, make in export.EXPORTERS.items():
                with contextlib.redirect_stdout(io.StringIO()):
                    costs[name].append(export.cost(make, spans))
        times = {name: Spread(tuple(cost[0] for cost in found)) for name, found in costs.items()}
        sizes = {name: Spread(tuple(cost[1] for cost in found)) for name, found in costs.items()}
        figures += [
            Figure(f"export of {size} spans", "µs CPU per span", times, _export_bars(size, times)),
            Figure(f"line of {size} spans", "bytes per span", sizes, _size_bars(size, sizes)),
        ]
    return figures


def _export_bars(size: int, times: Mapping[str, Spread]) -> tuple[Bar, ...]:
    if size != 512:
        return ()
    ratio = times[NATIVE].median / times[PACKAGE].median
    return (Bar(f"encode and write of {size} spans, native / package", ratio, 0.35),)


def _size_bars(size: int, sizes: Mapping[str, Spread]) -> tuple[Bar, ...]:
    if size != 512:
        return ()
    ratio = sizes[NATIVE].median / sizes[PACKAGE].median
    return (Bar(f"bytes of {size} spans, native / package", ratio, 1.0),)


def _instructions(subjects: list[Subject], traced: list[Subject], python: str) -> list[Figure]:
    """Count where that can be done; once, for it gives the same again."""
    if not instructions.can_count():
        sys.stderr.write("no valgrind here: instructions are not counted\n")
        return []
    cold = by_turns(subjects, 1, partial(instructions.cold_start_millions, python=python))
    warm = by_turns(traced, 1, partial(instructions.warm_call_thousands, python=python))
    cold_bars = (
        _bar_above_bare("instructions to the first response", cold, SDK, 0.6),
        _bar_above_bare("the same, traced by hand,", cold, SDK, 0.75, own=BY_HAND),
    )
    warm_bar = _bar_above_bare("instructions of a warm call", warm, SDK_LINE, 1.4)
    return [
        Figure("instructions to the first response", "million", cold, cold_bars),
        Figure("instructions of a warm call, 1 span", "thousand", warm, (warm_bar,)),
    ]


def _layer_size(subjects: list[Subject]) -> list[Figure]:
    zipped, unzipped, files = {}, {}, {}
    for subject in subjects:
        if subject.layer is not None and subject.name not in (SDK, SDK_SPANS, SDK_LINE, BY_HAND):
            found = [path for path in subject.layer.rglob("*") if path.is_file()]
            zipped[subject.name] = Spread((_zipped_kb(subject.layer),))
            unzipped[subject.name] = Spread((sum(path.stat().st_size for path in found) / 1000,))
            files[subject.name] = Spread((len(found),))
    bar = Bar("layer zipped, kB / 500 kB", zipped[OWN].median / 500, 1.0)
    return [
        Figure("layer zipped", "kB", zipped, (bar,)),
        Figure("layer unzipped", "kB", unzipped),
        Figure("layer files", "", files),
    ]


def _zipped_kb(layer: Path) -> float:
    with tempfile.TemporaryDirectory() as scratch:
        archive = Path(scratch, "layer.zip")
        pack(layer, archive)
        return archive.stat().st_size / 1000
