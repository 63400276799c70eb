"""Tracing is set up before the function's own code is imported, and is not in its way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lambda_otel_lite.configuration import variables as env
from tests.spans import proto_spans

_CALL = """
import json, os, sys
from types import SimpleNamespace
os.environ["_HANDLER"] = "lambda_otel_lite_entry.handler"
from lambda_otel_lite_entry import handler
results = []
for number in range(int(sys.argv[1])):
    context = SimpleNamespace(aws_request_id=str(number), invoked_function_arn="arn:a:b:c:d:e")
    results.append(handler({}, context))
sys.stdout.flush()
print(json.dumps(results))
"""


class Outcome:
    """What a function answered and wrote.

    Args:
        done: The process that called it.
    """

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        assert done.returncode == 0, done.stderr
        # What is exported when the process ends comes after the answers.
        self.lines = done.stdout.splitlines()
        (answers,) = [line for line in self.lines if line.startswith("[")]
        self.answers: list[Any] = json.loads(answers)
        self.warnings = done.stderr.splitlines()
        self.spans = proto_spans([line for line in self.lines if "__otel_otlp_stdout" in line])

    @property
    def names(self) -> list[str]:
        """Names of the spans in our records, in their order."""
        return [span.name for span in self.spans]

    @property
    def traces(self) -> set[bytes]:
        """Ids of the traces in our records."""
        return {span.trace_id for span in self.spans}


def call(
    folder: Path, code: str, environ: Mapping[str, str] | None = None, *, times: int = 1
) -> Outcome:
    """Call a function through the zero-code entry point, in a process of its own."""
    (folder / "app.py").write_text(code)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    defaults = {
        "PYTHONPATH": str(folder),
        env.HANDLER: "app.handler",
        env.EXPORTER: "native",
        env.FUNCTION_NAME: "orders",
    }
    done = subprocess.run(
        [sys.executable, "-c", _CALL, str(times)],
        check=False,
        capture_output=True,
        text=True,
        cwd=folder,
        env={**inherited, **defaults, **(environ or {})},
    )
    return Outcome(done)


_OWN_PROVIDER = """
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
memory = InMemorySpanExporter()
own = TracerProvider(resource=Resource({"service.name": "theirs"}))
own.add_span_processor(SimpleSpanProcessor(memory))
"""
_WORK = """
def handler(event, context):
    with tracer.start_as_current_span("work") as span:
        assert span.is_recording()
    return [span.name for span in memory.get_finished_spans()]
"""


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(
            _OWN_PROVIDER + "trace.set_tracer_provider(own)\ntracer = trace.get_tracer('a')\n",
            id="set, then asked",
        ),
        pytest.param(
            _OWN_PROVIDER + "tracer = trace.get_tracer('a')\ntrace.set_tracer_provider(own)\n",
            id="asked, then set",
        ),
        pytest.param(
            _OWN_PROVIDER + "tracer = own.get_tracer('a')\ntrace.set_tracer_provider(own)\n",
            id="its own tracer",
        ),
        pytest.param(
            _OWN_PROVIDER + "provider = trace.get_tracer_provider()\n"
            "trace.set_tracer_provider(own)\ntracer = provider.get_tracer('a')\n",
            id="the first provider's tracer, asked for afterwards",
        ),
        pytest.param(
            _OWN_PROVIDER + "from opentelemetry.trace import set_tracer_provider\n"
            "set_tracer_provider(own)\nassert trace.get_tracer_provider() is own\n"
            "tracer = trace.get_tracer_provider().get_tracer('a')\n",
            id="the global provider is theirs",
        ),
    ],
)
def test_spans_of_a_provider_that_the_function_sets_go_both_ways(code: str, tmp_path: Path) -> None:
    outcome = call(tmp_path, code + _WORK)

    assert outcome.answers == [["work"]]
    assert outcome.names == ["work", "orders"]
    assert len(outcome.traces) == 1
    work, root = outcome.spans
    assert work.parent_span_id == root.span_id
    assert outcome.warnings == []


def test_a_provider_that_is_set_in_the_first_invocation_is_followed_from_then_on(
    tmp_path: Path,
) -> None:
    code = _OWN_PROVIDER + (
        "tracer = trace.get_tracer('a')\n"
        "def handler(event, context):\n"
        "    if trace.get_tracer_provider() is not own:\n"
        "        trace.set_tracer_provider(own)\n"
        "    with tracer.start_as_current_span('work'): pass\n"
        "    return [span.name for span in memory.get_finished_spans()]\n"
    )

    outcome = call(tmp_path, code, times=2)

    assert outcome.answers == [["work"], ["work", "work"]]
    assert sorted(outcome.names) == ["orders", "orders", "work", "work"]
    assert len(outcome.traces) == 2


def test_a_second_provider_is_refused_as_it_is_without_telemetry(tmp_path: Path) -> None:
    code = _OWN_PROVIDER + (
        "trace.set_tracer_provider(own)\ntrace.set_tracer_provider(TracerProvider())\n"
        "assert trace.get_tracer_provider() is own\ntracer = trace.get_tracer('a')\n"
    )

    outcome = call(tmp_path, code + _WORK)

    assert outcome.names == ["work", "orders"]
    assert outcome.warnings == ["Overriding of current TracerProvider is not allowed"]


def test_a_provider_without_span_processors_is_one_warning(tmp_path: Path) -> None:
    code = (
        "from opentelemetry import trace\n"
        "class Mine(trace.NoOpTracerProvider): pass\n"
        "trace.set_tracer_provider(Mine())\n"
        "def handler(event, context):\n"
        "    with trace.get_tracer('a').start_as_current_span('work'): return 7\n"
    )

    outcome = call(tmp_path, code)

    assert outcome.answers == [7]
    assert outcome.names == ["orders"]
    (warning,) = outcome.warnings
    assert "takes no span processors (app.Mine): its spans are not exported" in warning


def test_a_processor_can_be_added_to_the_global_provider_at_import(tmp_path: Path) -> None:
    code = _OWN_PROVIDER + (
        "trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(memory))\n"
        "tracer = trace.get_tracer('a')\n"
    )

    outcome = call(tmp_path, code + _WORK, times=2)

    assert outcome.answers == [["work"], ["work", "orders", "work"]]
    assert outcome.names == ["work", "orders"] * 2


_BY_HAND = """
from opentelemetry import trace
before = trace.get_tracer("before")
with before.start_as_current_span("at import"): pass
from lambda_otel_lite import create_traced_handler, init_telemetry
tracer, completion = init_telemetry()
@create_traced_handler("by hand", completion)
def handler(event, context):
    with tracer.start_as_current_span("one"): pass
    with before.start_as_current_span("two"): pass
    with trace.get_tracer("after").start_as_current_span("three"): pass
    return 7
"""


@pytest.mark.parametrize("mode", ["sync", "finalize"])
def test_telemetry_that_the_function_sets_up_itself_takes_over(mode: str, tmp_path: Path) -> None:
    outcome = call(tmp_path, _BY_HAND, {env.PROCESSOR_MODE: mode}, times=2)

    assert outcome.answers == [7, 7]
    each = ["one", "two", "three", "by hand"]
    assert sorted(outcome.names) == sorted(["at import", *each, *each])
    assert len(outcome.traces) == 3
    assert outcome.warnings == []


def test_spans_made_at_import_are_exported_without_a_handler_by_hand(tmp_path: Path) -> None:
    code = (
        "from opentelemetry import trace\n"
        "with trace.get_tracer('a').start_as_current_span('at import'): pass\n"
        "handler = lambda event, context: 7\n"
    )

    outcome = call(tmp_path, code)

    assert sorted(outcome.names) == ["at import", "orders"]


def test_the_platforms_variable_names_the_functions_own_handler(tmp_path: Path) -> None:
    code = "import os\nseen = os.environ['_HANDLER']\ndef handler(event, context): return seen\n"

    assert call(tmp_path, code).answers == ["app.handler"]
    assert call(tmp_path, code, {env.SDK_DISABLED: "true"}).answers == ["app.handler"]


def test_libraries_are_instrumented_before_the_functions_code_is_imported(tmp_path: Path) -> None:
    code = (
        "import requests\n"
        "seen = hasattr(requests.Session.send, 'opentelemetry_instrumentation_requests_applied')\n"
        "session = requests.Session()\n"
        "def handler(event, context):\n"
        "    try: session.get('http://127.0.0.1:9/')\n"
        "    except requests.ConnectionError: return seen\n"
    )

    outcome = call(tmp_path, code, {env.INSTRUMENTATIONS: "requests"})

    assert outcome.answers == [True]
    assert outcome.names == ["GET", "orders"]


def test_no_stand_in_for_a_module_is_left_when_the_functions_code_is_imported(
    tmp_path: Path,
) -> None:
    """A thread that the code starts would meet one in the middle of somebody's import."""
    code = (
        "import sys\n"
        "kinds = {type(module).__name__ for module in sys.modules.values()}\n"
        "import urllib.parse, socket, platform, random, datetime, subprocess\n"
        "quoted = urllib.parse.quote('a b')\n"
        "def handler(event, context): return ['_StandIn' in kinds, quoted]\n"
    )

    assert call(tmp_path, code).answers == [[False, "a%20b"]]


def test_a_thread_that_the_functions_code_starts_meets_no_stand_in(tmp_path: Path) -> None:
    code = (
        "import threading, sys\n"
        "seen = []\n"
        "def look():\n"
        "    while not done.is_set():\n"
        "        kinds = {type(module).__name__ for module in list(sys.modules.values())}\n"
        "        seen.extend(kinds & {'_StandIn'})\n"
        "done = threading.Event()\n"
        "thread = threading.Thread(target=look)\n"
        "thread.start()\n"
        "def handler(event, context):\n"
        "    done.set(); thread.join()\n"
        "    return seen\n"
    )

    assert call(tmp_path, code).answers == [[]]
