from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from typing import Any

from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine
from lambda_otel_lite_cdk.cli.traces.report import Report
from lambda_otel_lite_cdk.cli.traces.spans import Span
from tests.cli.records import span

HOSTILE = "</script><script>alert(1)</script><!--\u2028"


def write(*spans: Span) -> str:
    file = io.StringIO()
    report = Report(file)
    for one in spans:
        report.add(one)
    report.end()
    return file.getvalue()


def _data(page: str) -> dict[str, list[dict[str, object]]]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def test_the_data_is_what_the_spans_hold() -> None:
    page = write(span("a", start_ns=2**60 + 1, attributes={"n": 2**60, "s": "ü"}), span("b", "a"))
    data = _data(page)
    assert [entry["name"] for entry in data["spans"]] == ["a", "b"]
    assert data["spans"][0]["start_ns"] == str(2**60 + 1), "JavaScript would round the number"
    assert data["spans"][0]["attributes"] == {"n": str(2**60), "s": "ü"}
    assert data["resources"] == [{"service.name": "shop"}], "each resource stands there once"


def test_nothing_of_a_span_can_leave_its_script_element() -> None:
    page = write(
        span("x", name=HOSTILE, attributes={HOSTILE: [HOSTILE]}, resource={"service.name": HOSTILE})
    )
    assert _data(page)["spans"][0]["name"] == HOSTILE
    assert "alert(1)</script>" not in page
    assert page.count("<script") == 2
    assert "\u2028" not in page


def test_log_lines_stand_beside_the_spans_and_cannot_leave_their_element() -> None:
    file = io.StringIO()
    report = Report(file)
    values: dict[str, Any] = {"trace_id": "t", "span_id": None, "level": "INFO", "message": HOSTILE}
    report.note(LogLine(time_ns=2**60 + 1, **values))
    report.add(span("a"))
    report.note(LogLine(time_ns=None, **values))
    report.end()
    page = file.getvalue()
    assert _data(page)["logs"] == [
        {**values, "time_ns": str(2**60 + 1)},
        {**values, "time_ns": None},
    ]
    assert len(_data(page)["spans"]) == 1
    assert "alert(1)</script>" not in page


def test_the_policy_allows_the_pages_own_script_and_style_alone() -> None:
    page = write(span("a"))
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    for tag, directive in (("style", "style-src"), ("script", "script-src")):
        text = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[0]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in policy[1]
    assert "default-src 'none'" in policy[1]


def test_the_page_names_nothing_outside_itself() -> None:
    page = write(span("a"))
    assert not re.findall(r"""(?:src|href)=|@import|url\(|https?://|fetch\(|innerHTML""", page)
    assert not re.findall(r"\{\{\w+\}\}", page), "a placeholder of the page was not filled"
