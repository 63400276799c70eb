from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lambda_otel_lite_cdk import bundling
from lambda_otel_lite_cdk.bundling import BundlingError, stage_layer, stage_package
from lambda_otel_lite_cdk.cache import cached_tree
from lambda_otel_lite_cdk.interpreters import supported_interpreters

from .conftest import PYTHON, files

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize("python", supported_interpreters())
def test_hazard_38_a_layer_is_the_same_byte_for_byte_wherever_it_is_built(
    python: str, tmp_path: Path, cache_in: Callable[[Path], None]
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
    tmp_path: Path, cache_in: Callable[[Path], None]
) -> None:
    cache_in(tmp_path)
    names = set(files(stage_layer(PYTHON)))
    top = {name.split("/")[1] for name in names}
    assert {"lambda_otel_lite", "opentelemetry", "typing_extensions.py"} <= top
    assert all(name.startswith("python/") for name in names)
    assert "python/opentelemetry/sdk/trace/__init__.py" in names
    unwanted = ("bin/", "/tests/", "/RECORD", "/INSTALLER", "google/", "otlp_stdout")
    assert not [name for name in names if any(part in name for part in unwanted)]


def test_hazard_21_a_layer_is_pure_python() -> None:
    assert not [name for name in files(stage_layer(PYTHON)) if name.endswith((".so", ".pyd"))]


def test_a_compiled_dependency_is_refused(tmp_path: Path) -> None:
    (tmp_path / "wrapt").mkdir()
    (tmp_path / "wrapt" / "_wrappers.so").touch()
    with pytest.raises(BundlingError, match=r"must be pure Python.*wrapt/_wrappers\.so"):
        bundling._refuse_machine_code(tmp_path)


def test_every_source_has_byte_code_that_is_never_checked_against_it(
    tmp_path: Path, cache_in: Callable[[Path], None]
) -> None:
    cache_in(tmp_path)
    tree = files(stage_layer(PYTHON))
    sources = [name for name in tree if name.endswith(".py")]
    tag = f"cpython-{PYTHON.replace('.', '')}"
    for name in sources:
        folder, _, module = name.rpartition("/")
        compiled = tree[f"{folder}/__pycache__/{module.removesuffix('.py')}.{tag}.pyc"]
        # PEP 552: bit 0 says that the file is found by hash, bit 1 that the hash is checked.
        assert int.from_bytes(compiled[4:8], "little") == 0b01, name
    assert len([name for name in tree if name.endswith(".pyc")]) == len(sources)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        pytest.param(
            "import opentelemetry.sdk.trace, lambda_otel_lite; print(lambda_otel_lite.__file__)",
            "opt/python/lambda_otel_lite/__init__.py",
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
    monkeypatch.setattr(bundling, "_interpreter", lambda _: None)
    sources = stage_layer(PYTHON)
    assert (compiled.compiled, sources.compiled) == (True, False)
    assert compiled.asset_hash != sources.asset_hash
    assert not [name for name in files(sources) if name.endswith(".pyc")]


def test_the_hash_follows_every_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundling, "cached_archive", lambda key, build: Path(key))
    monkeypatch.setattr(bundling, "_interpreter", lambda _: None)
    hashes = {stage_layer("3.12").asset_hash, stage_layer("3.13").asset_hash}
    monkeypatch.setattr(bundling, "_RECIPE", b"next")
    hashes.add(stage_layer("3.12").asset_hash)
    monkeypatch.setattr(bundling, "_package_sources", lambda _: {"lambda_otel_lite/x.py": b"1"})
    hashes.add(stage_layer("3.12").asset_hash)
    assert len(hashes) == 4


def test_what_an_import_left_in_a_kept_tree_is_never_used(
    tmp_path: Path, cache_in: Callable[[Path], None]
) -> None:
    cache_in(tmp_path)
    staged = stage_package("otlp_forwarder")
    (staged.path / "otlp_forwarder" / "__pycache__").mkdir()
    (staged.path / "otlp_forwarder" / "__pycache__" / "x.pyc").write_bytes(b"stray")
    assert not [name for name in files(stage_package("otlp_forwarder")) if "__pycache__" in name]


@pytest.mark.parametrize("damage", ["change", "remove", "half-built"])
def test_a_damaged_tree_is_built_anew(
    damage: str, tmp_path: Path, cache_in: Callable[[Path], None]
) -> None:
    cache_in(tmp_path)
    tree = cached_tree("key", _whole)
    if damage == "change":
        (tree / "file").write_text("other")
    elif damage == "remove":
        (tree / "file").unlink()
    else:
        (tree.parent / "digest").unlink()
    again = cached_tree("key", _whole)
    assert (again / "file").read_text() == "whole"
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


def test_a_failed_build_leaves_nothing_behind(
    tmp_path: Path, cache_in: Callable[[Path], None]
) -> None:
    cache_in(tmp_path)

    def fail(folder: Path) -> None:
        _write(folder / "file", "half")
        raise BundlingError("no network")

    with pytest.raises(BundlingError):
        cached_tree("key", fail)
    assert list(tmp_path.iterdir()) == []


def test_of_two_synths_at_once_the_first_one_done_is_kept(
    tmp_path: Path, cache_in: Callable[[Path], None]
) -> None:
    cache_in(tmp_path)

    def build(folder: Path) -> None:
        # While this one builds, the other starts and finishes.
        cached_tree("key", _whole)
        _whole(folder)

    tree = cached_tree("key", build)
    assert (tree / "file").read_text() == "whole"
    assert [entry.name for entry in tmp_path.iterdir()] == ["key"]


def test_everybody_may_read_a_kept_tree(tmp_path: Path, cache_in: Callable[[Path], None]) -> None:
    cache_in(tmp_path)

    def build(folder: Path) -> None:
        _write(folder / "package" / "file", "whole").chmod(0o700)

    tree = cached_tree("key", build)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tree.rglob("*")}
    assert modes == {"package": 0o755, "file": 0o644}


def test_a_failure_of_uv_is_one_clear_message(
    tmp_path: Path, cache_in: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
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
