from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambda_otel_lite_cdk.errors import BundlingError
from lambda_otel_lite_cdk.layer import build as bundling
from lambda_otel_lite_cdk.layer.build import stage_layer, stage_package
from lambda_otel_lite_cdk.layer.cache import cached_tree
from lambda_otel_lite_cdk.layer.interpreters import supported_interpreters

from .conftest import PYTHON, files

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = Path(__file__).parents[1] / "events"
LAYER = Path(__file__).parents[2] / "runtime" / "lambda_otel_lite_layer"
#: Where a layer's own packages lie.
TREE = "lambda-otel-lite"


@pytest.mark.parametrize("python", supported_interpreters())
def test_hazard_38_a_layer_is_the_same_byte_for_byte_wherever_it_is_built(
    python: str, tmp_path: Path, cache_in: Callable[[Path], Path]
) -> None:
    built = []
    for folder in (tmp_path / "one", tmp_path / "two" / "deeper"):
        cache_in(folder)
        staged = stage_layer(python)
        assert staged.path.is_relative_to(folder)
        built.append((staged.asset_hash, files(staged)))
    assert built[0] == built[1]
    assert str(tmp_path).encode() not in b"".join(built[0][1].values())


def test_a_layer_holds_what_a_function_needs_and_no_more(
    tmp_path: Path, cache_in: Callable[[Path], Path]
) -> None:
    cache_in(tmp_path)
    names = set(files(stage_layer(PYTHON)))
    assert {name.split("/")[0] for name in names} == {"python", "lambda-otel-lite"}
    assert "lambda-otel-lite/lambda_otel_lite/handler.py" in names
    assert "lambda-otel-lite/opentelemetry/sdk/trace/__init__.py" in names
    assert "lambda-otel-lite/site/typing_extensions.py" in names
    unwanted = ("bin/", "/tests/", "/RECORD", "/INSTALLER", "google/", "otlp_stdout", "sdk/metrics")
    assert not [name for name in names if any(part in name for part in unwanted)]


def test_hazard_21_a_layer_puts_nothing_of_opentelemetry_beside_the_functions_own() -> None:
    """The import path holds the way to the layer's folder, and no module that could be mixed."""
    sources = {name for name in files(stage_layer(PYTHON)) if name.endswith(".py")}
    assert {name for name in sources if name.startswith("python/")} == {
        "python/lambda_otel_lite/__init__.py",
        "python/lambda_otel_lite_entry.py",
        *(f"python/lambda_otel_lite_layer/{path.name}" for path in LAYER.glob("*.py")),
        "python/opentelemetry/__init__.py",
    }
    assert not {name for name in sources if name.startswith("lambda-otel-lite/site/opentelemetry")}


def test_hazard_21_a_layer_is_pure_python() -> None:
    assert not [name for name in files(stage_layer(PYTHON)) if name.endswith((".so", ".pyd"))]


def test_byte_code_is_never_checked_against_its_source(
    tmp_path: Path, cache_in: Callable[[Path], Path]
) -> None:
    cache_in(tmp_path)
    tree = files(stage_layer(PYTHON))
    tag = f".cpython-{PYTHON.replace('.', '')}.pyc"
    compiled = {name: code for name, code in tree.items() if name.endswith(".pyc")}
    for name, code in compiled.items():
        folder, _, module = name.rpartition("/__pycache__/")
        assert f"{folder}/{module.removesuffix(tag)}.py" in tree
        # PEP 552: bit 0 says that the file is found by hash, bit 1 that the hash is checked.
        assert int.from_bytes(code[4:8], "little") == 0b01, name
    assert f"{TREE}/byte-code.bin" in tree
    assert f"python/__pycache__/lambda_otel_lite_entry{tag}" in compiled


# Ends the process when Python compiles a module of the layer.
_REFUSE_TO_COMPILE = """
import importlib.machinery, json, os, sys
def refuse(loader, data, path, **named):
    raise SystemExit(f"{path} is compiled")
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.abspath("opt/python"))
sys.path.insert(0, "task")
import app_without_byte_code
importlib.machinery.SourceFileLoader.source_to_code = refuse
"""
_INVOKE = """
from types import SimpleNamespace
from lambda_otel_lite_entry import handler
for number, event in enumerate(json.load(sys.stdin)):
    handler(event, SimpleNamespace(aws_request_id=str(number), invoked_function_arn="a:b:c:d:e:f"))
"""


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(_INVOKE, id="invocations"),
        "import lambda_otel_lite.lifecycle.asynchronous, lambda_otel_lite.lifecycle.sigterm",
        "import lambda_otel_lite.export.truncation, lambda_otel_lite.startup.instrumentations",
        "os.environ['OTEL_PROPAGATORS'] = 'baggage'; import opentelemetry.propagate",
        "import opentelemetry.baggage, opentelemetry.semconv.trace",
        "import lambda_otel_lite.handler",
        "from opentelemetry.sdk.trace.export import BatchSpanProcessor",
    ],
)
def test_no_cold_start_compiles_what_it_loads_of_a_layer(code: str, tmp_path: Path) -> None:
    """Half of the layer's modules have no byte code; no traced function loads them."""
    shutil.unpack_archive(stage_layer(PYTHON).path, tmp_path / "opt")
    (tmp_path / "task").mkdir()
    (tmp_path / "task" / "app_without_byte_code.py").write_text("def handler(e, c): return e\n")
    events = [json.loads(path.read_text()) for path in sorted(EVENTS.glob("*.json"))]
    assert events
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _REFUSE_TO_COMPILE + code],
        env={
            "LAMBDA_OTEL_HANDLER": "app_without_byte_code.handler",
            "LAMBDA_OTEL_EXPORTER": "native",
            "OTEL_PROPAGATORS": "tracecontext,baggage,xray,xray-lambda",
        },
        input=json.dumps(events),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    if code is _INVOKE:
        assert done.stdout.count("__otel_otlp_stdout") == len(events)


def test_every_module_that_a_layer_holds_can_be_imported(tmp_path: Path) -> None:
    """Nothing that was left out is missed by what was kept."""
    staged = stage_layer(PYTHON)
    shutil.unpack_archive(staged.path, tmp_path / "opt")
    sources = [
        name.removeprefix("python/").removeprefix(f"{TREE}/").removeprefix("site/")
        for name in files(staged)
        if name.endswith(".py") and not name.endswith(("_entry.py", "autowrap.py"))
    ]
    modules = {
        name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in sources
    }
    # One needs the package of another layer, two the function's own X-Ray SDK.
    modules -= {
        "lambda_otel_lite.export.package_output",
        "lambda_otel_lite.bridges.xray.context",
        "lambda_otel_lite.bridges.xray.segment",
    }
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", _IMPORT_ALL, str(tmp_path / "opt" / "python")],
        input=json.dumps(sorted(modules)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


_IMPORT_ALL = """
import importlib, json, sys
sys.path.insert(0, sys.argv[1])
for name in json.load(sys.stdin):
    importlib.import_module(name)
"""


@pytest.mark.parametrize(
    ("code", "said"),
    [
        pytest.param(
            "import opentelemetry.sdk.trace, lambda_otel_lite; print(lambda_otel_lite.__file__)",
            f"opt/{TREE}/lambda_otel_lite/__init__.py",
            id="the runtime is imported from it",
        ),
        pytest.param(
            "import os; os.environ['OTEL_PROPAGATORS'] = 'tracecontext'\n"
            "from opentelemetry import propagate; print(propagate.get_global_textmap().fields)",
            "traceparent",
            id="entry points are found in it",
        ),
    ],
)
def test_a_layer_needs_nothing_but_the_standard_library(
    code: str, said: str, tmp_path: Path
) -> None:
    shutil.unpack_archive(stage_layer(PYTHON).path, tmp_path / "opt")
    mounted = f"import sys; sys.path.insert(0, {str(tmp_path / 'opt/python')!r})\n"
    # Isolated and without site-packages.
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", mounted + code],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert said in done.stdout, done.stderr


def test_without_the_interpreter_a_layer_has_no_byte_code_and_a_hash_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    compiled = stage_layer(PYTHON)
    monkeypatch.setattr(bundling, "find_interpreter", lambda _: None)
    sources = stage_layer(PYTHON)
    assert (compiled.compiled, sources.compiled) == (True, False)
    assert compiled.asset_hash != sources.asset_hash
    assert not [name for name in files(sources) if name.endswith(".pyc")]


def test_the_hash_follows_every_input(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Nothing has to be built for a hash.
    monkeypatch.setattr(bundling, "cached_archive", lambda key, build, instead: Path(key))
    monkeypatch.setattr(bundling, "find_interpreter", lambda _: None)

    def hashes() -> set[str]:
        wanted = [("3.12", None), ("3.13", None), ("3.13", "x86_64"), ("3.13", "arm64")]
        return {stage_layer(python, package).asset_hash for python, package in wanted}

    as_it_is = hashes()
    monkeypatch.setattr(bundling, "find_interpreter", lambda _: Path(sys.executable))
    compiled = hashes()
    monkeypatch.delitem(sys.modules, "lambda_otel_lite", raising=False)
    (tmp_path / "lambda_otel_lite").mkdir()
    (tmp_path / "lambda_otel_lite" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    of_another_runtime = hashes()
    assert len(as_it_is | compiled | of_another_runtime) == 12


def test_what_an_import_left_in_a_kept_tree_is_never_used(
    tmp_path: Path, cache_in: Callable[[Path], Path]
) -> None:
    cache_in(tmp_path)
    staged = stage_package("otlp_forwarder")
    (staged.path / "otlp_forwarder" / "__pycache__").mkdir()
    (staged.path / "otlp_forwarder" / "__pycache__" / "x.pyc").write_bytes(b"stray")
    assert not [name for name in files(stage_package("otlp_forwarder")) if "__pycache__" in name]


@pytest.mark.parametrize("damage", ["change", "remove", "half-built"])
def test_a_damaged_tree_is_built_anew(
    damage: str, tmp_path: Path, cache_in: Callable[[Path], Path]
) -> None:
    kept = cache_in(tmp_path)
    tree = cached_tree("key", _whole)
    if damage == "change":
        (tree / "file").write_text("other")
    elif damage == "remove":
        (tree / "file").unlink()
    else:
        (tree.parent / "digest").unlink()
    again = cached_tree("key", _whole)
    assert (again / "file").read_text() == "whole"
    assert [entry.name for entry in kept.iterdir()] == ["key"]


def test_a_failed_build_leaves_nothing_behind(
    tmp_path: Path, cache_in: Callable[[Path], Path]
) -> None:
    kept = cache_in(tmp_path)

    def fail(folder: Path) -> None:
        _write(folder / "file", "half")
        raise BundlingError("no network")

    with pytest.raises(BundlingError):
        cached_tree("key", fail)
    assert list(kept.iterdir()) == []


def test_of_two_synths_at_once_the_first_one_done_is_kept(
    tmp_path: Path, cache_in: Callable[[Path], Path]
) -> None:
    kept = cache_in(tmp_path)

    def build(folder: Path) -> None:
        # While this one builds, the other starts and finishes.
        cached_tree("key", _whole)
        _whole(folder)

    tree = cached_tree("key", build)
    assert (tree / "file").read_text() == "whole"
    assert [entry.name for entry in kept.iterdir()] == ["key"]


def test_everybody_may_read_a_kept_tree(tmp_path: Path, cache_in: Callable[[Path], Path]) -> None:
    cache_in(tmp_path)

    def build(folder: Path) -> None:
        _write(folder / "package" / "file", "whole").chmod(0o700)

    tree = cached_tree("key", build)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tree.rglob("*")}
    assert modes == {"package": 0o755, "file": 0o644}


def test_a_failure_of_uv_is_one_clear_message(
    tmp_path: Path, cache_in: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cache_in(tmp_path / "trees")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    with pytest.raises(BundlingError) as raised:
        stage_layer(PYTHON)
    message = str(raised.value)
    assert f"dependencies for Python {PYTHON} could not be installed: uv exited with" in message
    assert "Check the network" in message
    assert "\n" not in message


def test_a_package_that_is_not_installed_is_named_with_the_fix() -> None:
    with pytest.raises(BundlingError, match=r"'no_such_package' is not installed.*pip install"):
        stage_package("no_such_package")


def _whole(folder: Path) -> None:
    _write(folder / "file", "whole")


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path
