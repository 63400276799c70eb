"""A short run of the benchmark: memory does not grow with the log."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.benchmarks.decode_stream import measure, write_log

pytestmark = pytest.mark.once


@pytest.mark.parametrize("form", ["waterfall", "html"])
def test_a_log_twice_as_long_takes_no_more_memory(tmp_path: Path, form: str) -> None:
    # The smaller log fills what is held on purpose already: 10,000 spans.
    peaks = []
    for records in (350, 700):
        write_log(tmp_path / "log", lines=records * 50, records=records, spans=30)
        run = measure(tmp_path / "log", "--format", form)
        assert run.written > records * 30 * 60
        peaks.append(run.peak_mb)
    assert peaks[1] < 200
    assert peaks[1] - peaks[0] < 6
