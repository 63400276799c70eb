"""Rules for the files of the repository that no linter checks."""

from __future__ import annotations

import ast
import graphlib
import json
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = [
    *(ROOT / "requirements").glob("*.txt"),
    *(ROOT / "requirements/bench").glob("*.txt"),
    *(ROOT / "constructs/lambda_otel_lite_cdk").rglob("locks/*.txt"),
]
MODULES = [
    *(ROOT / "runtime").rglob("*.py"),
    *(ROOT / "constructs/lambda_otel_lite_cdk").rglob("*.py"),
    *(ROOT / "requirements").glob("*.py"),
]
#: What one package may import of another.
SHARED = {"otlp_forwarder.variables"}
MAX_LINES = 300
MEDIAN_LINES = 150


def line_count(module: Path) -> int:
    return len(module.read_text().splitlines())


def imported_packages(module: Path) -> Iterator[str]:
    """Yield the top-level packages that a module imports anywhere, under TYPE_CHECKING too."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            if not names <= SHARED:
                yield node.module.split(".")[0]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_python_lock_pins_hashes_and_names_no_registry(lock: Path) -> None:
    lines = lock.read_text().splitlines()
    pins = [line for line in lines if line and line[0] not in " #"]

    assert pins
    assert all("==" in pin and pin.endswith("\\") for pin in pins)
    assert not [line for line in lines if "://" in line or line.startswith("-")]


def test_the_npm_lock_pins_hashes_and_names_no_registry() -> None:
    lock = json.loads((ROOT / "requirements/npm/package-lock.json").read_text())
    installed = {name: entry for name, entry in lock["packages"].items() if name}
    # Where a package asks for money says nothing about where it comes from.
    sources = [{**entry, "funding": None} for entry in installed.values()]

    assert "node_modules/aws-cdk" in installed
    assert all(entry["integrity"] for entry in sources)
    assert "://" not in json.dumps(sources)


def test_every_module_is_small() -> None:
    too_long = {str(path): line_count(path) for path in MODULES if line_count(path) > MAX_LINES}

    assert not too_long
    assert statistics.median(map(line_count, MODULES)) <= MEDIAN_LINES


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        # The constructs find the runtime's files; a deployer's Python need not import them.
        ("constructs/lambda_otel_lite_cdk", {"lambda_otel_lite", "otlp_forwarder"}),
        ("runtime/lambda_otel_lite", {"lambda_otel_lite_cdk", "otlp_forwarder"}),
        # A function of its own: its asset holds this package and nothing else.
        ("runtime/otlp_forwarder", {"lambda_otel_lite_cdk", "lambda_otel_lite"}),
    ],
)
def test_packages_do_not_import_each_other(folder: str, forbidden: set[str]) -> None:
    offenders = {
        str(module): found
        for module in (ROOT / folder).rglob("*.py")
        if (found := forbidden & set(imported_packages(module)))
    }

    assert not offenders


def sibling_imports(module: Path, package: Path) -> Iterator[str]:
    """Yield the modules of the package that a module imports when it is itself imported."""
    name = ".".join(module.relative_to(package.parent).with_suffix("").parts)
    base = name.removesuffix(".__init__") if module.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = base.split(".")[: len(base.split(".")) - max(node.level - 1, 0)]
            source = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            yield source
            yield from (f"{source}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize(
    "package",
    [
        ROOT / "runtime/lambda_otel_lite",
        ROOT / "runtime/otlp_forwarder",
        ROOT / "constructs/lambda_otel_lite_cdk",
    ],
    ids=lambda path: path.name,
)
def test_there_are_no_import_circles(package: Path) -> None:
    modules = {
        ".".join(path.relative_to(package.parent).with_suffix("").parts): path
        for path in package.rglob("*.py")
    }
    graph = {
        name.removesuffix(".__init__"): {
            found for found in sibling_imports(path, package) if found != package.name
        }
        for name, path in modules.items()
    }
    inside = {name: imports & graph.keys() - {name} for name, imports in graph.items()}

    assert len(list(graphlib.TopologicalSorter(inside).static_order())) == len(graph)


def test_the_forwarder_needs_nothing_but_lambdas_python_runtime() -> None:
    """That is the standard library and boto3, which is imported only when it is used."""
    modules = list((ROOT / "runtime/otlp_forwarder").rglob("*.py"))
    imported = {package for module in modules for package in imported_packages(module)}
    at_import = {name.partition(".")[0] for m in modules for name in sibling_imports(m, m.parent)}

    assert imported - {"otlp_forwarder", "boto3"} <= sys.stdlib_module_names
    assert "boto3" not in at_import


def test_the_folder_of_the_constructs_does_not_shadow_their_library() -> None:
    assert not (ROOT / "constructs/__init__.py").exists()
    assert not (ROOT / "tests/constructs").exists()
