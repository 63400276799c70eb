from __future__ import annotations

import json
from pathlib import Path

import pytest

from lambda_otel_lite_cdk.cli.traces.showing import show_spans
from tests.cli.records import span


def test_spans_are_drawn_and_the_report_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    show_spans([span("a")], tmp_path / "deep" / "report.html", as_json=False)
    *drawn, last = capsys.readouterr().out.splitlines()
    assert any("shop: a" in line for line in drawn)
    assert last == "Report for a browser: deep/report.html"
    assert '"name":"a"' in (tmp_path / "deep" / "report.html").read_text("utf-8")


def test_json_is_a_line_for_each_span_and_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show_spans([span("a"), span("b")], tmp_path / "report.html", as_json=True)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["a", "b"]
