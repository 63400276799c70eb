"""Find what installed packages offer under a name, without a look at all of them.

A scan of everything that is installed, which is what ``importlib.metadata.entry_points()`` does,
costs a cold start tens of milliseconds; so only the files of packages whose names are promising are
read at first. Format: https://packaging.python.org/en/latest/specifications/entry-points/
"""

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

_SUFFIXES = (".dist-info", ".egg-info")


class EntryPoint(NamedTuple):
    """One object that a package offers.

    Attributes:
        package: Name of its distribution, normalized: in lower case, with hyphens.
        name: What the object is offered as, normalized as well.
        value: ``module:attribute``.
    """

    package: str
    name: str
    value: str

    def load(self) -> Any:
        """Import the object."""
        module, _, attributes = self.value.partition(":")
        found: Any = import_module(module.strip())
        for attribute in attributes.strip().split("."):
            found = getattr(found, attribute)
        return found


def entry_points(group: str, *words: str) -> Iterator[EntryPoint]:
    """Yield what packages offer in a group, in the order of the import path.

    Args:
        group: Such as ``opentelemetry_instrumentor``.
        words: One of them must be in the name of a distribution. Default: every distribution.
    """
    seen = set()
    for folder in sys.path:
        for name in _listed(folder):
            package = normalized(name.partition("-")[0])
            if not name.endswith(_SUFFIXES) or package in seen:
                continue
            if not words or any(word in package for word in words):
                seen.add(package)
                for key, value in _read(f"{folder}/{name}/entry_points.txt", group):
                    yield EntryPoint(package, normalized(key), value)


def normalized(name: str) -> str:
    """Write a name as all spellings of it are written: in lower case, with hyphens."""
    return name.strip().lower().replace("_", "-").replace(".", "-")


def _listed(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder or "."))  # noqa: PTH208 - pathlib would be imported for it
    except OSError:
        # A zip file, or nothing at all.
        return []


def _read(path: str, wanted: str) -> Iterator[tuple[str, str]]:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - the same
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError):
        return
    group = None
    for line in map(str.strip, lines):
        if line.startswith("["):
            group = line.strip("[] ")
        elif group == wanted and "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            # Extras, which nobody uses any more, follow the object.
            yield key, value.partition("[")[0].strip()
