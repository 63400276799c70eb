"""`lambda-otel layer` where something is missing; what it builds is tested with the constructs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.command import assert_refused, run

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def alone(tmp_path: Path) -> dict[str, str]:
    """The variables of a machine that has this Python and no other."""
    return dict.fromkeys(
        ("PATH", "PYENV_ROOT", "XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR"), str(tmp_path / "nothing")
    )


def test_a_missing_interpreter_is_reported_with_what_it_costs(
    tmp_path: Path, alone: dict[str, str]
) -> None:
    other = "3.14" if PYTHON != "3.14" else "3.13"
    target = tmp_path / "layer.zip"
    done = run("layer", "--python", other, "-o", target, environment=alone)
    assert done.returncode == 0, done
    assert done.stdout.startswith(f"{target} ")
    assert f"this machine has no Python {other}: every cold start" in done.stderr
    assert target.is_file()


def test_a_failed_install_is_reported_in_one_line(tmp_path: Path) -> None:
    offline = {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path)}
    target = tmp_path / "layer.zip"
    done = run("layer", "--python", PYTHON, "-o", target, environment=offline)
    *_, last = done.stderr.splitlines()
    assert done.returncode == 2
    assert "could not be installed" in last
    assert not target.exists()


def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("layer", "--python", PYTHON, "-o", tmp_path / "file" / "layer.zip")
    assert_refused(done, "the layer cannot be written to", "give another path")
