"""Which Python compiles a layer or runs a function: the right one of this machine, or none."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lambda_otel_lite_cdk.layer.interpreters import SUPPORTED_VERSIONS, find_interpreter

from .conftest import PYTHON

#: A version that no machine has.
NONE_HAS = "3.99"


def python_that(says: str, path: Path) -> Path:
    """Write a program that runs some lines of shell."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which interpreters are looked for in this folder alone."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "uv"))
    return tmp_path


def test_a_machine_without_the_version_has_none(machine: Path) -> None:
    assert find_interpreter(NONE_HAS) is None


def test_what_runs_is_taken_without_its_environment(machine: Path) -> None:
    found = find_interpreter(PYTHON)

    assert found is not None
    assert not (found.parent.parent / "pyvenv.cfg").exists()


@pytest.mark.parametrize(
    "place",
    [
        "bin/python3.99",
        "bin/python3",
        "pyenv/versions/3.99.1/bin/python3.99",
        "uv/cpython-3.99.1-linux-x86_64-gnu/bin/python3.99",
    ],
)
def test_it_is_found_on_the_path_and_where_pyenv_and_uv_put_it(machine: Path, place: str) -> None:
    python = python_that("echo 3.99", machine / place)

    assert find_interpreter(NONE_HAS) == python


@pytest.mark.parametrize("says", ["echo 3.98", "exit 3", "kill $$"])
def test_a_name_alone_is_not_trusted(machine: Path, says: str) -> None:
    python_that(says, machine / "bin/python3.99")
    right = python_that("echo 3.99", machine / "bin/python")

    assert find_interpreter(NONE_HAS) == right


def test_what_cannot_be_run_is_passed_over(machine: Path) -> None:
    broken = python_that("", machine / "bin/python3.99")
    broken.write_text("#!/no/such/shell\n")

    assert find_interpreter(NONE_HAS) is None


def test_pyenvs_newest_release_is_taken_and_never_its_shim(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for patch in ("2", "10", "0a1"):
        python_that("echo 3.99", machine / f"pyenv/versions/3.99.{patch}/bin/python3.99")
    python_that("echo 3.99", machine / "shims/python3.99")
    monkeypatch.setenv("PATH", str(machine / "shims"))

    assert find_interpreter(NONE_HAS) == machine / "pyenv/versions/3.99.10/bin/python3.99"


def test_an_interpreter_that_cannot_compile_the_layer_stops_its_build(machine: Path) -> None:
    other = next(version for version in SUPPORTED_VERSIONS if version != PYTHON)
    says = f'[ "$2" = -c ] && echo {other} && exit\necho no room for byte code\nexit 1'
    python_that(says, machine / f"bin/python{other}")

    main = "from lambda_otel_lite_cdk.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", main, "layer", "--python", other, "-o", machine / "layer"],
        env={
            **os.environ,
            "XDG_CACHE_HOME": str(machine / "cache"),
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache/uv"),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert f"could not be byte-compiled by {machine}/bin/python{other}" in done.stderr
    assert "no room for byte code" in done.stderr
    assert not (machine / "layer").exists()
