"""A function answers alike with and without telemetry, whatever OpenTelemetry its code holds.

Each case installs real packages as a bundle or a layer of its own, and runs the function in the
official emulator: bare, and behind the layer. `make matrix` runs this; it needs a package index.
"""

from __future__ import annotations

import fcntl
import hashlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import uv

from lambda_otel_lite_cdk.cli.assembly.functions import TemplateFunction
from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator
from lambda_otel_lite_cdk.cli.emulator.toolchain import interpreter_for
from lambda_otel_lite_cdk.cli.traces.records import Decoder
from lambda_otel_lite_cdk.layer.build import stage_layer
from tests.platform.environment import RUNTIME

pytestmark = pytest.mark.matrix

CACHE = Path(__file__).parents[2] / ".cache/matrix"
MACHINE = {"aarch64": "arm64", "amd64": "x86_64"}.get(
    platform.machine().lower(), platform.machine().lower()
)
ENTRY_POINT = "lambda_otel_lite_entry.handler"

SPAN = """
from opentelemetry import trace
tracer = trace.get_tracer("app")
def handler(event, context):
    with tracer.start_as_current_span("work"):
        return {"answer": event["asked"]}
"""
#: Uses what only a whole SDK has, and a provider of its own.
WHOLE_SDK = """
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.semconv.resource import ResourceAttributes
memory, reader = InMemorySpanExporter(), InMemoryMetricReader()
provider = TracerProvider(resource=Resource.create({ResourceAttributes.SERVICE_NAME: "theirs"}))
provider.add_span_processor(SimpleSpanProcessor(memory))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider([reader]))
counter = metrics.get_meter("app").create_counter("orders")
tracer = trace.get_tracer("app")
def handler(event, context):
    counter.add(1)
    with tracer.start_as_current_span("work"):
        pass
    scopes = reader.get_metrics_data().resource_metrics[0].scope_metrics
    counters = [metric.name for scope in scopes for metric in scope.metrics]
    spans = [span.name for span in memory.get_finished_spans()]
    return [spans.count("work"), "orders" in counters]
"""
LOGS = """
import logging
from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
log = logging.getLogger("app")
log.addHandler(LoggingHandler(logger_provider=LoggerProvider()))
tracer = trace.get_tracer("app")
def handler(event, context):
    log.warning("asked")
    with tracer.start_as_current_span("work"):
        return {"answer": event["asked"]}
"""
OTLP = """
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
provider = TracerProvider()
exporter = OTLPSpanExporter(endpoint="http://127.0.0.1:9/v1/traces", timeout=1)
provider.add_span_processor(BatchSpanProcessor(exporter))
def handler(event, context):
    with trace.get_tracer("app").start_as_current_span("work"):
        return {"answer": event["asked"]}
"""
REQUESTS = """
import requests
session = requests.Session()
def handler(event, context):
    try:
        session.get("http://127.0.0.1:9/")
    except requests.ConnectionError:
        return {"answer": event["asked"]}
"""
LITE = """
from lambda_otel_lite import create_traced_handler, init_telemetry
tracer, completion = init_telemetry()
@create_traced_handler("by hand", completion)
def handler(event, context):
    with tracer.start_as_current_span("work"):
        return {"answer": event["asked"]}
"""
PROTOBUF = """
import google.protobuf
from google.protobuf.struct_pb2 import Struct
from opentelemetry import trace
tracer = trace.get_tracer("app")
def handler(event, context):
    message = Struct()
    message.update(event)
    with tracer.start_as_current_span("work"):
        read = Struct.FromString(message.SerializeToString())
        return [google.protobuf.__version__, read["asked"]]
"""


@dataclass(frozen=True, kw_only=True)
class Mix:
    """A function, and what else there is beside the telemetry layer.

    Args:
        code: The function's module.
        bundle: Requirements that are installed with its code.
        over: Requirements that are copied over these.
        before: Requirements of a layer that is merged before ours.
        after: Requirements of a layer that is merged after ours.
        metadata: Whether the bundle keeps the metadata of its distributions. Most releases of the
            API cannot be imported without it, and the function fails bare.
        environment: More variables of the instrumented function.
        spans: Names of the spans that come out, in their order; empty: it runs without tracing.
        warning: What the one warning says; None: there is none.
    """

    code: str = SPAN
    bundle: Sequence[str] = ()
    over: Sequence[str] = ()
    before: Sequence[str] = ()
    after: Sequence[str] = ()
    metadata: bool = True
    environment: dict[str, str] = field(default_factory=dict)
    spans: Sequence[str] = ("work", "orders")
    warning: str | None = None


NEWEST = "newest"
OTLP_EXPORTER = "opentelemetry-exporter-otlp-proto-http"
INSTRUMENTATION = "opentelemetry-instrumentation-requests"
INSTRUMENTED = {"LAMBDA_OTEL_INSTRUMENTATIONS": "requests"}
PACKAGE = {"LAMBDA_OTEL_EXPORTER": "package"}


def api(version: str) -> str:
    return pinned("opentelemetry-api", version)


def sdk(version: str) -> str:
    return pinned("opentelemetry-sdk", version)


def pinned(package: str, version: str) -> str:
    return package if version == NEWEST else f"{package}=={version}"


MIXES: dict[str, Mix] = {
    **{f"API {v}": Mix(bundle=[api(v)]) for v in ("1.27.0", "1.33.0", "1.40.0", NEWEST)},
    **{
        f"SDK {v}": Mix(bundle=[sdk(v)], code=WHOLE_SDK)
        for v in ("1.22.0", "1.27.0", "1.32.0", "1.33.0", "1.38.0", "1.40.0", NEWEST)
    },
    "SDK 1.20.0, which is too old": Mix(
        bundle=[sdk("1.20.0")], code=WHOLE_SDK, spans=(), warning="at least 1.22 is needed"
    ),
    **{
        f"API and instrumentation {v}": Mix(
            # Older ones ask setuptools for versions.
            bundle=["requests", pinned(INSTRUMENTATION, v), "setuptools<81"],
            code=REQUESTS,
            environment=INSTRUMENTED,
            spans=("GET", "orders"),
        )
        for v in ("0.48b0", "0.54b0", "0.61b0", NEWEST)
    },
    **{
        f"OTLP exporter {v} in a layer before ours": Mix(
            code=OTLP, before=[pinned(OTLP_EXPORTER, v)]
        )
        for v in ("1.27.0", "1.40.0", NEWEST)
    },
    **{
        f"OTLP exporter {v} in a layer after ours": Mix(code=OTLP, after=[pinned(OTLP_EXPORTER, v)])
        for v in ("1.27.0", "1.40.0", NEWEST)
    },
    "API 1.40.0, and the OTLP exporter 1.40.0 in a layer": Mix(
        code=OTLP, bundle=[api("1.40.0")], before=[pinned(OTLP_EXPORTER, "1.40.0")]
    ),
    "API 1.33.0, and the SDK 1.40.0 in a layer": Mix(
        code=WHOLE_SDK,
        bundle=[api("1.33.0")],
        after=[sdk("1.40.0")],
        warning=r"opentelemetry-api 1\.33\.0, opentelemetry-sdk 1\.40\.0.*do not belong together",
    ),
    "API 1.40.0 over the SDK 1.38.0": Mix(
        bundle=[sdk("1.38.0")],
        over=[api("1.40.0")],
        warning=r"opentelemetry-api 1\.40\.0, opentelemetry-sdk 1\.38\.0.*do not belong together",
    ),
    "API 1.40.0 over the SDK 1.38.0, of which the code uses more than the layer has": Mix(
        code=LOGS,
        bundle=[sdk("1.38.0")],
        over=[api("1.40.0")],
        spans=(),
        warning="cannot be imported with these.*runs with its own, without tracing",
    ),
    **{
        f"lambda-otel-lite {v}": Mix(
            code=LITE, bundle=[f"lambda-otel-lite=={v}"], spans=("work", "by hand")
        )
        for v in ("0.8.2", "0.15.0")
    },
    "API 1.40.0 without metadata": Mix(bundle=[api("1.40.0")], metadata=False),
    "SDK 1.40.0 without metadata": Mix(bundle=[sdk("1.40.0")], code=WHOLE_SDK, metadata=False),
    "API and instrumentation without metadata": Mix(
        bundle=["requests", f"{INSTRUMENTATION}==0.61b0"],
        code=REQUESTS,
        metadata=False,
        environment=INSTRUMENTED,
        spans=("GET", "orders"),
    ),
    **{
        f"protobuf {v}": Mix(code=PROTOBUF, bundle=[f"protobuf=={v}.*", api("1.40.0")])
        for v in (3, 4, 5, 6)
    },
    **{
        f"protobuf {v}, and the package's exporter": Mix(
            code=PROTOBUF, bundle=[f"protobuf=={v}.*", api("1.40.0")], environment=PACKAGE
        )
        for v in (3, 4, 5, 6)
    },
}


@pytest.fixture(scope="session")
def cache() -> Path:
    CACHE.mkdir(parents=True, exist_ok=True)
    return CACHE


def installed(cache: Path, requirements: Sequence[str]) -> Path:
    """Return a folder with the packages; it is kept, as long as what is newest is of today."""
    day = "" if all("==" in one for one in requirements) else datetime.now(UTC).date().isoformat()
    key = hashlib.sha256("\n".join((sys.version, day, *requirements)).encode()).hexdigest()[:16]
    target = cache / key
    with (cache / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / ".complete").exists():
            shutil.rmtree(target, ignore_errors=True)
            where = ("--python", interpreter_for(RUNTIME), "--target", target)
            command = (uv.find_uv_bin(), "pip", "install", "--quiet", "--no-config", *where)
            subprocess.run([*command, *requirements], check=True)
            (target / ".complete").touch()
    return target


def layer_of(cache: Path, requirements: Sequence[str], folder: Path) -> Path:
    shutil.copytree(installed(cache, requirements), folder / "python")
    return folder


@pytest.fixture(scope="session")
def own_layer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The telemetry layer, unpacked, by exporter."""
    version = RUNTIME.removeprefix("python")
    layers = {}
    for exporter, package_for in (("native", None), ("package", MACHINE)):
        layers[exporter] = tmp_path_factory.mktemp(exporter)
        shutil.unpack_archive(stage_layer(version, package_for).path, layers[exporter])
    return layers


@dataclass(frozen=True)
class Said:
    """What a function said.

    Args:
        answers: Of each invocation its answer, or its error's type and message.
        spans: Names of the spans in our log records.
        lines: All other lines.
    """

    answers: list[Any]
    spans: list[str]
    lines: list[str]


def run(code: Path, layers: Sequence[Path], handler: str, environment: dict[str, str]) -> Said:
    function = TemplateFunction(
        logical_id="orders",
        path="Test/Orders",
        runtime=RUNTIME,
        handler=handler,
        architecture=MACHINE,
        memory_mb=512,
        timeout_s=20,
        environment=environment,
        code=code,
        inline_code=None,
        layers=tuple(layers),
        unresolved_layers=(),
    )
    decoder = Decoder()
    answers, spans, lines = [], [], []
    with Emulator(function) as emulator:
        for number in range(2):
            result = emulator.invoke({"asked": number})
            error = result.error and [result.error["errorType"], result.error["errorMessage"]]
            answers.append(error or result.payload)
            spans += [span.name for span in decoder.decode(result.log_lines)]
            lines += [line for line in result.log_lines if "__otel_otlp_stdout" not in line]
    return Said(answers, spans, lines)


@pytest.mark.parametrize("name", MIXES)
def test_bare_and_instrumented_answer_alike_and_spans_come_out(
    name: str, cache: Path, own_layer: dict[str, Path], tmp_path: Path
) -> None:
    mix = MIXES[name]
    task = tmp_path / "task"
    shutil.copytree(installed(cache, mix.bundle), task) if mix.bundle else task.mkdir()
    if mix.over:
        # The way of tools that install into a folder and remove nothing.
        shutil.rmtree(task / "opentelemetry/version")
        shutil.copytree(installed(cache, mix.over), task, dirs_exist_ok=True)
    (task / "app.py").write_text(mix.code)
    if not mix.metadata:
        for folder in task.glob("*.dist-info"):
            shutil.rmtree(folder)
    before = [layer_of(cache, mix.before, tmp_path / "before")] if mix.before else []
    after = [layer_of(cache, mix.after, tmp_path / "after")] if mix.after else []
    environment = {
        "LAMBDA_OTEL_HANDLER": "app.handler",
        "LAMBDA_OTEL_EXPORTER": "native",
        **mix.environment,
    }
    ours = own_layer[environment["LAMBDA_OTEL_EXPORTER"]]

    bare = run(task, [*before, *after], "app.handler", {})
    traced = run(task, [*before, ours, *after], ENTRY_POINT, environment)

    if mix.metadata:
        assert traced.answers == bare.answers, traced.lines
    assert "Error" not in str(traced.answers), traced.lines
    assert traced.spans == [*mix.spans] * 2, traced.lines
    warnings = [line for line in traced.lines if "WARN" in line and "asked" not in line]
    if mix.warning is None:
        assert warnings == []
    else:
        (warning,) = warnings
        assert re.search(mix.warning, warning)
        assert "Install opentelemetry-sdk" in warning
