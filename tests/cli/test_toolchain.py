from __future__ import annotations

import multiprocessing
import os
import sys
from pathlib import Path

import pytest

from lambda_otel_lite_cdk.cli.emulator import toolchain
from lambda_otel_lite_cdk.cli.errors import UsageProblem


def _install(cache: str) -> str:
    os.environ["XDG_CACHE_HOME"] = cache
    return str(toolchain.runtime_packages(Path(sys.executable), "python3.13"))


def test_installs_at_the_same_time_end_in_one_complete_folder_that_is_used_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        folders = pool.map(_install, [str(tmp_path)] * 2, chunksize=1)
    assert len(set(folders)) == 1
    assert [path.name for path in (tmp_path / "lambda-otel-lite").iterdir()] == [
        Path(folders[0]).name
    ]
    assert Path(folders[0], "awslambdaric", "bootstrap.py").is_file()
    assert Path(folders[0], "boto3", "__pycache__").is_dir()
    announced = capfd.readouterr().err.splitlines()
    assert {line.partition(" into ")[0] for line in announced} == {
        "installing the packages that Lambda's Python has"
    }
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert str(toolchain.runtime_packages(Path(sys.executable), "python3.13")) == folders[0]
    assert capfd.readouterr().err == ""


def test_the_emulator_is_installed_as_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    program = toolchain.emulator_binary()
    assert program.is_relative_to(tmp_path)
    assert os.access(program, os.X_OK)


def test_a_failed_install_is_one_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(UsageProblem, match="the packages that Lambda") as raised:
        toolchain.runtime_packages(tmp_path / "no-python", "python3.13")
    assert "\n" not in raised.value.format_message()
    assert list((tmp_path / "lambda-otel-lite").iterdir()) == []


def test_a_machine_without_an_emulator_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    with pytest.raises(UsageProblem, match="not on linux riscv64"):
        toolchain.emulator_binary()
