"""Ids never repeat, whatever state two processes share."""

import os
import random
import subprocess
import sys

import pytest
from opentelemetry.trace import INVALID_SPAN_ID, INVALID_TRACE_ID

from lambda_otel_lite.configuration import ids
from tests.spans import Telemetry, make_telemetry

_COPIES = """
import os, random
from lambda_otel_lite.configuration.ids import SystemIdGenerator
from lambda_otel_lite import init_telemetry
random.seed(7)
tracer, _ = init_telemetry()
read, write = os.pipe()
child = os.fork()  # the copy has all of the parent's state, as a restored snapshot has
random.seed(7)
lines = [
    f"{context.trace_id:032x} {context.span_id:016x}"
    for context in (tracer.start_span("x").get_span_context() for _ in range(50))
]
if child == 0:
    os.write(write, "\\n".join(lines).encode())
    os._exit(0)
os.waitpid(child, 0)
print("\\n".join(lines))
print(os.read(read, 65536).decode())
"""


def test_hazard_08_two_copies_of_one_state_have_disjoint_ids() -> None:
    """A SnapStart snapshot is such a state; the SDK's own generator repeats itself there."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    printed = subprocess.run(
        [sys.executable, "-c", _COPIES], check=True, capture_output=True, text=True, env=environ
    ).stdout
    pairs = [line.split() for line in printed.splitlines()]

    assert len(pairs) == 100
    assert len({trace_id for trace_id, _ in pairs}) == 100
    assert len({span_id for _, span_id in pairs}) == 100


def test_hazard_08_seeding_random_does_not_repeat_ids() -> None:
    def trace_id(telemetry: Telemetry) -> int:
        random.seed(1)
        with telemetry.completion.get_tracer().start_as_current_span("x") as span:
            return span.get_span_context().trace_id

    assert trace_id(make_telemetry()) != trace_id(make_telemetry())


def test_an_id_of_zeros_is_never_given(monkeypatch: pytest.MonkeyPatch) -> None:
    source = [bytes(8), b"\x01" * 8, bytes(16), b"\x02" * 16]
    monkeypatch.setattr(ids, "urandom", lambda _: source.pop(0))
    generator = ids.SystemIdGenerator()

    assert generator.generate_span_id() != INVALID_SPAN_ID
    assert generator.generate_trace_id() != INVALID_TRACE_ID
    assert generator.is_trace_id_random() is True
