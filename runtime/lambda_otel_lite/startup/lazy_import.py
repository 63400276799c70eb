"""Import a module without what it imports and does not use.

The SDK imports modules of the standard library for resource detectors and an id generator that no
traced function here uses: a fifth of its import. While it is imported, each of them that nobody has
imported yet is represented by a stand-in, which imports it at the first use, should there be one.
Nothing of the SDK is changed, and nobody else meets a stand-in.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any


class _StandIn(ModuleType):
    """Has what the module has that it is named after, and imports it to look."""

    def __getattr__(self, name: str) -> Any:
        _withdraw(self)
        return getattr(import_module(self.__name__), name)


@contextmanager
def imported_later(*names: str) -> Iterator[None]:
    """Have modules of these names imported at their first use by what is imported meanwhile."""
    stand_ins = [_StandIn(name) for name in names if name not in sys.modules]
    sys.modules.update({one.__name__: one for one in stand_ins})
    try:
        yield
    finally:
        for one in stand_ins:
            _withdraw(one)


def _withdraw(stand_in: _StandIn) -> None:
    if sys.modules.get(stand_in.__name__) is stand_in:
        del sys.modules[stand_in.__name__]
