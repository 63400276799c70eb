"""What a newcomer sees where something is missing: one clear line and status 2, no traceback."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import uv

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Copy what setup reads, as a fresh clone has it."""
    copy = tmp_path / "clone"
    for name in ("requirements", "constructs/lambda_otel_lite_cdk"):
        ignored = shutil.ignore_patterns("__pycache__", "node_modules")
        shutil.copytree(ROOT / name, copy / name, ignore=ignored)
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, copy)
    return copy


def run(clone: Path, *command: str, **environment: str) -> tuple[int, list[str]]:
    """Return a command's status and what it said about errors."""
    done = subprocess.run(
        command,
        cwd=clone,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


def test_a_missing_python_is_named(clone: Path) -> None:
    status, (line, _) = run(clone, "make", "--no-print-directory", "setup", "PYTHON=no-such-python")

    assert status == 2
    assert line == "setup: no-such-python is missing; install Python 3.11 or newer"


def test_an_unreachable_registry_is_one_line(clone: Path) -> None:
    """Pip is told to use no registry, and to find nothing in any folder."""
    nothing = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": os.devnull}

    status, (line,) = run(clone, sys.executable, "requirements/bootstrap.py", **nothing)

    assert status == 2
    assert line.startswith("setup: cannot install uv: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "setup: no supported Python (3.99) on PATH or under pyenv; install one"),
        (["--python", "3.99"], "setup: no Python 3.99 on PATH or under pyenv; install it"),
    ],
    ids=["any", "one"],
)
def test_without_the_python_the_line_says_what_to_install(
    clone: Path, arguments: list[str], said: str
) -> None:
    """Neither this machine nor the offline uv has the only version that is supported."""
    home = clone / ".cache/uv"
    (home / "bin").mkdir(parents=True)
    (home / "bin/uv").symlink_to(uv.find_uv_bin())
    script = (
        "import sys; sys.path.insert(0, 'requirements'); import bootstrap as b;"
        "(b.UV_HOME / b.STAMP).write_text(b._digest(b.UV_LOCK));"
        "b.SUPPORTED_VERSIONS = ('3.99',); b.FETCHED_VERSION = '3.99';"
        "sys.exit(b.main(sys.argv[1:]))"
    )

    status, (line,) = run(clone, sys.executable, "-c", script, *arguments, UV_OFFLINE="1")

    assert status == 2
    assert line.startswith(said)
