"""Find out which of the names in ``OTEL_PROPAGATORS`` have a propagator.

A name is known to the runtime, or an installed package claims it in the entry point group
``opentelemetry_propagator``.
"""

from collections.abc import Iterable, Mapping
from functools import cache

from opentelemetry.propagators.textmap import TextMapPropagator

from lambda_otel_lite.log import Logger
from lambda_otel_lite.startup.entry_points import entry_points, normalized

logger = Logger("lambda_otel_lite.propagation")

_PACKAGES = {
    "opentelemetry.propagators.b3": "opentelemetry-propagator-b3",
    "opentelemetry.propagators.jaeger": "opentelemetry-propagator-jaeger",
    "opentelemetry.propagators.ot_trace": "opentelemetry-propagator-ot-trace",
}


def usable(names: Iterable[str], known: Mapping[str, str]) -> list[str]:
    """Return the names that can be used, and warn about each of the others once.

    Args:
        names: As in ``OTEL_PROPAGATORS``.
        known: Modules of the propagators that the runtime knows, by name.
    """
    names = tuple(names)
    if "none" in names:
        return []
    problems = {name: _problem(name, known) for name in names}
    for name, problem in problems.items():
        if problem:
            _warn(name, problem)
    return [name for name in names if not problems[name]]


@cache
def offered(name: str) -> TextMapPropagator:
    """Return the propagator that an installed package offers under a name.

    Raises:
        LookupError: None does.
    """
    group, wanted = "opentelemetry_propagator", normalized(name)
    for words in (("propagator", "opentelemetry"), ()):
        for entry_point in entry_points(group, *words):
            if entry_point.name == wanted:
                propagator: TextMapPropagator = entry_point.load()()
                return propagator
    raise LookupError(name)


@cache
def _warn(name: str, problem: str) -> None:
    # Once: the zero-code entry point comes here before init_telemetry() does.
    logger.warning("OTEL_PROPAGATORS: %r %s; it is left out", name, problem)


def _problem(name: str, known: Mapping[str, str]) -> str | None:
    module = known.get(name)
    if module in _PACKAGES and not _installed(module):
        return f"needs the package {_PACKAGES[module]} in the function's own code"
    if module is not None:
        return None
    try:
        offered(name)
    except LookupError:
        return (
            f"is not known (accepted: {', '.join(known)}, none, and what installed packages offer"
            f" as opentelemetry_propagator)"
        )
    except Exception as error:  # noqa: BLE001 - a package's own code
        return f"cannot be loaded ({error!r})"
    return None


def _installed(module: str) -> bool:
    from importlib.util import find_spec  # noqa: PLC0415 - for the few that need a package

    try:
        return find_spec(module) is not None
    except ImportError:
        return False
