"""What an extractor returns, and how it reads an event of which nothing is certain.

An event is whatever the caller sent: every field may be missing, null or of another type. The
helpers here return None or an empty value instead of raising, so that an extractor reads as a table
of attributes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from opentelemetry.trace import Link, SpanKind

#: A carrier of propagation headers; one name may have several values.
Carrier = Mapping[str, str | list[str]]


#: The older names of the specification's table and the stable names that replaced them.
OLD_HTTP_NAMES = {
    "http.method": "http.request.method",
    "http.target": "url.path",
    "http.status_code": "http.response.status_code",
}


class TriggerType:
    """Values of ``faas.trigger`` (semantic conventions, FaaS spans); any other string will do."""

    DATASOURCE = "datasource"
    HTTP = "http"
    PUBSUB = "pubsub"
    TIMER = "timer"
    OTHER = "other"


class SpanAttributes:
    """Describe the span of one invocation.

    Args:
        trigger: Value of ``faas.trigger``, one of `TriggerType` or any string.
        attributes: Attributes of the span; values that OpenTelemetry does not accept are left out.
        span_name: Name of the span. Default: the name given to ``create_traced_handler``.
        carrier: Headers in which the caller's context travels, in any case.
        kind: Kind of the span. Default: ``SERVER``.
        links: Links to add as they are.
        link_carriers: One carrier for each message of a batch. Every distinct context found in them
            becomes a link; if all messages share one, it is the parent too.
    """

    __slots__ = (
        "attributes",
        "carrier",
        "kind",
        "link_carriers",
        "links",
        "span_name",
        "trigger",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - the specification's signature, and one more
        self,
        trigger: str,
        attributes: dict[str, Any],
        span_name: str | None = None,
        carrier: Carrier | None = None,
        kind: SpanKind = SpanKind.SERVER,
        links: list[Link] | None = None,
        link_carriers: Sequence[Carrier] = (),
    ) -> None:
        self.trigger = trigger
        self.attributes = attributes
        self.span_name = span_name
        self.carrier = carrier
        self.kind = kind
        self.links = links
        self.link_carriers = link_carriers


#: From an event and its context to the description of its span.
Extractor = Callable[[Any, Any], SpanAttributes]


def invocation_attributes(context: Any) -> dict[str, Any]:
    """Return what the Lambda context says of the invocation (specification, "FAAS Attributes")."""
    attributes: dict[str, Any] = {}
    put(attributes, "faas.invocation_id", getattr(context, "aws_request_id", None))
    arn = getattr(context, "invoked_function_arn", None)
    if put(attributes, "cloud.resource_id", arn):
        put(attributes, "cloud.account.id", arn_part(arn, 4))
    return attributes


def put(attributes: dict[str, Any], key: str, value: Any) -> bool:
    """Set a text attribute where there is a text to set; say whether there was."""
    if isinstance(value, str) and value:
        attributes[key] = value
        return True
    return False


def mapping(value: Any) -> dict[Any, Any]:
    """Return the value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """Return the value if it is a text that is not empty, else None."""
    return value if isinstance(value, str) and value else None


def records(event: Any) -> list[dict[Any, Any]]:
    """Return the objects in the event's ``Records``."""
    found = mapping(event).get("Records")
    return (
        [record for record in found if isinstance(record, dict)] if isinstance(found, list) else []
    )


def arn_part(arn: Any, index: int) -> str | None:
    """Return a colon-separated part of an ARN; 5 is the resource with all that follows it."""
    parts = arn.split(":", 5) if isinstance(arn, str) else []
    return parts[index] or None if len(parts) > index else None


def headers_of(event: dict[Any, Any]) -> dict[str, str | list[str]]:
    """Return the event's headers in lower case; a header that came several times has a list.

    API Gateway and load balancers give ``headers``, ``multiValueHeaders`` or both; the latter says
    more.
    """
    headers: dict[str, str | list[str]] = {}
    for name, value in mapping(event.get("headers")).items():
        if isinstance(name, str) and isinstance(value, str):
            headers[name.lower()] = value
    for name, values in mapping(event.get("multiValueHeaders")).items():
        if isinstance(name, str) and isinstance(values, list):
            texts = [value for value in values if isinstance(value, str)]
            if texts:
                headers[name.lower()] = texts if len(texts) > 1 else texts[0]
    return headers


def first(value: str | Iterable[str] | None) -> str | None:
    """Return a header's first value."""
    if value is None or isinstance(value, str):
        return value
    return next(iter(value), None)
