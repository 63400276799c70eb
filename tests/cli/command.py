"""The installed command, started as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

COMMAND = Path(sys.executable).with_name("lambda-otel")
ENVIRONMENT = {**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8"}


def run(
    *arguments: str | Path,
    given: str = "",
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end.

    Args:
        arguments: What comes after its name.
        given: What it reads from standard input.
        cwd: Folder to start it in; default: this one.
        environment: Variables beside those of the tests.
    """
    return subprocess.run(
        [COMMAND, *arguments],
        input=given,
        cwd=cwd,
        env=ENVIRONMENT | dict(environment or {}),
        capture_output=True,
        text=True,
        check=False,
    )


def assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line on stderr that holds the words, nothing on stdout, exit code 2."""
    assert done.returncode == 2, done
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    for word in words:
        assert word in line


def run_code(code: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run some Python before the command, in its process, such as what another system would do."""
    start = f"{code}\nfrom lambda_otel_lite_cdk.cli.main import main\nmain()"
    return subprocess.run(
        [sys.executable, "-c", start, *arguments],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


def complete(words: str, cwd: Path | None = None) -> str:
    """What the script of `completion` gets for words that begin with a command."""
    variables = {
        "_LAMBDA_OTEL_COMPLETE": "bash_complete",
        "COMP_WORDS": f"lambda-otel {words}",
        "COMP_CWORD": str(len(words.split())),
    }
    done = run(cwd=cwd, environment=variables)
    assert done.stderr == ""
    return done.stdout.strip()
