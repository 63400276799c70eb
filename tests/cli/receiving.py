"""The command `receive`, and a real exporter that sends to it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

from tests.cli.command import COMMAND, ENVIRONMENT


@contextmanager
def receiving(*options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command on any free port; yield it and its address."""
    process = subprocess.Popen(
        [COMMAND, "receive", "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    assert process.stderr is not None
    with process:
        try:
            yield process, process.stderr.readline().split()[3].rstrip(";")
        finally:
            process.kill()


def export(
    endpoint: str, *names: str, compression: Compression = Compression.NoCompression
) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    exporter = OTLPSpanExporter(f"{endpoint}/v1/traces", compression=compression)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for name in names:
        provider.get_tracer("tests").start_span(name).end()
    provider.shutdown()
