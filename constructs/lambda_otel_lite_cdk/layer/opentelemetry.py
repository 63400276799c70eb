"""Read which OpenTelemetry the code of a function holds, without running any of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lambda_otel_lite_cdk.layer.archive import text_of
from lambda_otel_lite_layer.versions import CORE

if TYPE_CHECKING:
    from pathlib import Path

#: As it stands in the version module of each release: ``__version__ = "1.45.2"``.
_VERSION = re.compile(r"^__version__\s*=\s*[\"']([^\"']+)[\"']", re.MULTILINE)


def opentelemetry_of_code(asset: Path) -> dict[str, str]:
    """Return the versions of OpenTelemetry's core distributions in a function's code.

    Args:
        asset: A folder or a zip archive.
    """
    return _versions(asset, ("",))


def opentelemetry_of_layer(asset: Path, python: str) -> dict[str, str]:
    """Return the same for the content of a layer.

    Args:
        asset: A folder or a zip archive.
        python: Minor version of the function's Python, such as ``"3.13"``.
    """
    # https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html#packaging-layers-paths
    return _versions(asset, ("python/", f"python/lib/python{python}/site-packages/"))


def _versions(asset: Path, folders: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for distribution, (module, _) in CORE.items():
        path = module.replace(".", "/")
        names = [f"{folder}{path}{end}" for folder in folders for end in ("/__init__.py", ".py")]
        version = _VERSION.search(text_of(asset, names) or "")
        if version:
            found[distribution] = version[1]
    return found
