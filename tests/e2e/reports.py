"""Reports to open in a browser."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine
from lambda_otel_lite_cdk.cli.traces.report import Report
from lambda_otel_lite_cdk.cli.traces.spans import Event, Link, Span
from tests.cli.records import MS, span

HOSTILE = "</script><img src=x onerror=alert(1)><script>alert(1)</script>"
EPOCH = 1_790_000_000_000_000_000


def trace(number: int, *, failed: bool = False, cold: bool = False) -> Iterator[Span]:
    """Api → orders → queue → worker, a day apart each."""
    trace_id = f"{number:032x}"
    start = EPOCH + number * 86_400 * 1000 * MS

    def made(span_id: str, parent: str | None, first: int, last: int, **given: Any) -> Span:
        service = given.pop("service", "orders")
        return span(
            f"{trace_id[-4:]}{span_id:>012}",
            parent and f"{trace_id[-4:]}{parent:>012}",
            **{
                "trace_id": trace_id,
                "start_ns": start + first * MS,
                "end_ns": start + last * MS,
                "resource": {"service.name": service},
                "name": span_id,
                **given,
            },
        )

    yield made("a", None, 0, 400, name=f"POST /orders/{number}", service="api", kind="SERVER")
    yield made("b", "a", 10, 200, name="take order", attributes={"faas.coldstart": cold})
    yield made("c", "b", 100, 190, name="enqueue", attributes={"order.id": f"o-{number}"})
    yield made(
        *("d", "c", 210, 390),
        name="process",
        service="worker",
        status="ERROR" if failed else "UNSET",
        status_message="no stock" if failed else "",
        events=(Event("exception", start + 300 * MS, {"exception.message": HOSTILE}),),
        links=(Link(f"{number - 1:032x}", f"{number - 1:04x}{'c':>012}", {"why": "batch"}),),
    )


def logged(number: int) -> Iterator[LogLine]:
    """Lines of the worker's span, out of order, one of the trace, and one of no trace here."""
    start = EPOCH + number * 86_400 * 1000 * MS
    for trace_id, span_id, ms, level, message in (
        (f"{number:032x}", f"{number:04x}{'d':>012}", 300, "ERROR", f"refused {HOSTILE}"),
        (f"{number:032x}", f"{number:04x}{'d':>012}", 255, "INFO", "looking for stock"),
        (f"{number:032x}", f"{number:04x}{'d':>012}", -800, "INFO", "in whole seconds"),
        (f"{number:032x}", "gone", 10, "", "of the trace"),
        (f"{99:032x}", None, 10, "INFO", "of no trace"),
    ):
        yield LogLine(
            trace_id=trace_id,
            span_id=span_id,
            time_ns=start + ms * MS,
            level=level,
            message=message,
        )


def write(target: Path, *spans: Span, lines: Iterable[LogLine] = ()) -> str:
    with target.open("w", encoding="utf-8") as file:
        report = Report(file)
        for one in spans:
            report.add(one)
        for line in lines:
            report.note(line)
        report.end()
    return target.as_uri()
