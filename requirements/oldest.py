"""Make an environment of the oldest packages that are supported, and print its interpreter.

It holds what `oldest.txt` names and, as in ``.venv``, the project's own packages, for the Python
version that runs this, which has to have uv. It is kept in ``.cache`` until that file changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from uv import find_uv_bin

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements" / "oldest.txt"


def main() -> None:
    """Print the path of the interpreter."""
    inputs = LOCK.read_bytes() + Path(__file__).read_bytes() + sys.executable.encode()
    digest = hashlib.sha256(inputs).hexdigest()[:12]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    venv = ROOT / ".cache" / f"oldest-{version}-{digest}"
    venv.parent.mkdir(exist_ok=True)
    # Tests that run at the same time wait for the one that makes it.
    with (venv.parent / f"{venv.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (venv / "complete").exists():
            make(venv)
    print(venv / "bin" / "python")


def make(venv: Path) -> None:
    """Install the lock's packages into a new environment."""
    uv = find_uv_bin()
    base = getattr(sys, "_base_executable", sys.executable)
    subprocess.run([uv, "venv", "--quiet", "--clear", "-p", base, venv], check=True)
    subprocess.run(
        [
            *(uv, "pip", "install", "--quiet", "--require-hashes", "--compile-bytecode"),
            *("--no-deps", "-p", venv / "bin" / "python", "-r", LOCK),
        ],
        check=True,
    )
    (site,) = venv.glob("lib/python*/site-packages")
    own = "".join(f"{ROOT / folder}\n" for folder in ("runtime", "constructs"))
    (site / "lambda_otel_lite.pth").write_text(own)
    (venv / "complete").touch()


if __name__ == "__main__":
    main()
