"""The package ``opentelemetry``, whose parts lie in several folders.

It is a namespace package (PEP 420): Python takes each of its modules from the first folder of the
path that has it, so that a bundle's API would run with a layer's SDK. Here the order of the folders
is somebody's decision.
"""

import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from os import listdir
from os.path import dirname, isdir, isfile
from types import ModuleType
from typing import Any

NAME = "opentelemetry"
#: What the folder of the layer's ``opentelemetry/__init__.py`` holds if no other layer uses it.
_ALONE = {"__init__.py", "__pycache__"}


class Portions:
    """The package's ``__path__``: some folders first, then those that the import path gives.

    As with every namespace package, what is put on the import path later counts: code that unpacks
    its dependencies at start-up does so.

    Args:
        stand_in: The folder on the import path whose ``opentelemetry/__init__.py`` is the layer's.

    Attributes:
        first: Folders in which every module is looked for first.
    """

    def __init__(self, stand_in: str | None = None) -> None:
        self.first: list[str] = []
        self._stand_in = stand_in
        self._last: list[str] = []
        self._path: tuple[str, ...] | None = None

    def __iter__(self) -> Iterator[str]:
        return iter(self._folders())

    def __len__(self) -> int:
        return len(self._folders())

    def __getitem__(self, index: Any) -> Any:
        return self._folders()[index]

    def __contains__(self, folder: object) -> bool:
        return folder in self._folders()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._folders()!r})"

    def append(self, folder: str) -> None:
        """Look in this folder too, after all others."""
        self._last.append(folder)

    @property
    def regular(self) -> str | None:
        """The file of an ``opentelemetry/__init__.py`` on the path that is not the layer's."""
        return next((spec.origin for spec in self._specs() if self._is_regular(spec)), None)

    def _folders(self) -> list[str]:
        path = tuple(sys.path)
        if path != self._path:
            self._found = self._find()
            self._path = path
        return [*self.first, *self._found, *self._last]

    def _find(self) -> list[str]:
        found: list[str] = []
        for spec in self._specs():
            if self._is_regular(spec):
                # Python looks no further: such a package is the whole of it.
                return list(spec.submodule_search_locations or ())
            if spec.origin is None or self._is_shared(spec.origin):
                found += spec.submodule_search_locations or ()
        return list(dict.fromkeys(found))

    def _specs(self) -> Iterator[ModuleSpec]:
        for entry in sys.path:
            # Asked first, because the finder takes many times as long: it must for a zip file.
            if not isdir(f"{entry or '.'}/{NAME}") and not isfile(entry):  # noqa: PTH112, PTH113 - pathlib takes a cold start 5 ms
                continue
            spec = PathFinder.find_spec(NAME, [entry])
            if spec is not None and spec.submodule_search_locations is not None:
                yield spec

    def _is_shared(self, stand_in: str) -> bool:
        """Tell whether other layers have put modules beside the layer's own."""
        return not _ALONE.issuperset(listdir(dirname(stand_in)))  # noqa: PTH120, PTH208 - as above

    def _is_regular(self, spec: ModuleSpec) -> bool:
        return spec.origin is not None and (
            self._stand_in is None or spec.origin != f"{self._stand_in}/{NAME}/__init__.py"
        )


def install(portions: Portions) -> None:
    """Make the package be found in these folders from now on."""
    module = ModuleType(NAME)
    spec = ModuleSpec(NAME, None, is_package=True)
    # Neither need be a list; Python's own for such packages are none.
    spec.submodule_search_locations = portions  # type: ignore[assignment]
    module.__spec__ = spec
    module.__path__ = portions  # type: ignore[assignment]
    module.__package__ = NAME
    sys.modules[NAME] = module


def withdraw() -> None:
    """Forget the package and all of its modules, so that they are imported anew."""
    for name in [name for name in sys.modules if name == NAME or name.startswith(f"{NAME}.")]:
        del sys.modules[name]


def module_of(name: str, folders: Sequence[str]) -> ModuleSpec | None:
    """Find a module of the package in the first of its folders that has it.

    Args:
        name: Such as ``opentelemetry.sdk.version``.
        folders: Folders of the package.
    """
    inside = "/".join(name.split(".")[1:-1])
    return PathFinder.find_spec(
        name, [f"{folder}/{inside}" if inside else folder for folder in folders]
    )
