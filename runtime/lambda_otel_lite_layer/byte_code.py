"""Byte code of the layer's modules, in one file that is read once.

A cold start reads sixty of them, and of the time that this takes a fifth is to find and open each
where nobody has read the layer's files before. The modules' sources lie where Python looks for
them, and are what is imported where this file does not fit the interpreter.
"""

import marshal
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import MAGIC_NUMBER
from types import CodeType

#: A module's code, and whether it is a package.
Module = tuple[CodeType, bool]

#: The file's name in the folder that the modules lie in.
NAME = "byte-code.bin"
#: It begins with Python's magic number, the size of its index, and the size of the code which a
#: cold start needs, in so many bytes each.
_SIZE = 4

#: For each module whether it is a package, and where its code begins after the index, and its size;
#: a size of 0 if a cold start needs it.
Index = dict[str, tuple[bool, int, int]]


def pack(needed: Mapping[str, Module], others: Mapping[str, Module]) -> bytes:
    """Return what the file holds.

    Args:
        needed: The modules that a cold start needs, whose code is read as one piece.
        others: The other modules.
    """
    pieces = [marshal.dumps({name: code for name, (code, _) in needed.items()})]
    index: Index = {name: (is_package, 0, 0) for name, (_, is_package) in needed.items()}
    begin = len(pieces[0])
    for name, (code, is_package) in others.items():
        pieces.append(marshal.dumps(code))
        index[name] = is_package, begin, len(pieces[-1])
        begin += len(pieces[-1])
    head = marshal.dumps(index)
    sizes = [len(head).to_bytes(_SIZE, "little"), len(pieces[0]).to_bytes(_SIZE, "little")]
    return b"".join([MAGIC_NUMBER, *sizes, head, *pieces])


class ByteCode:
    """Finds the modules of a folder for which there is byte code, as ``sys.meta_path`` asks.

    Args:
        folder: Holds the packages, and the file.

    Raises:
        OSError: There is no such file.
        ValueError: It is another Python version's.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        with open(f"{folder}/{NAME}", "rb") as file:  # noqa: PTH123 - pathlib takes a cold start 5 ms
            magic, *sizes = (file.read(_SIZE) for _ in range(3))
            if magic != MAGIC_NUMBER:
                raise ValueError(f"{folder}/{NAME} is not for this Python")
            head, needed = (int.from_bytes(size, "little") for size in sizes)
            self._index: Index = marshal.loads(file.read(head))  # noqa: S302 - the layer's own
            self._begin = file.tell()
            self._needed: dict[str, CodeType] = marshal.loads(file.read(needed))  # noqa: S302

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        """Find a module where the first folder that Python looks in is the layer's."""
        del target
        found = self._index.get(name)
        if found is None or not path:
            return None
        package, _, module = name.rpartition(".")
        folder = f"{self._folder}/{package.replace('.', '/')}" if package else self._folder
        if path[0] != folder:
            return None
        origin = f"{folder}/{module}{'/__init__' if found[0] else ''}.py"
        spec = ModuleSpec(name, _Loader(name, origin, self), origin=origin, is_package=found[0])
        # Sets ``__file__``.
        spec.has_location = True
        if found[0]:
            spec.submodule_search_locations = [f"{folder}/{module}"]
        return spec

    def code_of(self, name: str) -> CodeType:
        """Return a module's code."""
        if name in self._needed:
            # Nobody imports a module twice.
            return self._needed.pop(name)
        _, begin, size = self._index[name]
        with open(f"{self._folder}/{NAME}", "rb") as file:  # noqa: PTH123 - as above
            file.seek(self._begin + begin)
            code: CodeType = marshal.loads(file.read(size))  # noqa: S302 - the layer's own
        return code


class _Loader(SourceFileLoader):
    def __init__(self, name: str, path: str, byte_code: ByteCode) -> None:
        super().__init__(name, path)
        self._byte_code = byte_code

    def get_code(self, fullname: str) -> CodeType | None:
        try:
            return self._byte_code.code_of(fullname)
        except (OSError, ValueError, EOFError, TypeError):
            return super().get_code(fullname)


def install(folder: str) -> "ByteCode | type[PathFinder]":
    """Have modules of a folder be imported by their byte code from now on, where there is some.

    Returns:
        What finds them.
    """
    try:
        found = ByteCode(folder)
    except (OSError, ValueError, EOFError, TypeError):
        return PathFinder
    finders: list[object] = list(sys.meta_path)
    before = finders.index(PathFinder) if PathFinder in finders else 0
    sys.meta_path.insert(before, found)
    return found
