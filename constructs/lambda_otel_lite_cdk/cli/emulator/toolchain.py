"""Install, once, what a local run needs: the official emulator and the platform's own packages.

Both come from hash-pinned locks that ship with this package and are kept under
``$XDG_CACHE_HOME/lambda-otel-lite`` (default ``~/.cache/lambda-otel-lite``), by a name made of the
lock's content, so that a new lock never meets an old install.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import click

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.layer.interpreters import find_interpreter

#: The emulator's file for each machine. Source: the wheel of aws-sam-cli, samcli/local/rapid.
_EMULATORS = {
    "x86_64": "aws-lambda-rie-x86_64",
    "amd64": "aws-lambda-rie-x86_64",
    "aarch64": "aws-lambda-rie-arm64",
    "arm64": "aws-lambda-rie-arm64",
}


#: What each lock is for, in a user's words.
_PURPOSES = {
    "emulator": "the Lambda emulator",
    "lambda-runtime": "the packages that Lambda's Python has",
}


def interpreter_for(runtime: str) -> Path:
    """Return the interpreter that a Lambda runtime asks for.

    Args:
        runtime: Lambda's identifier, such as ``"python3.13"``.

    Raises:
        UsageProblem: Where this machine has no such interpreter.
    """
    version = runtime.removeprefix("python")
    found = find_interpreter(version)
    if found is None:
        raise UsageProblem(
            f"the function runs on {runtime} and this machine has no Python {version}; "
            f"install it, for example with `uv python install {version}`"
        )
    return found


def require_linux() -> None:
    """Refuse machines that the emulator does not run on, before anything else is done.

    Raises:
        UsageProblem: Where this is no Linux on a processor that Lambda has.
    """
    machine = platform.machine().lower()
    if sys.platform != "linux" or machine not in _EMULATORS:
        raise UsageProblem(
            f"the Lambda emulator runs on Linux on {' or '.join(_EMULATORS)}, "
            f"not on {sys.platform} {machine}; use a Linux machine, a container or WSL"
        )


def emulator_binary() -> Path:
    """Return the AWS Lambda Runtime Interface Emulator for this machine, installing it once.

    Raises:
        UsageProblem: Where there is none for this machine, or it cannot be installed.
    """
    require_linux()
    machine = platform.machine().lower()

    def build(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            # Only the current platform's own interpreter is asked: the wheel is pure Python.
            _install("emulator", Path(scratch), Path(sys.executable), "--no-compile-bytecode")
            binary = Path(scratch, "samcli", "local", "rapid", _EMULATORS[machine])
            shutil.copy2(binary, target / "aws-lambda-rie")
        (target / "aws-lambda-rie").chmod(0o755)

    return _kept("emulator", machine, build) / "aws-lambda-rie"


def runtime_packages(python: Path, runtime: str) -> Path:
    """Return a folder with what Lambda has installed for a Python version, installing it once.

    Args:
        python: The interpreter that will import them.
        runtime: Lambda's identifier, such as ``"python3.13"``.

    Raises:
        UsageProblem: Where they cannot be installed.
    """

    def build(target: Path) -> None:
        _install("lambda-runtime", target, python, "--compile-bytecode")

    return _kept("lambda-runtime", runtime, build)


def _kept(lock: str, variant: str, build: Callable[[Path], None]) -> Path:
    """Return the kept folder; a folder of that name is always complete."""
    digest = hashlib.sha256(_lock(lock).encode()).hexdigest()[:16]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lambda-otel-lite"
    kept = cache / f"{lock}-{variant}-{digest}"
    if kept.is_dir():
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    click.echo(f"installing {_PURPOSES[lock]} into {cache}, once ...", err=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=f".{lock}-") as scratch:
        new = Path(scratch, "new")
        new.mkdir()
        build(new)
        try:
            new.rename(kept)
        except OSError:
            # Another process was first; what it made is the same.
            if not kept.is_dir():
                raise
    return kept


def _lock(name: str) -> str:
    return (files("lambda_otel_lite_cdk") / "locks" / f"{name}.txt").read_text("utf-8")


def _install(lock: str, target: Path, python: Path, *options: str) -> None:
    import uv  # noqa: PLC0415 - not every command installs something

    command = [
        *(uv.find_uv_bin(), "pip", "install", "--quiet", "--no-config", "--no-deps"),
        *("--require-hashes", "--python", str(python), "--no-python-downloads", *options),
        *("--target", str(target), "--requirements", "-"),
    ]
    done = subprocess.run(command, input=_lock(lock), capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageProblem(
            f"{_PURPOSES[lock]} could not be installed from the package index that uv uses; "
            f"check the network or UV_INDEX_URL: {done.stderr}"
        )
