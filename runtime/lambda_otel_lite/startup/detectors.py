"""Run the resource detectors that ``OTEL_EXPERIMENTAL_RESOURCE_DETECTORS`` names.

Imported only where the variable is set. As in the SDK, a name is one that an installed package
offers in the entry point group ``opentelemetry_resource_detector``, ``*`` stands for all that are
not named, and a later detector wins over an earlier one:
https://opentelemetry-python.readthedocs.io/en/stable/sdk/environment_variables.html
"""

from collections.abc import Callable, Iterable
from functools import cache

from opentelemetry.sdk.resources import Resource, ResourceDetector, get_aggregated_resources

from lambda_otel_lite.log import Logger
from lambda_otel_lite.startup.entry_points import entry_points, normalized

logger = Logger("lambda_otel_lite.resource")

_VARIABLE = "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"
#: What it finds is read from the environment without it.
_OWN = "otel"


@cache
def detected(names: tuple[str, ...]) -> Resource:
    """Return what the detectors find, each of which may take five seconds.

    Cached: the zero-code entry point comes here before ``init_telemetry()`` does.

    Args:
        names: As in the variable. What cannot be found or fails is one warning each.
    """
    offered: dict[str, Callable[[], Callable[[], ResourceDetector]]] = {}
    for entry_point in entry_points("opentelemetry_resource_detector"):
        offered.setdefault(entry_point.name, entry_point.load)
    detectors = []
    for name in _expanded(names, offered):
        load = offered.get(normalized(name))
        if load is not None:
            detectors.append(_Careful(name, load))
        else:
            logger.warning(
                "%s: %r is not known (accepted: %s, and *); it is left out",
                _VARIABLE,
                name,
                ", ".join(sorted(offered)),
            )
    return get_aggregated_resources(detectors, Resource({}))


class _Careful(ResourceDetector):
    """A detector whose failure is a warning that says where it was asked for."""

    def __init__(self, name: str, load: Callable[[], Callable[[], ResourceDetector]]) -> None:
        super().__init__(raise_on_error=False)
        self._name = name
        self._load = load

    def detect(self) -> Resource:
        try:
            return self._load()().detect()
        except Exception as error:  # noqa: BLE001 - a package's own code
            logger.warning("%s: %r failed (%r); it is left out", _VARIABLE, self._name, error)
            return Resource({})


def _expanded(names: Iterable[str], offered: Iterable[str]) -> list[str]:
    names = list(dict.fromkeys(names))
    others = sorted(set(offered) - {normalized(name) for name in names})
    found = [one for name in names for one in (others if name == "*" else [name])]
    return [name for name in found if name != _OWN]
