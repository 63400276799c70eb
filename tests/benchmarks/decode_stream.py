"""Measure how `lambda-otel decode` takes a long log: ``python -m tests.benchmarks.decode_stream``.

The log is written first, so that only the command is measured. Its records are small traces, no two
the same, as functions print them between their other lines.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

#: Spans of a record, which is one trace.
SPANS = 3
_NOISE = "2026-11-22T10:00:00.000Z\t7f2c9d1e\tINFO\torder {} was taken from the queue and fulfilled"
#: The highest mark of a process's own resident memory. `ru_maxrss` would count its parent's too,
#: whose memory it shares until it becomes the command.
_COMMAND = (
    "import atexit, re, sys\n"
    "status = lambda: open('/proc/self/status').read()\n"
    "peak = lambda: re.search(r'VmHWM:\\s+(\\d+) kB', status())[1]\n"
    "atexit.register(lambda: print('peak', peak(), file=sys.stderr))\n"
    "from lambda_otel_lite_cdk.cli.main import main; main()"
)


@dataclass(frozen=True, slots=True)
class Measured:
    """Hold what a run took.

    Args:
        seconds: Wall-clock time.
        peak_mb: Highest resident memory in MB (1,000,000 bytes).
        written: Bytes that the command printed.
    """

    seconds: float
    peak_mb: float
    written: int


def write_log(target: Path, lines: int, records: int, spans: int = SPANS) -> None:
    """Write a log with its records, of so many spans each, spread evenly among its lines."""
    every = lines // records
    with target.open("w", encoding="utf-8") as log:
        for number in range(lines):
            if number % every == 0 and number // every < records:
                log.write(_record(number, spans) + "\n")
            else:
                log.write(_NOISE.format(number) + "\n")


def measure(log: Path, *options: str) -> Measured:
    """Decode a log in a process of its own."""
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", _COMMAND, "decode", str(log), *options],
            stdout=output,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "COLUMNS": "80"},
            check=True,
        )
        seconds = time.perf_counter() - start
        written = output.seek(0, os.SEEK_END)
    peak_kib = int(done.stderr.splitlines()[-1].removeprefix("peak "))
    return Measured(seconds, peak_kib * 1024 / 1e6, written)


def _record(number: int, spans: int) -> str:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    _set(resource_spans.resource, "service.name", "orders")
    added = resource_spans.scope_spans.add().spans
    start = 1_790_000_000_000_000_000 + number * 1_000_000
    for position in range(spans):
        span = added.add(
            trace_id=(number + 1).to_bytes(16),
            span_id=(number * 100 + position + 1).to_bytes(8),
            parent_span_id=(number * 100 + 1).to_bytes(8) if position else b"",
            name="charge card" if position else "POST /orders",
            kind=2 if position == 0 else 1,
            start_time_unix_nano=start + position * 1_000_000,
            end_time_unix_nano=start + 200_000_000 - position * 1_000_000,
        )
        _set(span, "http.route", "/orders/{id}")
        _set(span, "order.id", f"order-{number}")
    payload = gzip.compress(request.SerializeToString(), compresslevel=1)
    return json.dumps(
        {
            "__otel_otlp_stdout": "0.1.0",
            "source": "orders",
            "content-type": "application/x-protobuf",
            "content-encoding": "gzip",
            "payload": base64.b64encode(payload).decode(),
            "base64": True,
        }
    )


def _set(holder: object, key: str, value: str) -> None:
    holder.attributes.add(key=key).value.string_value = value  # type: ignore[attr-defined]


def main() -> None:
    """Print a line for each form."""
    parser = argparse.ArgumentParser(description="Measure lambda-otel decode on a long log.")
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--records", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        write_log(log, options.lines, options.records)
        size = log.stat().st_size / 1e6
        print(f"{options.lines} lines, {options.records} records, {size:.0f} MB")  # noqa: T201
        for form in ("waterfall", "json", "otlp-json", "html"):
            run = measure(log, "--format", form)
            print(  # noqa: T201
                f"{form:<10} peak {run.peak_mb:4.0f} MB  {run.seconds:6.1f} s  "
                f"{options.lines / run.seconds:8.0f} lines/s  {run.written / 1e6:6.0f} MB written",
                flush=True,
            )


if __name__ == "__main__":
    main()
