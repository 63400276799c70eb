"""Install each peer into an environment of its own, as a layer would hold it."""

import hashlib
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import uv

from lambda_otel_lite_cdk.layer.build import stage_layer
from lambda_otel_lite_cdk.layer.interpreters import find_interpreter

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "requirements" / "bench"
CACHE = ROOT / ".cache" / "bench"
#: 1980-01-01, where zip's time begins: to which tools that normalize times set them.
_ZIP_EPOCH = 315532800.0


def peer_layer(name: str, python: str, *, byte_code: str) -> Path:
    """Return a layer folder that holds a peer.

    Args:
        name: Name of the lock in requirements/bench.
        python: Minor version of the target Python.
        byte_code: ``"valid"``, or ``"stale"`` as in a layer that was zipped with its time stamps
            normalized, as deployment tools do: Python compiles it anew at every cold start.
    """
    lock = LOCKS / f"{name}.txt"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    layer = CACHE / f"{name}-{python}-{digest}-{byte_code}"
    if not layer.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            target = Path(scratch, "layer", "python")
            _install(lock, target, python)
            _compile(target, python, byte_code)
            shutil.move(Path(scratch, "layer"), layer)
    return layer


def own_layer(python: str, *, byte_code: str) -> Path:
    """Return this project's layer: as the constructs stage it, or without its byte code.

    Args:
        python: Minor version of the target Python.
        byte_code: ``"valid"`` or ``"none"``.
    """
    staged = stage_layer(python)
    layer = CACHE / f"own-{python}-{staged.asset_hash[:12]}-{byte_code}"
    if not layer.is_dir():
        CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
            shutil.unpack_archive(staged.path, scratch + "/layer")
            if byte_code == "none":
                for folder in list(Path(scratch).rglob("__pycache__")):
                    shutil.rmtree(folder)
                for file in list(Path(scratch).rglob("byte-code.bin")):
                    file.unlink()
            shutil.move(Path(scratch, "layer"), layer)
    return layer


def _install(lock: Path, target: Path, python: str) -> None:
    subprocess.run(
        [
            *(uv.find_uv_bin(), "pip", "install", "--quiet", "--no-config", "--no-deps"),
            *("--require-hashes", "--only-binary", ":all:", "--no-python-downloads"),
            *("--python", _interpreter(python), "--target", str(target)),
            *("--requirements", str(lock)),
        ],
        check=True,
    )


def _compile(target: Path, python: str, byte_code: str) -> None:
    mode = "unchecked-hash" if byte_code == "valid" else "timestamp"
    # Many wheels hold files of zip's first day, 1980-01-01; the byte code shall know another one.
    _set_times(target, time.time())
    subprocess.run(
        [_interpreter(python), "-m", "compileall", "-q", "--invalidation-mode", mode, target],
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
        stdout=subprocess.DEVNULL,
    )
    if byte_code == "stale":
        _set_times(target, _ZIP_EPOCH)


def _set_times(target: Path, seconds: float) -> None:
    for source in target.rglob("*.py"):
        os.utime(source, (seconds, seconds))


def _interpreter(python: str) -> str:
    found = find_interpreter(python)
    if found is None:
        raise RuntimeError(f"this machine has no Python {python} to measure with")
    return str(found)
