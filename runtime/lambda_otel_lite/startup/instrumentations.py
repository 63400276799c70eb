"""Load the OpenTelemetry instrumentations that the user names, and no others.

A package offers its instrumentors in the entry point group ``opentelemetry_instrumentor``, where
``opentelemetry-instrument`` finds them too; a name is that of the package, as in
``opentelemetry-instrumentation-NAME``, which may hold several, or that of an entry point. In a
bundle without such metadata they are found by the rule that packages follow: the module
``opentelemetry.instrumentation.NAME`` defines them.
"""

import os
from collections.abc import Iterable
from functools import partial
from importlib import import_module
from typing import Any

from opentelemetry.trace import TracerProvider

from lambda_otel_lite.log import Logger
from lambda_otel_lite.startup.entry_points import EntryPoint, entry_points, normalized

logger = Logger("lambda_otel_lite.instrumentations")

_GROUP = "opentelemetry_instrumentor"
_PACKAGE = "opentelemetry-instrumentation-"
_MODULE = "opentelemetry.instrumentation"


def instrument(names: Iterable[str], tracer_provider: TracerProvider) -> None:
    """Instrument the libraries; what cannot be is one warning.

    Args:
        names: As in ``LAMBDA_OTEL_INSTRUMENTATIONS``: ``botocore``, ``kafka-python`` and so on.
        tracer_provider: Where their spans go.
    """
    done: set[Any] = set()
    for name in names:
        wanted = normalized(name).removeprefix(_PACKAGE)
        offered = _offered(wanted)
        missing: list[str] = []
        for load in [one.load for one in offered] or [partial(_defined, wanted)]:
            try:
                loaded = load()
                for instrumentor in loaded if isinstance(loaded, list) else [loaded]:
                    if instrumentor not in done:
                        _switch_on(instrumentor(), tracer_provider, check=bool(offered))
                        done.add(instrumentor)
            except ImportError as error:
                missing.append(str(error))
            except Exception:
                logger.warning("LAMBDA_OTEL_INSTRUMENTATIONS: %r failed", name, exc_info=True)
        # Of several, as for a library and its asynchronous sister, one is enough.
        if missing and len(missing) >= len(offered):
            logger.warning(
                "LAMBDA_OTEL_INSTRUMENTATIONS: %r needs the package %s in the function's own code,"
                " and the library that it instruments (%s); it is left out",
                name,
                offered[0].package if offered else _PACKAGE + name.replace("_", "-"),
                "; ".join(missing),
            )


def _switch_on(instrumentor: Any, tracer_provider: TracerProvider, *, check: bool) -> None:
    """Instrument a library, or raise ImportError if it is another version or not there.

    Args:
        instrumentor: A ``BaseInstrumentor``.
        tracer_provider: Where its spans go.
        check: Look at the library's version; without metadata there is none to look at.
    """
    if check:
        conflicts = import_module(f"{_MODULE}.dependencies").get_dependency_conflicts
        conflict = conflicts(instrumentor.instrumentation_dependencies())
        if conflict:
            raise ImportError(str(conflict))
    instrumentor.instrument(tracer_provider=tracer_provider, skip_dep_check=True)


def _offered(wanted: str) -> list[EntryPoint]:
    """Return the package's instrumentors, else those of that name in any other package."""
    found = list(entry_points(_GROUP, "instrumentation"))
    matching = [one for one in found if one.package == f"{_PACKAGE}{wanted}"]
    matching = matching or [one for one in found if one.name == wanted]
    matching = matching or [one for one in found if one.package.endswith(f"-{wanted}")]
    return matching or [one for one in entry_points(_GROUP) if one.name == wanted]


def _defined(wanted: str) -> list[Any]:
    """Return the instrumentors that the module of that name defines."""
    base = import_module(f"{_MODULE}.instrumentor").BaseInstrumentor
    module = import_module(f"{_MODULE}.{_module_of(wanted)}")
    defined = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and issubclass(value, base)
        and value.__module__ == module.__name__
        and not getattr(value, "__abstractmethods__", None)
    ]
    # One that others are made from is no instrumentor of its own.
    found = [one for one in defined if not any(one in other.__mro__[1:] for other in defined)]
    if not found:
        raise ImportError(f"{module.__name__} has no instrumentor")
    return found


def _module_of(wanted: str) -> str:
    """Return the module named alike, else the one whose requirements name the library."""
    alike = wanted.replace("-", "_")
    folders = [folder for folder in import_module(_MODULE).__path__ if os.path.isdir(folder)]  # noqa: PTH112 - without pathlib
    names = [(folder, name) for folder in folders for name in sorted(os.listdir(folder))]  # noqa: PTH208
    if any(name == alike for _, name in names):
        return alike
    return next((name for folder, name in names if _requires(f"{folder}/{name}", wanted)), alike)


def _requires(folder: str, library: str) -> bool:
    try:
        with open(f"{folder}/package.py", encoding="utf-8") as file:  # noqa: PTH123 - the same
            requirements = file.read()
    except OSError:
        return False
    # A requirement begins with the name, which a version or nothing follows (PEP 508).
    return any(f'"{library}{after}' in requirements for after in ' "~=<>!;[')
