"""Byte-compile what a traced function loads.

Run by the Python version that Lambda will run, as ``python -I -S _bytecode.py LAYER MOUNT``: LAYER
is the folder that will be MOUNT on Lambda. It imports all that the runtime may import, and compiles
each module of LAYER that was loaded and all that lies on a function's import path. Byte code of the
others, which no traced function loads, would be half of a layer. It needs the standard library and
LAYER alone; nothing of this package can be imported.
"""

import ast
import importlib
import marshal
import pkgutil
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path
from types import CodeType

RUNTIME = "lambda_otel_lite"
#: Where the runtime and what it needs lie in a layer.
TREE = "lambda-otel-lite"
ON_PATH = "python"
#: What brings the layer's packages into a process.
MOUNTER = "lambda_otel_lite_layer"
#: What every traced function imports, in all of its modules together.
AT_A_COLD_START = (
    f"{RUNTIME}.configuration.settings",
    f"{RUNTIME}.handler",
    f"{RUNTIME}.export.record",
    f"{RUNTIME}.export.encoder",
    f"{RUNTIME}.extractors.http",
)
#: What the runtime imports by name or within a function, and what functions import most.
ALSO = (
    "opentelemetry.baggage.propagation",
    "opentelemetry.propagate",
    "opentelemetry.propagators.composite",
    "opentelemetry.sdk.trace.export",
    "opentelemetry.sdk.version",
    "opentelemetry.semconv.trace",
    "opentelemetry.semconv.version",
    "opentelemetry.trace.propagation.tracecontext",
    "opentelemetry.util._importlib_metadata",
    "opentelemetry.version",
)
#: Modules of the runtime that cannot be imported here: one ends the process if no handler is set,
#: one needs machine code that may be for another architecture, two the function's X-Ray SDK.
NOT_IMPORTED = (
    f"{RUNTIME}.autowrap",
    f"{RUNTIME}.bridges.xray.context",
    f"{RUNTIME}.bridges.xray.segment",
    f"{RUNTIME}.export.package_output",
)
#: What comes with that machine code is compiled whole: few layers hold it.
WHOLE = ("google", "opentelemetry/exporter", "opentelemetry/proto", "otlp_stdout_span_exporter")
#: Flags of byte code that is used without a look at its source: https://peps.python.org/pep-0552/
#: Byte code that is checked would be compiled again at every cold start, because the times of files
#: on Lambda differ.
UNCHECKED = (0b01).to_bytes(4, "little")


def main(layer: Path, mount: str) -> None:
    """Compile every module of the layer that is loaded."""
    tree = layer / TREE
    # In the order in which a function looks.
    sys.path[:0] = [str(tree), str(tree / "site"), str(layer / ON_PATH)]
    sys.dont_write_bytecode = True
    mount_module = importlib.import_module(f"{MOUNTER}.mount")
    mount_module.choose_opentelemetry()
    with mount_module.light_imports():
        for name in AT_A_COLD_START:
            importlib.import_module(name)
    needed = _loaded_from(tree)
    runtime = importlib.import_module(RUNTIME)
    parts = pkgutil.walk_packages(runtime.__path__, f"{RUNTIME}.")
    for name in [*(part.name for part in parts), *ALSO]:
        if name not in NOT_IMPORTED:
            importlib.import_module(name)
    files = _loaded_from(tree)
    files += [tree.joinpath(*name.split(".")).with_suffix(".py") for name in NOT_IMPORTED]
    modules = {}
    for file in [*needed, *(file for file in files if file not in needed)]:
        name = ".".join(file.relative_to(tree).with_suffix("").parts)
        is_package = file.name == "__init__.py"
        modules[name.removesuffix(".__init__")] = (
            compiled(file, _shown(file, layer, mount)),
            is_package,
        )
    byte_code = importlib.import_module(f"{MOUNTER}.byte_code")
    found = [*modules.items()]
    packed = byte_code.pack(dict(found[: len(needed)]), dict(found[len(needed) :]))
    (tree / byte_code.NAME).write_bytes(packed)
    # What is on the import path is found among other folders there, by Python itself.
    beside = {file for part in WHOLE for file in (tree / "site" / part).rglob("*.py")}
    beside |= {*(tree / "site").glob("*.py"), *(layer / ON_PATH).rglob("*.py")}
    for file in sorted(beside):
        compile_file(file, _shown(file, layer, mount))


def _loaded_from(tree: Path) -> list[Path]:
    """Return the files of a layer's own folder that were loaded, in this order."""
    files = [Path(str(getattr(module, "__file__", ""))) for module in sys.modules.values()]
    own = [file for file in files if file.suffix == ".py" and file.is_relative_to(tree)]
    return [file for file in own if not file.is_relative_to(tree / "site")]


def _shown(file: Path, layer: Path, mount: str) -> str:
    """Return a file's name in tracebacks."""
    return f"{mount}/{file.relative_to(layer).as_posix()}"


def compile_file(path: Path, shown: str) -> None:
    """Write a module's byte code beside it.

    Args:
        path: The module's source.
        shown: Its name in tracebacks.
    """
    target = Path(cache_from_source(str(path), optimization=""))
    target.parent.mkdir(exist_ok=True)
    code = marshal.dumps(compiled(path, shown))
    target.write_bytes(MAGIC_NUMBER + UNCHECKED + source_hash(path.read_bytes()) + code)


def compiled(path: Path, shown: str) -> CodeType:
    """Compile a module.

    Args:
        path: The module's source.
        shown: Its name in tracebacks.
    """
    tree = _without_docstrings(ast.parse(path.read_bytes()))
    code: CodeType = compile(tree, shown, "exec", dont_inherit=True)
    return code


def _without_docstrings(tree: ast.Module) -> ast.Module:
    """Leave out docstrings, which are a fifth of the byte code. Assertions stay."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        first = node.body[0] if node.body else None
        value = first.value if isinstance(first, ast.Expr) else None
        if first and isinstance(value, ast.Constant) and isinstance(value.value, str):
            node.body = node.body[1:] or [ast.copy_location(ast.Pass(), first)]
    return tree


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
