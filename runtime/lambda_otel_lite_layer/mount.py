"""Bring the layer's own packages into the process.

They lie beside the folder that this package is in::

    /opt/python/lambda_otel_lite_entry.py     the handler that the constructs set
    /opt/python/lambda_otel_lite_layer/       this package
    /opt/python/lambda_otel_lite/__init__.py  leads here, for handlers that are traced by hand
    /opt/python/opentelemetry/__init__.py     the same
    /opt/lambda-otel-lite/lambda_otel_lite/   the runtime
    /opt/lambda-otel-lite/opentelemetry/      API, SDK and semantic conventions
    /opt/lambda-otel-lite/byte-code.bin       the byte code of both
    /opt/lambda-otel-lite/site/               at the end of the import path: what those need

Where the runtime is installed as a package there is no such folder, and all is found as it is.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from lambda_otel_lite_layer import byte_code
from lambda_otel_lite_layer.choice import Choice, choose, use_layer
from lambda_otel_lite_layer.lazy_import import imported_later, without_collector
from lambda_otel_lite_layer.namespace import Portions, install, withdraw
from lambda_otel_lite_layer.stand_ins import stand_ins

RUNTIME = "lambda_otel_lite"
#: Name of the layer's own folder in ``/opt``.
TREE = "lambda-otel-lite"

_ON_PATH = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 - pathlib takes a cold start 5 ms
_TREE = f"{os.path.dirname(_ON_PATH)}/{TREE}"  # noqa: PTH120
_OPENTELEMETRY = f"{_TREE}/opentelemetry"
_SITE = f"{_TREE}/site"
#: What API and SDK need of typing_extensions; older versions of it do not have it.
_OF_TYPING_EXTENSIONS = "deprecated"

_chosen: Choice | None = None

_FINDER = byte_code.install(_TREE)


def choose_opentelemetry() -> Choice:
    """Decide once which OpenTelemetry the process uses."""
    global _chosen  # noqa: PLW0603 - one process has one OpenTelemetry
    if _chosen is None:
        mounted = os.path.isdir(_TREE)  # noqa: PTH112
        if mounted and _SITE not in sys.path:
            sys.path.append(_SITE)
        _chosen = choose(*((_OPENTELEMETRY, _ON_PATH) if mounted else (None, None)))
        if _chosen.from_layer:
            _renew_typing_extensions()
    return _chosen


def lead_to_opentelemetry() -> None:
    """Have ``import opentelemetry`` of the function's own code follow the choice.

    What all code asks of it is imported at once, because here it can be done for less.
    """
    if choose_opentelemetry().from_layer:
        with light_imports():
            import_module("opentelemetry.trace")


@contextmanager
def light_imports() -> Iterator[None]:
    """Import OpenTelemetry without what a traced function does not use of it."""
    of_layer = _chosen is not None and _chosen.from_layer
    with without_collector(), imported_later(stand_ins(of_layer=of_layer)):
        yield


def mount_runtime() -> None:
    """Have ``import lambda_otel_lite`` give the layer's runtime, whatever else has its name."""
    spec = _FINDER.find_spec(RUNTIME, [_TREE])
    if spec is not None and spec.origin is not None and spec.loader is not None:
        module = ModuleType(RUNTIME)
        module.__spec__ = spec
        module.__loader__ = spec.loader
        module.__file__ = spec.origin
        module.__package__ = RUNTIME
        module.__path__ = list(spec.submodule_search_locations or ())
        sys.modules[RUNTIME] = module
        spec.loader.exec_module(module)


def import_with(load: Callable[[], object]) -> None:
    """Import what needs OpenTelemetry, with the layer's if that fails with the function's own.

    Its version may be right and one of its files missing. Nobody else has imported it yet.

    Args:
        load: Imports it; called again where that failed.
    """
    global _chosen  # noqa: PLW0603 - one process has one OpenTelemetry
    before = set(sys.modules)
    try:
        load()
    except Exception as error:
        if choose_opentelemetry().from_layer or not os.path.isdir(_TREE):  # noqa: PTH112
            raise
        for name in set(sys.modules) - before:
            if name.startswith(f"{RUNTIME}."):
                del sys.modules[name]
        withdraw()
        _chosen = use_layer(_OPENTELEMETRY, _ON_PATH, f"it cannot be imported ({error!r})")
        _renew_typing_extensions()
        load()


def give_way(error: Exception) -> bool:
    """Undo the choice if an SDK of the function's code was replaced, and its code failed.

    Args:
        error: What the import of the function's code raised.

    Returns:
        False if there is nothing to undo: the code would fail in the same way.
    """
    global _chosen  # noqa: PLW0603 - one process has one OpenTelemetry
    if _chosen is None or not _chosen.replaces_sdk:
        return False
    warning = (
        f"{_chosen.warning} The function's code cannot be imported with these"
        f" ({type(error).__name__}: {error}), so it runs with its own, without tracing."
    )
    _chosen = Choice(usable=False, from_layer=False, warning=warning)
    withdraw()
    install(Portions(_ON_PATH))
    return True


def _renew_typing_extensions() -> None:
    """Replace the function's typing_extensions if it is too old for the layer's API."""
    if "typing_extensions" not in sys.modules:
        spec = find_spec("typing_extensions")
        if spec and (spec.origin == f"{_SITE}/typing_extensions.py" or _has_it(spec.origin)):
            return
    module = import_module("typing_extensions")
    if hasattr(module, _OF_TYPING_EXTENSIONS):
        return
    del sys.modules["typing_extensions"]
    sys.path.insert(0, _SITE)
    try:
        import_module("typing_extensions")
    finally:
        sys.path.remove(_SITE)


def _has_it(source: str | None) -> bool:
    """Look into a module's source: its import would take a quarter as long as all of the SDK's."""
    try:
        with open(source or "", "rb") as file:  # noqa: PTH123 - pathlib takes a cold start 5 ms
            return _OF_TYPING_EXTENSIONS.encode() in file.read()
    except OSError:
        return False
