"""Import a module without what it imports and does not use.

While it is imported, each module that nobody has imported yet and that is not needed is represented
by a stand-in, which imports it at the first use, should there be one. Until the import is over, a
stand-in may have some names of its own, for what is asked of the module at once. Nothing of what is
imported is changed, and nobody else meets a stand-in.
"""

import gc
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


class _StandIn(ModuleType):
    """Has some names of its own, and otherwise what the module has that it is named after."""

    def __init__(self, name: str, own: Mapping[str, Any]) -> None:
        super().__init__(name)
        # Every `from ... import` asks for it, which is no reason to import the module.
        self.__path__: list[str] = []
        self._own = own

    def __getattr__(self, name: str) -> Any:
        return self._own[name] if name in self._own else getattr(real(self.__name__), name)


@contextmanager
def imported_later(modules: Mapping[str, Mapping[str, Any]]) -> Iterator[None]:
    """Have modules imported at their first use by what is imported meanwhile.

    Args:
        modules: For each module's name, what its stand-in has of its own.
    """
    stand_ins = {
        name: _StandIn(name, own) for name, own in modules.items() if name not in sys.modules
    }
    sys.modules.update(stand_ins)
    for name, one in stand_ins.items():
        package, _, module = name.rpartition(".")
        if package in stand_ins:
            # As an import of it does.
            vars(stand_ins[package])[module] = one
    try:
        yield
    finally:
        for name, one in stand_ins.items():
            one._own = {}  # noqa: SLF001 - a method would hide what the module has of its name
            if sys.modules.get(name) is one:
                del sys.modules[name]


def real(name: str) -> ModuleType:
    """Import the module of a name, where a stand-in has it too.

    What that module imports meets no stand-in.
    """
    found = sys.modules.get(name)
    if found is not None and not isinstance(found, _StandIn):
        return found
    stand_ins = {each: one for each, one in sys.modules.items() if isinstance(one, _StandIn)}
    for each in stand_ins:
        del sys.modules[each]
    try:
        return import_module(name)
    finally:
        for each, one in stand_ins.items():
            package = each.rpartition(".")[0]
            # A package that is real by now would not lead to it.
            if package not in stand_ins or sys.modules.get(package) is stand_ins[package]:
                sys.modules.setdefault(each, one)


@contextmanager
def without_collector() -> Iterator[None]:
    """Import without garbage collection: what modules are made of all lives on.

    The collector would walk it over and over, for a twentieth of the time that the import takes.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
