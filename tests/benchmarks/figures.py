"""All figures, and the bars that the project has set itself."""

import contextlib
import io
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.benchmarks import export, measure
from tests.benchmarks.environments import own_layer
from tests.benchmarks.measure import Spread, by_turns
from tests.benchmarks.subjects import (
    BARE,
    CONTRIB,
    LITE,
    LITE_COMPILED,
    OWN,
    OWN_UNCOMPILED,
    SDK,
    Subject,
    all_subjects,
    own,
)
from tests.receiver import OtlpReceiver

#: As many spans as the workload makes at most, the handler's own included.
MANY = 21
EXPORT_SIZES = (1, 20, 512, 2048)
NATIVE, PACKAGE = "native", "OTLPStdoutSpanExporter"


@dataclass(frozen=True)
class Bar:
    """A ratio and the most that it may be.

    Args:
        text: What is compared with what.
        measured: The ratio in this run.
        limit: The bar.
    """

    text: str
    measured: float
    limit: float

    @property
    def met(self) -> bool:
        """Whether the ratio is below the bar."""
        return self.measured <= self.limit


@dataclass(frozen=True)
class Figure:
    """One thing measured of several subjects.

    Args:
        name: As the table shows it.
        unit: Of the values.
        values: By subject.
        bars: What the project asks of it.
    """

    name: str
    unit: str
    values: Mapping[str, Spread]
    bars: tuple[Bar, ...] = field(default=())


def collect(python: str, rounds: int) -> list[Figure]:
    """Measure everything.

    Args:
        python: Minor version of the target Python.
        rounds: Measurements of each figure.
    """
    with OtlpReceiver() as receiver:
        subjects = all_subjects(python, receiver.endpoint)
        traced = [subject for subject in subjects if subject.name not in (SDK, OWN_UNCOMPILED)]
        return [
            _cold_start(subjects, python, rounds),
            _warm_call(traced, python, rounds, 1),
            _warm_call(traced, python, rounds, MANY),
            _response(python, rounds),
            _memory(subjects, python),
            *_export(rounds),
            *_layer_size(subjects),
        ]


def above_bare(values: Mapping[str, Spread], name: str) -> float:
    """Return what a subject costs beyond the bare handler."""
    return values[name].median - values[BARE].median


def _cold_start(subjects: list[Subject], python: str, rounds: int) -> Figure:
    by_turns(subjects, 1, partial(measure.cold_start_ms, python=python))  # fills the file cache
    values = by_turns(subjects, rounds, partial(measure.cold_start_ms, python=python))
    this = above_bare(values, OWN)
    return Figure(
        "cold start to first response",
        "ms",
        values,
        tuple(
            Bar(f"cold start above bare, this / {other}", this / above_bare(values, other), limit)
            for other, limit in ((LITE, 0.25), (LITE_COMPILED, 0.5), (SDK, 1.1))
        ),
    )


def _warm_call(subjects: list[Subject], python: str, rounds: int, spans: int) -> Figure:
    rounds = max(3, rounds // 3)  # each is a mean of many calls already
    values = by_turns(subjects, rounds, partial(measure.warm_cpu_us, python=python, spans=spans))
    this = above_bare(values, OWN)
    bars = tuple(
        Bar(
            f"CPU of a warm call above bare, this / {other}",
            this / above_bare(values, other),
            limit,
        )
        for other, limit in ((LITE_COMPILED, 0.35), (CONTRIB, 0.15))
    )
    return Figure(f"warm call, sync, {spans} spans", "µs CPU", values, bars if spans == 1 else ())


def _response(python: str, rounds: int) -> Figure:
    layer = own_layer(python, byte_code="valid")
    subjects = [
        Subject(name=BARE, handler="bare.handler"),
        own(layer, "sync mode", mode="sync"),
        own(layer, "async mode", mode="async"),
    ]
    rounds = max(3, rounds // 3)
    values = by_turns(subjects, rounds, partial(measure.response_us, spans=MANY))
    ratio = above_bare(values, "async mode") / above_bare(values, "sync mode")
    bar = Bar(f"time to the response above bare, {MANY} spans, async / sync", ratio, 0.5)
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


def _layer_size(subjects: list[Subject]) -> list[Figure]:
    zipped, unzipped, files = {}, {}, {}
    for subject in subjects:
        if subject.layer is not None and subject.name != SDK:
            found = [path for path in subject.layer.rglob("*") if path.is_file()]
            zipped[subject.name] = Spread((_zipped_kb(subject.layer, found),))
            unzipped[subject.name] = Spread((sum(path.stat().st_size for path in found) / 1000,))
            files[subject.name] = Spread((len(found),))
    bar = Bar("layer zipped, kB / 600 kB", zipped[OWN].median / 600, 1.0)
    return [
        Figure("layer zipped", "kB", zipped, (bar,)),
        Figure("layer unzipped", "kB", unzipped),
        Figure("layer files", "", files),
    ]


def _zipped_kb(layer: Path, files: list[Path]) -> float:
    with tempfile.TemporaryFile() as scratch:
        with zipfile.ZipFile(scratch, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(files):
                archive.write(path, path.relative_to(layer))
        return scratch.tell() / 1000
