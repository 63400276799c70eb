"""Measure from a log what an invocation's spans are."""

from __future__ import annotations

from pathlib import Path

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.traces.logs import open_log
from lambda_otel_lite_cdk.cli.traces.records import Decoder, spans_of


def measure(path: Path) -> tuple[float, float]:
    """Return how many spans a record of a log has on average, and bytes of the log for each span.

    Args:
        path: The log of an instrumented function, as `lambda-otel decode` reads it.

    Raises:
        UsageProblem: The log cannot be read, or it holds no spans.
    """
    decoder = Decoder()
    records = spans = size = 0
    with open_log(str(path)) as log:
        for line in log.lines():
            found = sum(
                1 for request in decoder.requests(line or b"") or () for _ in spans_of(request)
            )
            if line is not None and found:
                records, spans, size = records + 1, spans + found, size + len(line)
        if not spans:
            raise UsageProblem(
                f"--log {log.name} holds no spans; give the log of an instrumented function"
            )
    return spans / records, size / spans
