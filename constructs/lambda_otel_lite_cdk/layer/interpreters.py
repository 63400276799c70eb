"""Find Python interpreters on this machine.

The layer is byte-compiled, and the emulator runs a function, with the Python version that the
function has. The project's own setup asks here too, so that this module needs the standard library
alone and runs on Python 3.11.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

#: Python versions that AWS Lambda offers and this project supports, oldest first.
#: Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
SUPPORTED_VERSIONS = ("3.12", "3.13", "3.14")


def find_interpreter(version: str) -> Path | None:
    """Return an interpreter of the given minor version, or None if there is none.

    Looks at the running interpreter, ``pythonX.Y`` and ``python3`` on PATH, pyenv's versions and
    those that uv has installed, in this order. All but the running one are started to see their
    version. pyenv's shims are passed over: they are slow, exist for versions that cannot be
    started, and lead to versions that are looked at anyway. Nothing is downloaded.

    Args:
        version: Minor version such as ``"3.13"``.
    """
    if f"{sys.version_info.major}.{sys.version_info.minor}" == version:
        # The base interpreter, so that packages of a virtual environment play no part.
        return Path(getattr(sys, "_base_executable", sys.executable))
    for candidate in _candidates(version):
        if _version_of(candidate) == version:
            return candidate
    return None


def supported_interpreters() -> dict[str, Path]:
    """Return the interpreter of each supported version that this machine has, oldest first."""
    found = {version: find_interpreter(version) for version in SUPPORTED_VERSIONS}
    return {version: path for version, path in found.items() if path is not None}


def _candidates(version: str) -> Iterator[Path]:
    for name in (f"python{version}", "python3", "python"):
        on_path = shutil.which(name)
        if on_path and Path(on_path).parent.name != "shims":
            yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    yield from sorted(pyenv.glob(f"{version}.*/bin/python{version}"), key=_patch, reverse=True)
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    managed = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or data / "uv" / "python")
    yield from sorted(managed.glob(f"cpython-{version}.*/bin/python{version}"), reverse=True)


def _patch(executable: Path) -> int:
    """Order 3.12.10 after 3.12.9; pre-releases come before both."""
    patch = executable.parent.parent.name.split(".")[2]
    return int(patch) if patch.isdecimal() else -1


def _version_of(executable: Path) -> str | None:
    try:
        probe = subprocess.run(
            [executable, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return probe.stdout.strip() if probe.returncode == 0 else None
