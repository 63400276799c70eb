"""Byte-compile what a traced function loads.

Run by the Python version that Lambda will run, as ``python -I -S _bytecode.py LAYER MOUNT``: LAYER
is the folder that will be MOUNT on Lambda. It imports all that the runtime may import, and compiles
each module of LAYER that was loaded and all that lies on a function's import path. Byte code of the
others, which no traced function loads, would be half of a layer. It needs the standard library
alone; nothing of this package can be imported.
"""

import ast
import importlib
import marshal
import pkgutil
import sys
from importlib.util import MAGIC_NUMBER, cache_from_source, source_hash
from pathlib import Path

RUNTIME = "lambda_otel_lite"
#: Where the runtime and what it needs lie in a layer.
TREE = "lambda-otel-lite"
ON_PATH = "python"
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
#: one needs machine code that may be for another architecture.
NOT_IMPORTED = (f"{RUNTIME}.autowrap", f"{RUNTIME}.export.package_output")
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
    runtime = importlib.import_module(RUNTIME)
    parts = pkgutil.walk_packages(runtime.__path__, f"{RUNTIME}.")
    for name in [*(part.name for part in parts), *ALSO]:
        if name not in NOT_IMPORTED:
            importlib.import_module(name)
    files = {Path(str(getattr(module, "__file__", ""))) for module in sys.modules.values()}
    files |= {tree.joinpath(*name.split(".")).with_suffix(".py") for name in NOT_IMPORTED}
    files |= {file for part in WHOLE for file in (tree / "site" / part).rglob("*.py")}
    files |= set((layer / ON_PATH).rglob("*.py"))
    for file in sorted(files):
        if file.suffix == ".py" and file.is_relative_to(layer):
            compile_file(file, f"{mount}/{file.relative_to(layer).as_posix()}")


def compile_file(path: Path, shown: str) -> None:
    """Write a module's byte code beside it.

    Args:
        path: The module's source.
        shown: Its name in tracebacks.
    """
    source = path.read_bytes()
    code = compile(_without_docstrings(ast.parse(source)), shown, "exec", dont_inherit=True)
    target = Path(cache_from_source(str(path), optimization=""))
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(MAGIC_NUMBER + UNCHECKED + source_hash(source) + marshal.dumps(code))


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
