"""Read what carries a caller's context: an event's headers, or anything that stands for them."""

from collections.abc import Mapping
from typing import Any

from opentelemetry.propagators.textmap import Getter

# Nearly all are dictionaries, of which the check against Mapping takes longer.
_CARRIERS = (dict, Mapping)


class Headers:
    """A carrier whose names may be in any case and its values of any type.

    A custom extractor's carrier is part of an event, and may not even be an object; then it has no
    names.

    Args:
        carrier: What an event holds.
    """

    __slots__ = ("_carrier", "_lower", "_names")

    def __init__(self, carrier: object) -> None:
        self._carrier: Mapping[Any, Any] = carrier if isinstance(carrier, _CARRIERS) else {}
        self._names: str | None = None
        self._lower: dict[str, Any] | None = None

    def get(self, name: str) -> Any:
        """Return the value under a name; None if there is none.

        Args:
            name: In lower case.
        """
        # HTTP APIs and load balancers send lower case.
        value = self._carrier.get(name)
        if value is not None:
            return value
        # A name that is missing is missing in the text of them all. To write each by itself in
        # lower case takes longer than the rest of the propagation.
        if self._names is None:
            self._names = _text_of(self._carrier)
        return self.lower().get(name) if name in self._names else None

    def lower(self) -> dict[str, Any]:
        """Return all values by their names in lower case."""
        if self._lower is None:
            pairs = self._carrier.items()
            self._lower = {key.lower(): value for key, value in pairs if isinstance(key, str)}
        return self._lower


def _text_of(carrier: Mapping[Any, Any]) -> str:
    try:
        return "\n".join(carrier).lower()
    except TypeError:  # a name that is no text
        return "\n".join(name for name in carrier if isinstance(name, str)).lower()


class CarrierGetter(Getter[Headers]):
    """Reads carriers whose values come single or in lists, by names in any case."""

    def get(self, carrier: Headers, key: str) -> list[str] | None:
        """Return the texts under a name, or None if there are none."""
        value = carrier.get(key.lower())
        if value is None or isinstance(value, str):
            return None if value is None else [value]
        if not isinstance(value, list | tuple):
            return None
        return [text for text in value if isinstance(text, str)] or None

    def keys(self, carrier: Headers) -> list[str]:
        """Return all names."""
        return list(carrier.lower())
