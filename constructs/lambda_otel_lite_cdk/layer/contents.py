"""Decide what a layer holds of the installed distributions: what tracing needs, and no more."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Iterable
from pathlib import Path

from lambda_otel_lite_cdk.errors import BundlingError

#: Parts of an installed distribution that nothing reads on Lambda. METADATA and entry_points.txt
#: stay, because `opentelemetry.propagate` finds entry points by name and instrumentations ask for
#: versions. Licence texts stay because the licences require it, each once.
_INSTALL_RECORDS = ("RECORD", "INSTALLER", "REQUESTED", "WHEEL", "direct_url.json", "uv_cache.json")
#: Parts of the SDK that are not about tracing, its configuration by environment variables, which
#: the runtime replaces, and experimental samplers. A function that uses them brings API and SDK in
#: its own code, and the runtime uses those. The API stays whole, because it replaces a bundle's.
_OTHER_SIGNALS = (
    "opentelemetry/sdk/_configuration",
    "opentelemetry/sdk/_events",
    "opentelemetry/sdk/_logs",
    "opentelemetry/sdk/error_handler",
    "opentelemetry/sdk/metrics",
    "opentelemetry/sdk/trace/_sampling_experimental",
)
#: Conventions that may change with each release: a hundred modules, of which the SDK uses two.
_INCUBATING = "opentelemetry.semconv._incubating"
#: Subpackages of ``opentelemetry`` that are none of API, SDK and conventions.
_BESIDE_THE_CORE = ("exporter", "proto")
_COMPILED_SUFFIXES = (".so", ".pyd", ".dylib")


def prune(site: Path) -> None:
    """Remove what a function never needs from the folder that distributions were installed to."""
    (site / ".lock").unlink(missing_ok=True)
    for folder in [site / "bin", *site.rglob("tests"), *site.rglob("__pycache__")]:
        shutil.rmtree(folder, ignore_errors=True)
    for name in _INSTALL_RECORDS:
        for record in site.glob(f"*.dist-info/{name}"):
            record.unlink()
    for marker in site.rglob("py.typed"):
        marker.unlink()
    _prune_copies(sorted(site.glob("*.dist-info/licenses/*")))
    for part in _OTHER_SIGNALS:
        shutil.rmtree(site / part, ignore_errors=True)
    _prune_incubating(site)


def refuse_machine_code(site: Path) -> None:
    """Refuse what would tie the layer to one architecture.

    Raises:
        BundlingError: A file is machine code.
    """
    for path in site.rglob("*"):
        if path.suffix in _COMPILED_SUFFIXES:
            raise BundlingError(
                f"The layer must be pure Python, so that it serves every architecture, but "
                f"{path.relative_to(site)} is machine code. Remove its package from layer.in."
            )


def split(site: Path, tree: Path) -> None:
    """Move API, SDK and conventions out of the folder that will be on the import path.

    On the path they would be mixed, module by module, with those of the function's code. What an
    exporter adds to the package ``opentelemetry`` stays: it works with the SDK of either.

    Args:
        site: The folder that distributions were installed to.
        tree: Where the folder ``opentelemetry`` goes.
    """
    core = tree / "opentelemetry"
    core.mkdir()
    for part in sorted((site / "opentelemetry").iterdir()):
        if part.name not in _BESIDE_THE_CORE:
            part.rename(core / part.name)
    if not any((site / "opentelemetry").iterdir()):
        (site / "opentelemetry").rmdir()


def _prune_copies(files: Iterable[Path]) -> None:
    """Remove each file whose content an earlier one has: OpenTelemetry's licence is there often."""
    seen: set[bytes] = set()
    for file in files:
        content = file.read_bytes()
        if content in seen:
            file.unlink()
        seen.add(content)


def _prune_incubating(site: Path) -> None:
    """Remove the incubating conventions that nothing in the layer imports."""
    modules = {_module_of(path, site): path for path in sorted(site.rglob("*.py"))}
    incubating = {name for name in modules if name.startswith(f"{_INCUBATING}.")}
    kept: set[str] = set()
    reached = modules.keys() - incubating
    while reached:
        imported = _imported_by(modules[name] for name in reached)
        reached = (imported & incubating) - kept
        kept |= reached
    for name in incubating - kept:
        # Packages stay, because modules in them could not be imported without them.
        if modules[name].name != "__init__.py":
            modules[name].unlink()


def _module_of(path: Path, site: Path) -> str:
    parts = path.relative_to(site).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported_by(paths: Iterable[Path]) -> set[str]:
    """Return the absolute names that modules import, and those that may be modules."""
    found: set[str] = set()
    for path in paths:
        source = path.read_text("utf-8")
        if _INCUBATING not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module)
                found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found
