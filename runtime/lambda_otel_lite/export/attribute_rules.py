"""Take out of spans what must not leave the function, before anything is encoded.

Loaded only where there is such a rule.
"""

import copy
import re
from collections.abc import Iterable, Mapping
from typing import Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, Status

#: As the semantic conventions for URLs have it
#: (https://opentelemetry.io/docs/specs/semconv/registry/attributes/url/).
REDACTED = "REDACTED"

_QUERY = "url.query"
#: Attributes that hold a query after the first question mark.
_WITH_QUERY = ("url.full", "http.url", "http.target")
_MESSAGE, _STACKTRACE = "exception.message", "exception.stacktrace"

_KEPT, _REDACTED, _DROPPED = range(3)


class AttributeRules:
    """What becomes of attributes, by name; upper and lower case are the same.

    What one attribute holds also stands within others: a query is a part of the whole URL, and an
    exception's message a part of its stack trace and of the status. Where the one is redacted or
    dropped, that part of the others is redacted.

    Args:
        dropped: Names of attributes to leave out; ``*`` stands for any characters.
        redacted: Names of those to leave out the values of.
    """

    def __init__(self, dropped: Iterable[str], redacted: Iterable[str]) -> None:
        self._dropped, self._redacted = _pattern(dropped), _pattern(redacted)
        # What becomes of each name met so far; bounded, for a name may be made of data.
        self._known: dict[str, int] = {}
        self._resources: dict[int, tuple[Resource, Resource]] = {}
        self._hides_query = bool(self._fate(_QUERY))
        self._hides_message = bool(self._fate(_MESSAGE))

    def apply(self, span: ReadableSpan) -> ReadableSpan:
        """Return the span without what must not leave; the span itself stays as it is."""
        span = copy.copy(span)
        # Private, because a new span would forget how much the SDK has dropped of this one.
        span._resource = self._resource(span.resource)  # noqa: SLF001
        span._attributes = self._attributes(span.attributes, span.dropped_attributes)  # noqa: SLF001
        span._events = _same_kind(span._events, [self._event(one) for one in span.events])  # noqa: SLF001
        span._links = _same_kind(span._links, [self._link(one) for one in span.links])  # noqa: SLF001
        if self._hides_message and span.status.description:
            kind = span.status.description.partition(":")[0]
            description = f"{kind}: {REDACTED}" if kind.isidentifier() else REDACTED
            span._status = Status(span.status.status_code, description)  # noqa: SLF001
        return span

    def _event(self, event: Event) -> Event:
        attributes = self._attributes(event.attributes, event.dropped_attributes)
        message = (event.attributes or {}).get(_MESSAGE)
        trace = attributes.get(_STACKTRACE)
        if self._hides_message and message and isinstance(trace, str):
            changed = {**attributes, _STACKTRACE: trace.replace(str(message), REDACTED)}
            attributes = _bounded(changed, event.dropped_attributes)
        return Event(event.name, attributes, event.timestamp)

    def _link(self, link: Link) -> Link:
        return Link(link.context, self._attributes(link.attributes, link.dropped_attributes))

    def _resource(self, resource: Resource) -> Resource:
        kept = self._resources.get(id(resource))
        if kept is None or kept[0] is not resource:
            changed = Resource(self._attributes(resource.attributes, 0), resource.schema_url)
            kept = self._resources[id(resource)] = resource, changed
        return kept[1]

    def _attributes(self, attributes: Mapping[str, Any] | None, dropped: int) -> BoundedAttributes:
        kept: dict[str, Any] = {}
        for key, value in (attributes or {}).items():
            fate = self._known.get(key)
            if fate is None:
                fate = self._fate(key)
            if fate == _KEPT:
                kept[key] = self._without_query(key, value)
            elif fate == _REDACTED:
                kept[key] = REDACTED
        return _bounded(kept, dropped)

    def _without_query(self, key: str, value: Any) -> Any:
        if self._hides_query and key in _WITH_QUERY and isinstance(value, str):
            before, mark, _ = value.partition("?")
            return before + (mark and mark + REDACTED)
        return value

    def _fate(self, name: str) -> int:
        fate = _KEPT
        if self._dropped and self._dropped.fullmatch(name):
            fate = _DROPPED
        elif self._redacted and self._redacted.fullmatch(name):
            fate = _REDACTED
        if len(self._known) >= 1024:  # noqa: PLR2004 - attributes of all libraries together are fewer
            self._known.clear()
        self._known[name] = fate
        return fate


def _pattern(names: Iterable[str]) -> re.Pattern[str] | None:
    patterns = [".*".join(map(re.escape, name.split("*"))) for name in names]
    return re.compile("|".join(patterns), re.IGNORECASE | re.DOTALL) if patterns else None


def _bounded(attributes: Mapping[str, Any], dropped: int) -> BoundedAttributes:
    bounded = BoundedAttributes(attributes=dict(attributes))
    bounded.dropped = dropped
    return bounded


def _same_kind(old: Any, changed: list[Any]) -> Any:
    """Return a list that counts as dropped what the old one does."""
    new = BoundedList.from_seq(None, changed)
    new.dropped = getattr(old, "dropped", 0)
    return new
