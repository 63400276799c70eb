"""What an extractor returns, and how it reads an event of which nothing is certain.

An event is whatever the caller sent: every field may be missing, null or of another type. The
helpers here return None or an empty value instead of raising, so that an extractor reads as a table
of attributes.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Link, SpanKind

if TYPE_CHECKING:
    from lambda_otel_lite.extractors.executions import Execution

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
        link_attributes: Attributes of these links, one mapping for each of `link_carriers`.
            Default: none.

    Attributes:
        execution: The durable execution that the invocation is part of; None where it is no part of
            one.
    """

    __slots__ = (
        "attributes",
        "carrier",
        "execution",
        "kind",
        "link_attributes",
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
        link_attributes: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        self.trigger = trigger
        self.attributes = attributes
        self.span_name = span_name
        self.carrier = carrier
        self.kind = kind
        self.links = links
        self.link_carriers = link_carriers
        self.link_attributes = link_attributes
        self.execution: Execution | None = None


#: From an event and its context to the description of its span.
Extractor = Callable[[Any, Any], SpanAttributes]


def invocation_attributes(context: Any) -> dict[str, Any]:
    """Return what the Lambda context says of the invocation.

    Sources: https://opentelemetry.io/docs/specs/semconv/faas/aws-lambda/ and, for the ARN without
    its alias, https://opentelemetry.io/docs/specs/semconv/resource/cloud/.
    """
    attributes: dict[str, Any] = {}
    put(attributes, "faas.invocation_id", getattr(context, "aws_request_id", None))
    arn = text(getattr(context, "invoked_function_arn", None))
    if arn:
        version = getattr(context, "function_version", None)
        attributes.update(_of_function(arn, version if isinstance(version, str) else None))
    return attributes


@lru_cache(maxsize=8)
def _of_function(arn: str, version: str | None) -> dict[str, Any]:
    """Return what is the same in all invocations by one ARN."""
    attributes: dict[str, Any] = {
        "aws.lambda.invoked_arn": arn,
        "cloud.resource_id": _without_alias(arn, version),
    }
    put(attributes, "cloud.account.id", arn_part(arn, 4))
    return attributes


def _without_alias(arn: str, version: str | None) -> str:
    """Return a function's ARN with its version in place of an alias."""
    # arn:aws:lambda:REGION:ACCOUNT:function:NAME:QUALIFIER
    function, colon, qualifier = arn.rpartition(":")
    if arn.count(":") != 7 or qualifier.isdecimal():  # noqa: PLR2004 - no qualifier, or a version
        return arn
    return f"{function}{colon}{version}" if version and version.isdecimal() else function


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


def objects(value: Any) -> list[dict[Any, Any]]:
    """Return the JSON objects in a list; none if it is not a list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def only(texts: set[str | None]) -> str | None:
    """Return the one text in a set; None if it holds more or none."""
    return texts.pop() or None if len(texts) == 1 else None


def records(event: Any) -> list[dict[Any, Any]]:
    """Return the objects in the event's ``Records``, or in the list that a pipe sends.

    Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-event-source.html
    """
    return objects(event if isinstance(event, list) else mapping(event).get("Records"))


def arn_part(arn: Any, index: int) -> str | None:
    """Return a colon-separated part of an ARN; 5 is the resource with all that follows it."""
    parts = arn.split(":", 5) if isinstance(arn, str) else []
    return parts[index] or None if len(parts) > index else None


def headers_of(event: dict[Any, Any]) -> Carrier:
    """Return the event's headers as they were sent; a header that came several times has a list.

    API Gateway and load balancers give ``headers``, ``multiValueHeaders`` or both; the latter says
    more. Names keep their case, and values are not looked at: whoever reads them has to.
    """
    headers = mapping(event.get("headers"))
    several = mapping(event.get("multiValueHeaders"))
    if not several:
        return headers
    found = dict(headers)
    for name, values in several.items():
        if isinstance(values, list) and values:
            found[name] = values if len(values) > 1 else values[0]
    return found


def header(headers: Carrier, name: str) -> str | None:
    """Return the first value of a header, whatever the case of its name.

    Args:
        headers: From `headers_of`.
        name: In lower case.
    """
    value: Any = headers.get(name)
    if type(value) is str:  # nearly always
        return value or None
    if value is None:
        # HTTP APIs and load balancers send lower case; REST APIs what the client sent.
        value = next(
            (found for known, found in headers.items() if str(known).lower() == name), None
        )
    if isinstance(value, list):
        value = value[0] if value else None
    return text(value)
