"""`lambda-otel demo`, started as a user starts it, in an empty folder."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.cli.command import run
from tests.receiver import OtlpReceiver


def test_the_demo_shows_one_trace_from_the_api_through_orders_to_the_worker(
    tmp_path: Path,
) -> None:
    with OtlpReceiver() as receiver:
        done = run("demo", "--endpoint", receiver.endpoint, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Drawn from what the collector received: 3 requests of Forwarder" in done.stderr
    lines = done.stdout.splitlines()
    assert len([line for line in lines if line.startswith("Trace ")]) == 1
    depths = [_depth(done.stdout, service) for service in ("api", "orders", "worker")]
    assert depths == sorted(set(depths)), "each service's first span is below the one before"
    text = " ".join(done.stdout.replace("│", " ").split())
    for wanted in (
        "SERVER COLD START http.request.method=POST http.route=/orders",
        "http.response.status_code=202",
        "faas.trigger=http",
        "messaging.system=aws_sqs",
    ):
        assert wanted in text
    assert all(re.search(r" (s|ms|us)( OK)?$", line) for line in lines if "━" in line)
    # It ends with a report, made from what was printed: the same spans, in the same order.
    assert lines[-1] == "Report for a browser: lambda-otel-demo/report.html"
    report = (tmp_path / "lambda-otel-demo" / "report.html").read_text("utf-8")
    data = report.partition('id="data">')[2].partition("</script>")[0]
    spans = json.loads(data)["spans"]
    assert len(spans) == sum("━" in line for line in lines)
    assert {span["trace_id"] for span in spans} == {lines[0].split()[1]}
    # What was named on the command line has the same spans.
    assert {span.span_id.hex() for span in receiver.spans} == {span["span_id"] for span in spans}


def _depth(drawn: str, service: str) -> int:
    """How far a service's first line is indented."""
    found = re.search(rf"^([ │├└─]*){service}: ", drawn, re.MULTILINE)
    assert found is not None, f"no span of {service} in:\n{drawn}"
    return len(found[1])
