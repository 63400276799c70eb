"""Build the code that goes to AWS, without Docker: the layer's and the forwarder's."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from lambda_otel_lite_cdk import distribution
from lambda_otel_lite_cdk.errors import BundlingError
from lambda_otel_lite_cdk.layer import _bytecode, contents
from lambda_otel_lite_cdk.layer.cache import cached_archive, cached_tree, digest
from lambda_otel_lite_cdk.layer.interpreters import find_interpreter

#: How a line about long work begins; the command shows such lines of a synth.
PROGRESS = "lambda-otel-lite: "
#: To be raised when the steps below make another tree of the same inputs.
_RECIPE = b"4"
_RUNTIME = "lambda_otel_lite"
#: What lies on every function's import path: names that no bundle has.
_ON_PATH = ("lambda_otel_lite_entry", "lambda_otel_lite_layer")
#: The layer's own folder, as `lambda_otel_lite_layer.mount` names it.
_TREE = "lambda-otel-lite"
#: What else lies there: packages that are imported by their own names in handlers that are traced
#: by hand, and that replace themselves.
_LEADS_TO = {
    _RUNTIME: (
        b"from lambda_otel_lite_layer.mount import choose_opentelemetry, mount_runtime\n\n"
        b"mount_runtime()\n"
        b"choose_opentelemetry()\n"
    ),
    "opentelemetry": (
        b"from lambda_otel_lite_layer.mount import lead_to_opentelemetry\n\n"
        b"lead_to_opentelemetry()\n"
    ),
}
#: Where Lambda mounts a layer. Source:
#: https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html
_MOUNT = "/opt"
#: Wheels that Lambda's Amazon Linux 2023 can load, by architecture. Sources:
#: https://peps.python.org/pep-0600/ and https://docs.astral.sh/uv/reference/cli/
_PLATFORMS = {None: "linux", "x86_64": "x86_64-manylinux2014", "arm64": "aarch64-manylinux2014"}


@dataclass(frozen=True, kw_only=True)
class StagedCode:
    """A folder or zip archive that is ready to become an asset.

    Args:
        path: The folder or archive; do not write to it.
        asset_hash: SHA-256 of everything it was made from, in hexadecimal.
        compiled: Whether it holds byte code for its Python version.
    """

    path: Path
    asset_hash: str
    compiled: bool


def stage_layer(
    python: str, package_for: str | None = None, staging: Path | None = None
) -> StagedCode:
    """Return the telemetry layer for a Python version, as a zip archive.

    An archive, because the CDK would copy a folder's five hundred files one by one into each cloud
    assembly.

    The layer holds the installed runtime and its locked dependencies, pure Python, so that it
    serves both architectures: in a folder of its own that is on no import path, with the way to it
    under ``python/`` (`lambda_otel_lite_layer.mount`). If this machine has the Python version,
    the modules that a traced function loads are byte-compiled. The hash is made of the inputs: the
    runtime's sources, the lock, the minor Python version, whether it is compiled, and the steps
    that make it. The patch version is left out, because byte code holds for a whole minor version;
    if its format differs (a pre-release compiled it), Python takes the sources beside it.

    Args:
        python: Minor version such as ``"3.13"``.
        package_for: ``"x86_64"`` or ``"arm64"`` adds the package otlp-stdout-span-exporter and the
            protobuf that it needs, for this architecture. Default: neither.
        staging: Where to keep it if the cache's folder is not usable. Default: a temporary folder.

    Raises:
        BundlingError: The runtime is not installed, or its dependencies could not be installed.
    """
    sources = _layer_sources()
    name = "layer-package.txt" if package_for else "layer.txt"
    lock = resources.files("lambda_otel_lite_cdk").joinpath("locks", name).read_text("utf-8")
    interpreter = find_interpreter(python)
    asset_hash = digest(
        [
            b"layer",
            _RECIPE,
            python.encode(),
            (package_for or "any").encode(),
            b"compiled" if interpreter else b"sources",
            lock.encode(),
            *(Path(step).read_bytes() for step in (contents.__file__, _bytecode.__file__)),
            *(part for name, content in sources.items() for part in (name.encode(), content)),
        ]
    )

    def build(tree: Path) -> None:
        # Takes some seconds, the first time for these inputs.
        sys.stderr.write(f"{PROGRESS}building the telemetry layer for Python {python}, once ...\n")
        _write_sources(sources, tree)
        site = tree / _TREE / "site"
        _install(lock, site, python, _PLATFORMS[package_for])
        contents.prune(site)
        contents.split(site, tree / _TREE)
        if package_for is None:
            contents.refuse_machine_code(tree)
        if interpreter:
            _compile(tree, interpreter)

    return StagedCode(
        path=cached_archive(f"layer-{asset_hash}", build, staging),
        asset_hash=asset_hash,
        compiled=interpreter is not None,
    )


def stage_package(package: str) -> StagedCode:
    """Return an installed package alone, as the code of a function that has no dependencies.

    Args:
        package: Name of an importable top-level package.

    Raises:
        BundlingError: The package is not installed.
    """
    sources = _package_sources(package)
    asset_hash = digest(
        [b"package", _RECIPE, *(p for name, code in sources.items() for p in (name.encode(), code))]
    )
    path = cached_tree(f"{package}-{asset_hash}", lambda tree: _write_sources(sources, tree))
    return StagedCode(path=path, asset_hash=asset_hash, compiled=False)


def _layer_sources() -> dict[str, bytes]:
    """Read what this project puts into a layer; names are relative to the layer."""
    if problem := distribution.conflict():
        raise BundlingError(f"No layer can be built: {problem}.")
    sources = {f"{_TREE}/{name}": code for name, code in _package_sources(_RUNTIME).items()}
    for package in _ON_PATH:
        sources |= {f"python/{name}": code for name, code in _package_sources(package).items()}
    return sources | {f"python/{name}/__init__.py": code for name, code in _LEADS_TO.items()}


def _package_sources(package: str) -> dict[str, bytes]:
    """Read a package's sources, or a module's, without importing it.

    Names are relative to the folder that it lies in.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise BundlingError(
            f"The package {package!r} is not installed beside the constructs ({sys.executable}). "
            f"Run `pip install --force-reinstall {distribution.NAME}`."
        )
    origin = Path(spec.origin)
    if spec.submodule_search_locations is None:
        return {origin.name: origin.read_bytes()}
    folder = origin.parent
    files = sorted(
        path for path in folder.rglob("*") if path.suffix == ".py" or path.name == "py.typed"
    )
    return {path.relative_to(folder.parent).as_posix(): path.read_bytes() for path in files}


def _write_sources(sources: dict[str, bytes], target: Path) -> None:
    for name, content in sources.items():
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _install(lock: str, site: Path, python: str, platform: str) -> None:
    """Install exactly what the lock names, for Lambda's platform, on any machine."""
    requirements = site.parents[2] / "layer.txt"
    requirements.write_text(lock, "utf-8")
    done = subprocess.run(
        [
            _uv(),
            *("pip", "install", "--quiet", "--target", site, "--requirements", requirements),
            *("--python", sys.executable, "--no-python-downloads"),
            *("--python-version", python, "--python-platform", platform),
            *("--no-deps", "--require-hashes", "--only-binary", ":all:", "--no-compile"),
            # A link would share content and permissions with uv's own cache.
            *("--link-mode", "copy"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = " ".join(done.stderr.split()) or "nothing"
        raise BundlingError(
            f"The layer's dependencies for Python {python} could not be installed: uv exited with "
            f"{done.returncode} and said: {said} - They come from the package index or from uv's "
            f"cache. Check the network, or UV_INDEX_URL where you use an index of your own, and "
            f"synthesize again."
        )


def _uv() -> str:
    try:
        from uv import find_uv_bin  # noqa: PLC0415 - only a build needs it

        return find_uv_bin()
    except (ImportError, FileNotFoundError):
        raise BundlingError(
            distribution.needs("uv, which installs the layer's dependencies,", "cli")
        ) from None


def _compile(tree: Path, interpreter: Path) -> None:
    """Let the target's interpreter byte-compile the modules of a layer that a function loads."""
    done = subprocess.run(
        # With the standard library alone: neither PYTHON* variables nor packages play a part.
        [interpreter, "-I", "-S", _bytecode.__file__, tree, _MOUNT],
        # Modules that are imported to be compiled read these.
        env={key: value for key, value in os.environ.items() if not key.startswith("OTEL_")},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BundlingError(
            f"The layer could not be byte-compiled by {interpreter}, which said: "
            f"{done.stdout.strip()} {done.stderr.strip()} - Report this, with the Python version."
        )
