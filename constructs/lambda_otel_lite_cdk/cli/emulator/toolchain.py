"""Install, once, what a local run needs: the official emulator and the platform's own packages.

Both come from hash-pinned locks that ship with this package. They are kept under a name made from
the lock's content, so that a new lock never uses an old install.
"""

from __future__ import annotations

import hashlib
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
from lambda_otel_lite_cdk.layer.cache import cache_folder, cached_folder
from lambda_otel_lite_cdk.layer.interpreters import find_interpreter

#: The emulator's file for each machine. Source: the wheel of aws-sam-cli, samcli/local/rapid.
_EMULATORS = {
    "x86_64": "aws-lambda-rie-x86_64",
    "amd64": "aws-lambda-rie-x86_64",
    "aarch64": "aws-lambda-rie-arm64",
    "arm64": "aws-lambda-rie-arm64",
}
#: What each lock installs.
_PURPOSES = {
    "emulator": "the Lambda emulator",
    "lambda-runtime": "the packages that Lambda's Python has",
}


def interpreter_for(runtime: str) -> Path:
    """Return an interpreter of a Lambda runtime's Python version.

    Args:
        runtime: Lambda's identifier, such as ``"python3.13"``.

    Raises:
        UsageProblem: This machine has no such interpreter.
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
    """Refuse machines that the emulator does not run on.

    Raises:
        UsageProblem: This is not Linux on a processor that Lambda has.
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
        UsageProblem: There is none for this machine, or it cannot be installed.
    """
    require_linux()
    machine = platform.machine().lower()

    def install(target: Path) -> None:
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            # Any interpreter will do: the wheel is pure Python.
            _install("emulator", Path(scratch), Path(sys.executable), "--no-compile-bytecode")
            binary = Path(scratch, "samcli", "local", "rapid", _EMULATORS[machine])
            shutil.copy2(binary, target / "aws-lambda-rie")
        (target / "aws-lambda-rie").chmod(0o755)

    return _installed("emulator", machine, install) / "aws-lambda-rie"


def runtime_packages(python: Path, runtime: str) -> Path:
    """Return a folder with what Lambda's Python has installed, installing it once.

    Args:
        python: The interpreter that will import them.
        runtime: Lambda's identifier, such as ``"python3.13"``.

    Raises:
        UsageProblem: They cannot be installed.
    """

    def install(target: Path) -> None:
        _install("lambda-runtime", target, python, "--compile-bytecode")

    return _installed("lambda-runtime", runtime, install)


def _installed(lock: str, variant: str, install: Callable[[Path], None]) -> Path:
    def announced(target: Path) -> None:
        click.echo(f"installing {_PURPOSES[lock]} into {cache_folder()}, once ...", err=True)
        install(target)

    digest = hashlib.sha256(_lock(lock).encode()).hexdigest()[:16]
    return cached_folder(f"{lock}-{variant}-{digest}", announced)


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
            f"check the network or UV_INDEX_URL; uv said: {done.stderr}"
        )
