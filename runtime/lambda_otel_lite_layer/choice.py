"""Decide which OpenTelemetry a process uses: that of the function's code, or the layer's.

Either all three core packages come from the function's code and its other layers, or all three from
the layer; see `lambda_otel_lite_layer.versions`. Instrumentations, exporters and propagators are
found in either case.
"""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from lambda_otel_lite_layer.namespace import NAME, Portions, install, module_of

#: Modules of names alone. What newer releases no longer have of them, packages of the function's
#: code still ask for; each name means the same in every release that has it.
_NAMES_ALONE = ("opentelemetry.environment_variables", "opentelemetry.util.types")
#: Packages of constants, each module about one subject. The layer holds few of the modules; those
#: beside them are what the function's instrumentations came with.
_CONSTANTS = (
    "opentelemetry.semconv",
    "opentelemetry.semconv.attributes",
    "opentelemetry.semconv.metrics",
    "opentelemetry.semconv._incubating",
    "opentelemetry.semconv._incubating.attributes",
    "opentelemetry.semconv._incubating.metrics",
)


class Choice:
    """Which OpenTelemetry a process uses.

    Args:
        usable: False where no core packages that belong together can be had.
        from_layer: True where they are the layer's.
        replaces_sdk: True where the function's code holds an SDK of its own that is not used.
        warning: What the function's owner should know, or None.
    """

    __slots__ = ("from_layer", "replaces_sdk", "usable", "warning")

    def __init__(
        self,
        *,
        usable: bool,
        from_layer: bool,
        replaces_sdk: bool = False,
        warning: str | None = None,
    ) -> None:
        self.usable = usable
        self.from_layer = from_layer
        self.replaces_sdk = replaces_sdk
        self.warning = warning


def choose(layer: str | None, stand_in: str | None) -> Choice:
    """Decide, and have ``import opentelemetry`` follow the decision.

    Args:
        layer: Folder of the layer's ``opentelemetry``; None where there is no layer.
        stand_in: Folder on the import path whose ``opentelemetry/__init__.py`` leads here; None
            where there is none.
    """
    loaded = _loaded()
    portions = Portions(stand_in)
    folders = list(portions) if loaded is None else loaded
    if layer is not None and not folders:
        portions.first = [layer]
        install(portions)
        return Choice(usable=True, from_layer=True)
    from lambda_otel_lite_layer import versions  # noqa: PLC0415 - most functions hold none

    found = versions.versions(folders)
    problem = versions.problem_of(found)
    if stand_in is not None and loaded is None and portions.regular is None:
        # Else the layer's own `__init__` would hide all other folders.
        install(portions)
    if problem is None:
        return Choice(usable=True, from_layer=False)
    if loaded is None:
        for folder in () if portions.regular else folders:
            if versions.problem_of(versions.versions([folder])) is None:
                return _use(folder, portions, problem, from_layer=False)
        if layer is not None and versions.may_be_replaced(found):
            return use_layer(layer, stand_in, problem)
    because = f"; {', '.join(_modules())} were imported before" if loaded is not None else ""
    return Choice(
        usable=False,
        from_layer=False,
        warning=f"the function runs without tracing: its code holds {versions.described(found)}"
        f"{because}, and {problem}. {versions.advice(found)}",
    )


def use_layer(layer: str, stand_in: str | None, problem: str) -> Choice:
    """Have the core packages be the layer's from now on.

    Args:
        layer: Folder of the layer's ``opentelemetry``.
        stand_in: As for `choose`.
        problem: Why those of the function's code are not used.
    """
    return _use(layer, Portions(stand_in), problem, from_layer=True)


def _use(folder: str, portions: Portions, problem: str, *, from_layer: bool) -> Choice:
    """Have the core packages be those of one folder, and all else be found as before."""
    from lambda_otel_lite_layer import versions  # noqa: PLC0415 - see above

    others = [other for other in portions if other != folder]
    found = versions.versions(list(portions))
    portions.first = [folder]
    install(portions)
    if versions.CONVENTIONS in found:
        for name in _CONSTANTS:
            _extend(name, others)
    if versions.API not in found:
        return Choice(usable=True, from_layer=from_layer)
    own = versions.versions([folder])
    if found[versions.API] != own[versions.API]:
        for name in _NAMES_ALONE:
            _lend(name, module_of(name, others))
    newer = versions.release(found[versions.API]) > versions.release(own[versions.API])
    has_sdk = versions.SDK in found
    warning = None
    # The API alone is what libraries install, and what they ask of it is there.
    if newer or has_sdk:
        if newer and from_layer:
            problem = "that is newer than the layer's"
        used = f"the layer's {versions.described(own)}"
        if not from_layer:
            used = f"{versions.described(own)} of {folder}"
        warning = (
            f"the function's code holds {versions.described(found)}, but {problem}: {used} are"
            f" used. {versions.advice(found)}"
        )
    return Choice(
        usable=True, from_layer=from_layer, replaces_sdk=from_layer and has_sdk, warning=warning
    )


def _modules() -> list[str]:
    return sorted(name for name in sys.modules if name.startswith(f"{NAME}."))


def _loaded() -> list[str] | None:
    """Return the folders of the package where modules of it are imported already, else None."""
    package = sys.modules.get(NAME)
    return list(getattr(package, "__path__", ())) if package and _modules() else None


def _extend(name: str, folders: list[str]) -> None:
    """Have a package's modules be looked for in other folders of ``opentelemetry`` too."""
    try:
        path = import_module(name).__path__
    except ModuleNotFoundError:
        return
    # Python itself does so for a package without a module of its own.
    if isinstance(path, list):
        path += [folder + name.removeprefix(NAME).replace(".", "/") for folder in folders]


def _lend(name: str, other: ModuleSpec | None) -> None:
    """Have a module give names that it lacks as another version of it has them."""
    loader: Any = other.loader if other else None
    if loader is None:
        return

    def missing(attribute: str) -> Any:
        if not attribute.startswith("__"):
            lender = ModuleType(name)
            exec(loader.get_code(name), vars(lender))  # noqa: S102 - the module itself
            if hasattr(lender, attribute):
                return getattr(lender, attribute)
        raise AttributeError(f"module {name!r} has no attribute {attribute!r}")

    vars(import_module(name))["__getattr__"] = missing
