"""The layer as it is built: where its packages come from in a function's process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lambda_otel_lite_cdk.layer.build import stage_layer
from tests.layer.test_choice import packages, write

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

_CALL = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from types import SimpleNamespace
from lambda_otel_lite_entry import handler
context = SimpleNamespace(aws_request_id="1", invoked_function_arn="arn:a:b:c:d:e")
answer = handler({}, context)
sys.stdout.flush()
print(json.dumps({"answer": answer}))
"""


@pytest.fixture(scope="module")
def opt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The layer, unpacked."""
    folder = tmp_path_factory.mktemp("opt")
    shutil.unpack_archive(stage_layer(PYTHON).path, folder)
    return folder


def call(opt: Path, task: Path, code: str) -> tuple[Any, int, str]:
    """Call a function behind the layer; return its answer, the number of records and stderr."""
    write(task, {"app.py": code})
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", _CALL, json.dumps([str(task), f"{opt}/python"])],
        check=False,
        capture_output=True,
        text=True,
        env={**inherited, "LAMBDA_OTEL_HANDLER": "app.handler", "LAMBDA_OTEL_EXPORTER": "native"},
    )
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    return (
        json.loads(last)["answer"],
        sum("__otel_otlp_stdout" in line for line in lines),
        done.stderr,
    )


def test_code_that_fails_with_the_layers_packages_runs_with_its_own(
    opt: Path, tmp_path: Path
) -> None:
    """Its SDK is of another release than its API, and it uses what only its own has."""
    task = packages(tmp_path / "task", "task", api="1.40.0", sdk="1.38.0", semconv="0.59b0")
    code = "from opentelemetry.sdk.trace import FROM\nhandler = lambda event, context: FROM\n"

    answer, records, said = call(opt, task, code)

    assert (answer, records) == ("task", 0)
    (warning,) = said.splitlines()
    assert "opentelemetry-api 1.40.0, opentelemetry-sdk 1.38.0" in warning
    assert "cannot be imported with these" in warning
    assert "cannot import name 'FROM'" in warning
    assert "Install opentelemetry-sdk==1.40.0" in warning


@pytest.mark.parametrize(
    ("versions", "answer"),
    [
        ({"api": "1.20.0", "sdk": "1.20.0", "semconv": "0.41b0"}, "task"),
        ({"api": "1.40.0"}, "layer"),
        ({}, "layer"),
    ],
)
def test_the_package_is_found_whoever_is_chosen(
    versions: dict[str, str], answer: str, opt: Path, tmp_path: Path
) -> None:
    task = packages(tmp_path / "task", "task", **versions)
    code = (
        "import opentelemetry.trace as api, opentelemetry.sdk.trace as sdk\n"
        "found = {getattr(module, 'FROM', 'layer') for module in (api, sdk)}\n"
        "handler = lambda event, context: [*found]\n"
    )

    assert call(opt, task, code)[:2] == ([answer], int(answer == "layer"))


@pytest.mark.parametrize("name", ["lambda_otel_lite", "typing_extensions", "google"])
def test_a_folder_of_the_functions_code_with_a_name_of_the_layers_changes_nothing(
    name: str, opt: Path, tmp_path: Path
) -> None:
    task = tmp_path / "task"
    write(task, {f"{name}/own.py": "FROM = 'task'\n"})
    code = "handler = lambda event, context: 7\n"

    assert call(opt, task, code)[:2] == (7, 1)


_BY_HAND = """
from lambda_otel_lite import create_traced_handler, init_telemetry
tracer, telemetry = init_telemetry()
"""


@pytest.mark.parametrize("how", ["from opentelemetry import trace\n", _BY_HAND])
def test_a_cold_start_imports_nothing_of_opentelemetry_that_tracing_does_not_use(
    how: str, opt: Path, tmp_path: Path
) -> None:
    """By instructions, what imports these is half of the SDK's import."""
    unused = [
        *("ast", "concurrent", "dataclasses", "datetime", "dis", "inspect", "platform", "random"),
        *("socket", "subprocess", "typing_extensions", "urllib", "uuid"),
        *("opentelemetry.metrics", "opentelemetry.sdk.trace._tracer_metrics"),
    ]
    code = (
        f"import sys\n{how}"
        f"def handler(event, context): return [one for one in {unused} if one in sys.modules]\n"
    )

    assert call(opt, tmp_path, code)[:2] == ([], 1)


def test_what_is_not_imported_is_there_when_it_is_used(opt: Path, tmp_path: Path) -> None:
    code = """
import opentelemetry.trace as trace
import opentelemetry.sdk.trace as sdk
import dataclasses, inspect, typing_extensions
from opentelemetry import metrics
from opentelemetry.sdk.trace import _tracer_metrics

def handler(event, context):
    return [
        sdk.metrics_api.get_meter_provider() is metrics.get_meter_provider(),
        type(_tracer_metrics.create_tracer_metrics(None, False)).__name__,
        inspect.getsource(sdk).startswith("#"),
        dataclasses.is_dataclass(sdk._TracerConfig),
        hasattr(typing_extensions, "TypedDict"),
    ]
"""

    assert call(opt, tmp_path, code)[:2] == ([True, "NoOpTracerMetrics", True, True, True], 1)


@pytest.mark.parametrize(("has", "which"), [("def deprecated(): pass", "task"), ("", "layer")])
def test_the_functions_typing_extensions_is_replaced_if_it_is_too_old(
    has: str, which: str, opt: Path, tmp_path: Path
) -> None:
    write(tmp_path, {"typing_extensions.py": f"FROM = 'task'\n{has}\n"})
    code = (
        "import typing_extensions\n"
        "def handler(event, context): return getattr(typing_extensions, 'FROM', 'layer')\n"
    )

    assert call(opt, tmp_path, code)[:2] == (which, 1)
