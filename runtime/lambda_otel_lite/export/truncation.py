"""Make a span smaller when it alone is longer than a log line may be."""

from collections.abc import Iterator, Mapping
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util import BoundedList
from opentelemetry.trace import Link, Status

#: Set to true on a span of which something was cut off.
TRUNCATED = "lambda_otel_lite.truncated"

# Most characters of a text, most attributes, most events and links; each step keeps less. What the
# last one leaves still shows the span's place in the trace.
_STEPS = ((4096, 128, 32), (1024, 64, 8), (256, 32, 2), (64, 16, 0), (64, 0, 0))


def smaller_spans(span: ReadableSpan) -> Iterator[ReadableSpan]:
    """Yield ever smaller copies of a span; ids, times, kind and status code stay whole."""
    for text_length, attribute_count, list_length in _STEPS:
        yield ReadableSpan(
            name=span.name[:text_length],
            context=span.context,
            parent=span.parent,
            resource=span.resource,
            attributes={
                TRUNCATED: True,
                **_cut_attributes(span.attributes, text_length, attribute_count),
            },
            # BoundedList counts what it drops, which the encoders report.
            events=_last(
                [_cut_event(event, text_length, attribute_count) for event in span.events],
                list_length,
            ),
            links=_last([_cut_link(link) for link in span.links], list_length),
            kind=span.kind,
            status=_cut_status(span.status, text_length),
            start_time=span.start_time,
            end_time=span.end_time,
            instrumentation_scope=span.instrumentation_scope,
        )


def _last(items: list[Any], length: int) -> BoundedList[Any]:
    return BoundedList.from_seq(length, items)


def _cut_status(status: Status, text_length: int) -> Status:
    # An exception's message ends up here, and may quote a whole request.
    return Status(status.status_code, status.description and status.description[:text_length])


def _cut_event(event: Event, text_length: int, attribute_count: int) -> Event:
    return Event(
        event.name[:text_length],
        _cut_attributes(event.attributes, text_length, attribute_count),
        event.timestamp,
    )


def _cut_link(link: Link) -> Link:
    return Link(link.context)


def _cut_attributes(
    attributes: Mapping[str, Any] | None, text_length: int, count: int
) -> dict[str, Any]:
    pairs = list((attributes or {}).items())[:count]
    return {key[:text_length]: _cut_value(value, text_length) for key, value in pairs}


def _cut_value(value: Any, length: int) -> Any:
    if isinstance(value, str | bytes):
        return value[:length]
    if isinstance(value, tuple | list):
        return tuple(_cut_value(item, length) for item in value[:length])
    if isinstance(value, Mapping):
        pairs = list(value.items())[:length]
        return {key: _cut_value(item, length) for key, item in pairs}
    return value
