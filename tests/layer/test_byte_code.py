"""The layer's byte code in one file: found where Python would find the source, or not used."""

import importlib
import inspect
import sys
from collections.abc import Iterator
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

import pytest

from lambda_otel_lite_layer import byte_code
from tests.layer.test_choice import write

SOURCES = {
    "house/__init__.py": "FROM = 'source'\n",
    "house/kitchen.py": "FROM = 'source'\ndef cook(): raise ValueError('burnt')\n",
    "house/cellar/__init__.py": "FROM = 'source'\n",
    "house/cellar/wine.py": "FROM = 'source'\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of modules whose byte code says that it is not their source."""
    write(tmp_path, SOURCES)
    needed: dict[str, byte_code.Module] = {}
    others: dict[str, byte_code.Module] = {}
    for number, (path, source) in enumerate(SOURCES.items()):
        name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        code = compile(source.replace("'source'", "'byte code'"), str(tmp_path / path), "exec")
        (others if number % 2 else needed)[name] = code, "__init__" in path
    (tmp_path / byte_code.NAME).write_bytes(byte_code.pack(needed, others))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "house"]:
        del sys.modules[name]


def imported(folder: Path) -> list[ModuleType]:
    """Import all of the modules, with the byte code of their folder if there is some."""
    byte_code.install(str(folder))
    house = importlib.import_module("house")
    return [house, *(importlib.import_module(f"house.{one}") for one in ("kitchen", "cellar.wine"))]


def test_modules_are_what_python_itself_makes_of_their_sources(folder: Path) -> None:
    house, kitchen, wine = imported(folder)

    # A package on the import path is Python's to find: the same name may lie in other folders.
    assert [module.FROM for module in (house, kitchen, wine)] == ["source", *["byte code"] * 2]
    for module in (kitchen, sys.modules["house.cellar"], wine):
        theirs = PathFinder.find_spec(
            module.__name__, sys.modules[module.__name__.rpartition(".")[0]].__path__
        )
        assert theirs is not None
        assert module.__spec__ is not None
        for part in ("name", "origin", "has_location", "submodule_search_locations", "parent"):
            assert getattr(module.__spec__, part) == getattr(theirs, part), part
        assert module.__file__ == theirs.origin


def test_a_module_of_another_folder_that_comes_first_is_not_replaced(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    other = tmp_path_factory.mktemp("other")
    write(other, {"kitchen.py": "FROM = 'other'\n"})
    byte_code.install(str(folder))
    house = importlib.import_module("house")
    house.__path__.insert(0, str(other))

    assert vars(importlib.import_module("house.kitchen"))["FROM"] == "other"


def test_its_source_is_found_for_tracebacks_and_for_whoever_asks(folder: Path) -> None:
    _, kitchen, _ = imported(folder)

    assert inspect.getsource(kitchen.cook) == "def cook(): raise ValueError('burnt')\n"
    with pytest.raises(ValueError, match="burnt") as raised:
        kitchen.cook()
    assert str(raised.traceback[-1].statement) == "def cook(): raise ValueError('burnt')"


def test_a_module_can_be_imported_again(folder: Path) -> None:
    _, kitchen, wine = imported(folder)
    vars(kitchen)["FROM"] = vars(wine)["FROM"] = "somebody"

    assert importlib.reload(kitchen).FROM == "byte code"
    assert importlib.reload(wine).FROM in {"byte code", "source"}


@pytest.mark.parametrize("damage", ["another Python's", "cut short", "cut in the index", "none"])
def test_sources_are_imported_where_the_file_does_not_serve(folder: Path, damage: str) -> None:
    file = folder / byte_code.NAME
    content = file.read_bytes()
    if damage == "none":
        file.unlink()
    else:
        file.write_bytes(
            {
                "another Python's": b"\0\0\r\n" + content[4:],
                "cut short": content[:-1],
                "cut in the index": content[:20],
            }[damage]
        )
    house, kitchen, wine = imported(folder)

    read = "byte code" if damage == "cut short" else "source"
    assert ["source", read, "source"] == [house.FROM, kitchen.FROM, wine.FROM]
