"""Rules for the files of the repository that no linter checks."""

from __future__ import annotations

import ast
import graphlib
import json
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
MAX_LINES = 300
#: The rooms of each package, from the ground up. A room is a folder, or a module beside folders.
#: Imports only go down. Rooms on one floor do not import each other: if one has to, it goes on a
#: floor of its own. A new room is added here.
FLOORS = {
    "constructs/lambda_otel_lite_cdk": """
        distribution
        errors _function_properties
        settings layer
        functions
        forwarding coverage
        instrumentation
        checks pipelines
        steps
        synthesis
        function fleet cli
        __init__
        demo
    """,
    "constructs/lambda_otel_lite_cdk/cli": """
        errors console
        assembly traces table
        receiver
        emulator account rewrite fleet cost
        showing
        commands
        main
        __init__
    """,
    "runtime/lambda_otel_lite": """
        version log extractors
        configuration
        startup
        constants resource propagation export plain_attributes
        processor
        lifecycle sampling durable
        telemetry
        handler bridges
        config encoder logger extension
        __init__
        autowrap
    """,
    "runtime/lambda_otel_lite_layer": """
        namespace
        versions
        choice lazy_import byte_code
        stand_ins
        mount
        __init__
    """,
    "runtime/otlp_forwarder": """
        version headers aws
        values
        variables
        settings counts input
        output
        result
        forward send
        handler
        __init__
    """,
}
#: What one package may import of another: the tables of variables, kinds of their values, which
#: versions of OpenTelemetry go together, and how the command sends what it has read.
ALLOWED = {
    "constructs/lambda_otel_lite_cdk": {
        "lambda_otel_lite.configuration.kinds",
        "lambda_otel_lite.configuration.variables",
        "lambda_otel_lite_layer.versions",
        "otlp_forwarder.send",
        "otlp_forwarder.values",
        "otlp_forwarder.variables",
    }
}


def imports_of(module: Path, package: Path, *, late: bool = True) -> Iterator[tuple[int, str]]:
    """Yield line and full name of all that a module imports.

    Args:
        module: The module.
        package: The package that it is in.
        late: Whether imports in functions and those for types only are among them.
    """
    tree = ast.parse(module.read_text("utf-8"))
    where = (*dotted(package).split("."), *module.relative_to(package).with_suffix("").parts)
    for node in ast.walk(tree) if late else tree.body:
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = where[: len(where) - node.level] if node.level else ()
            source = (*above, *filter(None, [node.module]))
            yield from ((node.lineno, ".".join((*source, alias.name))) for alias in node.names)


def dotted(package: Path) -> str:
    """Return the name by which a package is imported: its folders, as far as they are packages."""
    parent = package.parent
    above = f"{dotted(parent)}." if (parent / "__init__.py").exists() else ""
    return above + package.name


def parts_inside(name: str, package: Path) -> list[str]:
    """Return the folders and the module of a name that a package has, `__init__` for its own."""
    folder, parts = package, []
    for part in name.removeprefix(dotted(package)).split(".")[1:]:
        if not (folder / part).is_dir() and not (folder / f"{part}.py").exists():
            break
        parts.append(part)
        folder /= part
    return parts if parts and folder.with_suffix(".py").exists() else [*parts, "__init__"]


def wrong_imports(package: Path, floors: str) -> list[str]:
    """Return each import of a package that does not go down, and each circle within a room."""
    height = {
        room: number for number, line in enumerate(floors.split("\n")) for room in line.split()
    }
    wrong: list[str] = []
    inside: dict[str, dict[str, set[str]]] = {}
    for module in sorted(package.rglob("*.py")):
        here = module.relative_to(package).with_suffix("")
        room = here.parts[0]
        graph = inside.setdefault(room, {})
        graph[str(here)] = set()
        if room not in height:
            wrong.append(f"{package.name}: {room} is on no floor")
            continue
        for line, name in imports_of(module, package):
            if not f"{name}.".startswith(f"{dotted(package)}."):
                continue
            target = parts_inside(name, package)
            if target[0] == room:
                graph[str(here)].add("/".join(target))
            elif height.get(target[0], len(height)) >= height[room]:
                wrong.append(f"{module.relative_to(package)}:{line} imports {name}")
    for graph in inside.values():
        try:
            graphlib.TopologicalSorter(graph).prepare()
        except graphlib.CycleError as error:
            wrong.append(f"a circle: {' -> '.join(error.args[1])}")
    return sorted(set(wrong))


def line_count(module: Path) -> int:
    return len(module.read_text().splitlines())


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


@pytest.mark.parametrize("package", FLOORS)
def test_imports_only_go_down_the_floors(package: str) -> None:
    assert wrong_imports(ROOT / package, FLOORS[package]) == []


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("from house.cellar import wine", []),
        ("import house.attic", ["kitchen.py:1 imports house.attic"]),
        ("from house.attic import box", ["kitchen.py:1 imports house.attic.box"]),
        ("from house import attic", ["kitchen.py:1 imports house.attic"]),
        ("from house import something", ["kitchen.py:1 imports house.something"]),
        ("from . import attic", ["kitchen.py:1 imports house.attic"]),
        ("from .attic.box import lid", ["kitchen.py:1 imports house.attic.box.lid"]),
        ("from house.parlour import sofa", ["kitchen.py:1 imports house.parlour.sofa"]),
        ("def f():\n    from house.attic import box", ["kitchen.py:2 imports house.attic.box"]),
        (
            "if TYPE_CHECKING:\n    from house.attic.box import lid",
            ["kitchen.py:2 imports house.attic.box.lid"],
        ),
    ],
)
def test_an_import_that_goes_up_is_found_wherever_it_is(
    code: str, wrong: list[str], tmp_path: Path
) -> None:
    house = tmp_path / "house"
    for room in ("cellar", "parlour", "attic"):
        (house / room).mkdir(parents=True)
        (house / room / "__init__.py").touch()
    for name in ("__init__", "cellar/wine", "parlour/sofa", "attic/box"):
        (house / f"{name}.py").touch()
    (house / "kitchen.py").write_text(code)

    assert wrong_imports(house, "cellar\nkitchen parlour\nattic\n__init__") == wrong


def test_a_circle_within_a_room_and_a_room_on_no_floor_are_found(tmp_path: Path) -> None:
    house = tmp_path / "house"
    (house / "cellar").mkdir(parents=True)
    for name in ("__init__", "shed", "cellar/__init__"):
        (house / f"{name}.py").touch()
    (house / "cellar/wine.py").write_text("from house.cellar import rack")
    (house / "cellar/rack.py").write_text("def f():\n    import house.cellar.wine")

    circle, unknown = wrong_imports(house, "cellar\n__init__")

    assert circle == "a circle: cellar/rack -> cellar/wine -> cellar/rack"
    assert unknown == "house: shed is on no floor"


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        # A deployer's Python need not import what runs on Lambda; the constructs read its tables of
        # variables alone.
        ("constructs/lambda_otel_lite_cdk", {"lambda_otel_lite", "otlp_forwarder"}),
        ("runtime/lambda_otel_lite", {"lambda_otel_lite_cdk", "otlp_forwarder"}),
        # It decides what the runtime imports.
        ("runtime/lambda_otel_lite_layer", {"lambda_otel_lite", "opentelemetry"}),
        # A function of its own: its asset holds this package and nothing else.
        ("runtime/otlp_forwarder", {"lambda_otel_lite_cdk", "lambda_otel_lite"}),
    ],
)
def test_packages_do_not_import_each_other(folder: str, forbidden: set[str]) -> None:
    offenders = {
        f"{module}:{line} imports {name}"
        for module in (ROOT / folder).rglob("*.py")
        for line, name in imports_of(module, ROOT / folder)
        if name.partition(".")[0] in forbidden
        and not any(f"{name}.".startswith(f"{one}.") for one in ALLOWED.get(folder, ()))
    }

    assert not offenders


@pytest.mark.parametrize("package", [name for name in FLOORS if not name.endswith("/cli")])
def test_no_two_classes_of_a_package_have_the_same_name(package: str) -> None:
    names = [
        node.name
        for module in (ROOT / package).rglob("*.py")
        for node in ast.walk(ast.parse(module.read_text("utf-8")))
        if isinstance(node, ast.ClassDef)
    ]

    assert not {name for name in names if names.count(name) > 1}


def test_the_forwarder_needs_nothing_but_lambdas_python_runtime() -> None:
    """The standard library, and boto3 with botocore, imported only when they are used."""
    package = ROOT / "runtime/otlp_forwarder"
    imported, at_import = (
        {
            name.partition(".")[0]
            for module in package.rglob("*.py")
            for _, name in imports_of(module, package, late=late)
        }
        for late in (True, False)
    )

    lambdas = {"boto3", "botocore"}
    assert imported - {"otlp_forwarder"} - lambdas <= sys.stdlib_module_names
    assert not at_import & lambdas


def test_the_folder_of_the_constructs_does_not_shadow_their_library() -> None:
    assert not (ROOT / "constructs/__init__.py").exists()
    assert not (ROOT / "tests/constructs").exists()
