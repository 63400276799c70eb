"""The benchmarks run and report; how long anything takes is no test."""

import json
from functools import partial
from pathlib import Path

import pytest

from lambda_otel_lite_cdk.cli.cost.overhead import FILE
from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator
from lambda_otel_lite_cdk.layer.interpreters import SUPPORTED_VERSIONS
from tests.benchmarks import (
    export,
    forwarder,
    instructions,
    lines,
    measure,
    overhead,
    plots,
    report,
    scale,
)
from tests.benchmarks.environments import own_layer
from tests.benchmarks.figure import Bar, Figure
from tests.benchmarks.measure import Spread, by_turns
from tests.benchmarks.subjects import BARE, EVENT, OWN, SDK, Subject, kept_and_not, own
from tests.forwarder.fleet import function_lines
from tests.pages import README
from tests.platform.environment import RUNTIME

RESULTS = Path(__file__).parent / "results"
pytestmark = pytest.mark.once

PYTHON = RUNTIME.removeprefix("python")


def figure(own_ms: float, limit: float = 2.0) -> Figure:
    values = {BARE: Spread((10.0,)), OWN: Spread((own_ms,))}
    return Figure("cold start to first response", "ms", values, (Bar("a bar", own_ms, limit, 1.5),))


def test_every_kind_of_figure_is_measured_of_this_project() -> None:
    assert PYTHON in SUPPORTED_VERSIONS
    layer = own_layer(PYTHON, byte_code="valid")
    subjects = [
        Subject(name=BARE, handler="bare.handler"),
        Subject(name=SDK, handler="sdk_import.handler", layer=layer),
        own(layer),
    ]

    cold = by_turns(subjects, 1, partial(measure.cold_start_ms, python=PYTHON))
    warm = by_turns(subjects, 1, partial(measure.warm_cpu_us, python=PYTHON, spans=21))
    memory = by_turns(subjects, 1, partial(measure.peak_mb, python=PYTHON, spans=1))
    response = by_turns(subjects, 1, partial(measure.response_us, python=PYTHON, spans=1))

    for values in (cold, warm, memory, response):
        assert values.keys() == {BARE, SDK, OWN}
        assert all(spread.median > 0 for spread in values.values())


@pytest.mark.skipif(not instructions.can_count(), reason="valgrind counts, and is not installed")
def test_instructions_are_counted_the_same_at_every_run() -> None:
    subject = Subject(name=BARE, handler="bare.handler")

    first, second = (instructions.cold_start_millions(subject, PYTHON) for _ in range(2))

    assert first == pytest.approx(second, rel=0.01)
    assert 0 < instructions.warm_call_thousands(subject, PYTHON) < first * 1000


def test_the_synth_and_the_forwarder_are_held_against_their_bars() -> None:
    fleet, lines = scale.synth(1, fleets=((1, 1),), warm_up=0), scale.forwarder(sizes=(500,))

    assert [[bar.limit for bar in one.bars] for one in (*fleet, *lines)] == [[1.15], [0.1]]
    assert all(one.bars[0].measured > 0 for one in (*fleet, *lines))


def test_the_steps_of_the_forwarder_are_measured_and_bound_the_whole_way() -> None:
    lines = function_lines("function", 100, set(), spans_of_invocation=50)

    taken = forwarder.steps(lines)

    assert list(taken) == ["JSON", "base64", "gunzip", "merge", "gzip"]
    assert min(taken.values()) > 0
    said = forwarder.report_steps(dict.fromkeys(taken, 1.0), decoding=8.0)
    assert said.endswith("merge 20%, gzip 20%; at most 2.0 x\n")


def test_the_exporters_are_given_the_same_spans() -> None:
    spans = export.make_spans(42)

    assert len(spans) == 42
    assert sum(span.parent is None for span in spans) == 2
    for make in export.EXPORTERS.values():
        time_us, size = export.cost(make, spans)
        assert time_us > 0
        assert size > 0


def test_the_parts_of_a_line_are_parts_of_it_and_the_whole_is_no_larger_than_the_packages() -> None:
    spans = lines.request_spans(20)
    whole = lines.size(lines.NATIVE, spans)

    assert len(spans) == 20
    assert all(0 < part < whole for part in lines.parts(spans).values())
    assert whole < lines.size(lines.PACKAGE, spans)


def test_keep_rules_are_measured_with_an_invocation_that_is_kept_and_one_that_is_not() -> None:
    layer = own_layer(PYTHON, byte_code="valid")
    for subject, kept in zip(kept_and_not(layer), (True, False), strict=True):
        with Emulator(subject.function(PYTHON, spans=1)) as emulator:
            result = emulator.invoke(json.loads(EVENT.read_text()))
        assert any("__otel_otlp_stdout" in line for line in result.log_lines) is kept


def test_a_bar_that_is_not_met_is_seen() -> None:
    assert "| a bar | **3.00** | 2.00 | 1.50 |" in report.table([figure(3.0)])
    assert "| a bar | 1.00 | 2.00 | 1.50 |" in report.table([figure(1.0)])


def test_readme_has_the_bars_of_the_run_that_was_kept() -> None:
    readme, kept = README.read_text("utf-8"), (RESULTS / "table.md").read_text("utf-8")

    assert report.bars_of(kept).startswith("| bar |")
    assert readme == report.with_bars(readme, kept), "make bench SAVE=--save writes them"


def test_a_page_without_a_place_for_the_bars_is_refused() -> None:
    with pytest.raises(ValueError, match="no block"):
        report.with_bars("no place", report.table([figure(1.0)]))


def test_a_figure_that_has_become_worse_is_seen(tmp_path: Path) -> None:
    kept = tmp_path / "figures.json"
    report.save([figure(20.0)], kept)

    assert not list(report.worse([figure(22.0)], report.load(kept)))
    (line,) = report.worse([figure(30.0)], report.load(kept))
    assert (
        line
        == "worse than before: cold start to first response: 3.00 x bare handler, it was 2.00 x"
    )
    assert not list(report.worse([figure(30.0)], report.load(tmp_path / "none.json")))


def test_the_plots_are_drawn_as_png_and_svg(tmp_path: Path) -> None:
    plots.draw([figure(20.0)], tmp_path)

    assert (tmp_path / "cold-start.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (tmp_path / "cold-start.svg").read_text()


def test_what_the_command_knows_of_overheads_is_what_was_measured() -> None:
    kept = report.load(overhead.FIGURES)
    assert FILE.read_text("utf-8") == overhead.written(kept), (
        "python -m tests.benchmarks.overhead writes it"
    )


def test_the_event_is_one_of_an_http_api() -> None:
    assert json.loads(EVENT.read_text())["version"] == "2.0"
