"""The names of packages that import them at their first use, as type checkers see them."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGES = ["lambda_otel_lite", "lambda_otel_lite.extractors", "lambda_otel_lite_cdk"]


def typed_names(package: str) -> Iterator[tuple[str, str]]:
    """Yield each name that a package imports for type checkers alone, and the module it is in."""
    source = importlib.import_module(package).__file__
    assert source is not None
    for block in ast.parse(Path(source).read_text("utf-8")).body:
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING":
            for line in block.body:
                if isinstance(line, ast.ImportFrom) and line.module:
                    for alias in line.names:
                        names = _defined_in(line.module) if alias.name == "*" else [alias.name]
                        yield from ((name, line.module) for name in names)


def _defined_in(module: str) -> Iterator[str]:
    """Yield the names that ``from module import *`` brings of the module's own."""
    for name, value in vars(importlib.import_module(module)).items():
        if not name.startswith("_") and getattr(value, "__module__", None) == module:
            yield name


NAMES = [(package, *found) for package in PACKAGES for found in typed_names(package)]


@pytest.mark.parametrize(("package", "name", "module"), NAMES)
def test_a_name_is_what_type_checkers_take_it_for(package: str, name: str, module: str) -> None:
    found = getattr(importlib.import_module(package), name)

    assert found is getattr(importlib.import_module(module), name)
