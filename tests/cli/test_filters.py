"""Which traces are shown: the options, and what the report's search finds by the same words."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import Status, StatusCode

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.traces import report
from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine
from lambda_otel_lite_cdk.cli.traces.records import spans_of
from lambda_otel_lite_cdk.cli.traces.search import FIELDS, Seen, parse
from lambda_otel_lite_cdk.cli.traces.selection import Choice, Selection, by_trace
from tests.cli.command import assert_refused, run
from tests.cli.records import MS, log_record, provider, span

SEARCH = Path(report.__file__).parent / "page/search.js"
LOGGED = LogLine(trace_id="t", span_id="b", time_ns=1, level="WARN", message="Slow 12:30 answer")
TRACE = [
    Seen(span("a", attributes={"size": 3, "http.response.status_code": 500, "ok": True})),
    Seen(
        span(
            "b",
            "a",
            name="GET /Orders",
            kind="SERVER",
            end_ns=700 * MS,
            status="ERROR",
            status_message="insufficient funds",
            attributes={"text": "42", "list": ["x", 1], "half": 0.5},
        ),
        (LOGGED,),
    ),
]
QUERIES = [
    *("", "orders", "ORDERS funds", "nothing", '"insufficient funds"', '"funds insufficient"'),
    *("service:shop", "service:sho", "service=sho", "service=shop", "SERVICE:shop", "status:error"),
    *("status!=error", "status!=ok", "duration>500ms", "duration>1s", "duration>=0.7s"),
    *("duration<100ms", "duration<=100", "duration:100ms", "duration=100ms", "duration>1m"),
    *("http.response.status_code=500", "http.response.status_code>=400", "size:3", "size<2"),
    *("status:error duration>500ms", "status:error size=3", "kind:server size=3", "text>41"),
    *("text:4", "text=4", "list:x", 'list=["x",1]', "half=0.5", "ok=true", "ok:*", "text:*"),
    *("12:30", "12:31", "level:warn", "message:slow", 'message:"insufficient funds"', "span=b"),
    *("name:get", 'name="GET /Orders"', "scope:x", "trace:t", "size=three", "absent:*", "absent=1"),
]


def _model(seen: Seen) -> dict[str, Any]:
    """The span as the page's model has it."""
    one = seen.span
    took = (one.end_ns - one.start_ns) / MS
    return {
        **asdict(one),
        "service": one.service,
        "took": took,
        "logs": [asdict(line) for line in seen.lines],
    }


@pytest.mark.once
def test_the_command_finds_what_the_report_finds() -> None:
    code = f"""{SEARCH.read_text("utf-8")}
const [spans, queries] = JSON.parse(require("fs").readFileSync(0));
const known = (name) => spans.some((span) => name in span.attributes || name in span.resource);
const found = queries.map((text) => matches({{ spans }}, parseQuery(text, known)));
console.log(JSON.stringify([found, Object.keys(FIELDS), Object.keys(UNITS)]));"""
    node = Path(sys.executable).with_name("node")
    given = json.dumps([[_model(seen) for seen in TRACE], QUERIES])
    done = subprocess.run(
        [node, "-e", code], input=given, capture_output=True, text=True, check=True
    )

    found, fields, units = json.loads(done.stdout)

    assert dict(zip(QUERIES, found, strict=True)) == {
        text: parse(text).matches(TRACE) for text in QUERIES
    }
    assert fields == list(FIELDS)
    assert all(parse(f"duration>1{unit}").terms for unit in units)
    assert {True, False} <= set(found)


@pytest.mark.parametrize("text", ["duration>soon", "duration<1parsec"])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(UsageProblem, match="such as 500ms"):
        parse(text)


class _Kept:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.lines: list[LogLine] = []
        self.is_full = False

    @property
    def spans(self) -> int:
        return len(self.names)

    def take(self, request: ExportTraceServiceRequest) -> None:
        self.names += [one.name for one in spans_of(request)]

    def note(self, line: LogLine) -> None:
        self.lines.append(line)

    def pause(self) -> None:
        """Do nothing."""

    def end(self) -> None:
        """Do nothing."""


def _request(*spans: tuple[int, str]) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    for trace, name in spans:
        resource = request.resource_spans.add(schema_url="s")
        resource.resource.attributes.add(key="service.name").value.string_value = "shop"
        one = resource.scope_spans.add(schema_url="t", scope={"name": "m"}).spans.add(name=name)
        one.trace_id, one.span_id = trace.to_bytes(16), name.encode().ljust(8)
    return request


def test_a_request_is_taken_apart_by_traces_and_loses_nothing() -> None:
    request = _request((1, "a"), (2, "b"), (1, "c"))
    parts = by_trace(request)
    assert [[one.name for one in spans_of(part)] for part in parts.values()] == [["a", "c"], ["b"]]
    whole = sorted(str(one) for part in parts.values() for one in part.resource_spans)
    assert whole == sorted(str(one) for one in request.resource_spans)


def test_a_trace_is_judged_when_it_is_quiet_and_what_comes_later_goes_with_it() -> None:
    kept, now = _Kept(), [0.0]
    selection = Selection(kept, Choice(query=parse("name:wanted")), clock=lambda: now[0])
    selection.note(LogLine(trace_id=f"{1:032x}", span_id=None, time_ns=1, level="", message="m"))
    selection.take(_request((1, "first"), (2, "other")))
    selection.take(_request((1, "wanted")))
    selection.pause()
    assert kept.names == []
    now[0] = 3.0
    selection.pause()
    assert kept.names == ["first", "wanted"]
    assert [line.message for line in kept.lines] == ["m"]
    selection.take(_request((1, "late"), (2, "later")))
    selection.end()
    assert kept.names == ["first", "wanted", "late"]
    assert selection.seen == 5


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three traces, each in a record of its own, by the exporter."""
    tracer = provider().get_tracer("tests")
    with redirect_stdout(StringIO()) as printed:
        for name, start, took in (("quick", 3, 1), ("slow", 2, 900), ("failed", 1, 20)):
            one = tracer.start_span(name, start_time=start * 10**18, attributes={"order": took})
            if name == "failed":
                one.set_status(Status(StatusCode.ERROR, "no money"))
            one.end(start * 10**18 + took * MS)
    path = tmp_path_factory.mktemp("filters") / "log"
    path.write_text(printed.getvalue(), "utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--error"], ["failed"]),
        (["--slower-than", "500ms"], ["slow"]),
        (["--slower-than", "10ms"], ["slow", "failed"]),
        (["--slower-than", "10ms", "--error"], ["failed"]),
        (["--name", "ow"], ["slow"]),
        (["--service", "SHOP", "--limit", "2"], ["quick", "slow"]),
        (["--attribute", "order=900"], ["slow"]),
        (["--attribute", "order", "--sort", "duration"], ["slow", "failed", "quick"]),
        (["--sort", "time"], ["failed", "slow", "quick"]),
        (["--sort", "errors", "--limit", "1"], ["failed"]),
        (["--search", 'status:error "no money"'], ["failed"]),
        (["--search", "order>1", "--search", "duration<1s"], ["slow", "failed"]),
        (["--since", "2020-01-01"], ["quick", "slow"]),
        (["--since", "2020-01-01T00:00+01:00", "--until", "2050-01-01T00:00:00Z"], ["slow"]),
    ],
)
def test_traces_are_shown_that_are_asked_for(
    log: str, options: list[str], names: list[str]
) -> None:
    done = run("decode", log, "--json", *options)
    assert [json.loads(line)["name"] for line in done.stdout.splitlines()] == names, done.stderr


@pytest.mark.parametrize("form", ["waterfall", "json", "otlp-json", "html"])
def test_filters_hold_for_every_output(log: str, form: str) -> None:
    done = run("decode", log, "--format", form, "--error")
    assert "failed" in done.stdout
    assert "slow" not in done.stdout.replace("slowest", "").split("<script", maxsplit=1)[0]
    assert "900000000" not in done.stdout


def test_traces_keep_their_order_when_drawn(log: str) -> None:
    drawn = run("decode", log, "--sort", "duration").stdout
    assert drawn.index("slow") < drawn.index("failed") < drawn.index("quick")


def test_a_trace_is_found_by_its_id(log: str) -> None:
    first = json.loads(run("decode", log, "--json").stdout.splitlines()[0])
    found = run("decode", log, "--json", "--trace", first["trace_id"].upper()).stdout
    assert [json.loads(line) for line in found.splitlines()] == [first]


def test_nothing_found_says_how_much_was_looked_at_and_ends_with_1(log: str) -> None:
    done = run("decode", log, "--name", "absent")
    assert (done.returncode, done.stdout) == (1, "")
    assert "holds 3 span(s), but no trace that was asked for" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--slower-than", "soon"], ["duration>soon", "such as 500ms"]),
        (["--search", "duration>soon"], ["duration>soon", "such as 500ms"]),
        (["--search", "duration>"], ["duration> cannot be looked for", "no space"]),
        (["--search", "status: error"], ["status: cannot be looked for", "no space"]),
        (["--attribute", "=1"], ["--attribute =1", "NAME[=VALUE]"]),
        (["--since", "1m", "--until", "5m"], ["--since is after --until"]),
        (["--since", "yesterday"], ["--since yesterday", "10m"]),
        (["--until", "2026-13-01"], ["--until 2026-13-01", "2026-11-26T10:00:00Z"]),
        (["--limit", "0"], ["--limit"]),
        (["--limit", "many"], ["--limit"]),
        (["--sort", "name"], ["--sort", "duration"]),
    ],
)
def test_a_wrong_filter_is_refused_in_one_line(options: list[str], words: list[str]) -> None:
    assert_refused(run("decode", *options, given=log_record()), *words)
