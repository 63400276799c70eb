"""Spans to OTLP protobuf bytes, without protobuf.

It writes one message, ``ExportTraceServiceRequest`` of opentelemetry-proto 1.x; the field numbers
are those of ``trace/v1/trace.proto``, ``common/v1/common.proto`` and ``resource/v1/resource.proto``
in https://github.com/open-telemetry/opentelemetry-proto. Why not protobuf: its import takes longer
than the rest of a cold start, and a second version of it in one process fails when the user's code
brings its own.

A property test compares the decoded message with that of
``opentelemetry-exporter-otlp-proto-common`` for the same spans.
"""

from collections.abc import Callable, Iterable, Sequence

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

from lambda_otel_lite.export._protobuf import (
    encode_attributes,
    message,
    text_field,
    time_field,
    varint,
)

# Tags are written out: the field's number times eight and the wire type (0 varint, 1 fixed64, 2
# bytes, 5 fixed32). A call for each would be most of the work.

# SpanKind counts from 0 (INTERNAL) in the API and from 1 in OTLP; a status code of 0 is left out.
_KINDS = [b"\x30%c" % (kind + 1) for kind in range(5)]
_STATUS_CODES = [b"", b"\x18\x01", b"\x18\x02"]

# Resource and scope are the same in span after span, so each is encoded once.
_MOST_KEPT = 1024
_descriptions: dict[int, tuple[object, bytes]] = {}


def encode_spans(spans: Sequence[ReadableSpan]) -> bytes:
    """Return the serialized ``ExportTraceServiceRequest``: spans by resource and scope."""
    groups: list[tuple[Resource, dict[InstrumentationScope | None, list[ReadableSpan]]]] = []
    # Nearly all spans share a few objects. To hash the scope of each takes as long as all the rest.
    by_identity: dict[tuple[int, int], list[ReadableSpan]] = {}
    alive: list[object] = []  # an id is reused when its object is gone
    before: tuple[object, object] = (None, None)
    group: list[ReadableSpan] | None = None
    for span in spans:
        resource, scope = span.resource, span.instrumentation_scope
        if group is None or resource is not before[0] or scope is not before[1]:
            before = resource, scope
            group = by_identity.get((id(resource), id(scope)))
        if group is None:
            group = _scopes_of(resource, groups).setdefault(scope, [])
            by_identity[id(resource), id(scope)] = group
            alive += before
        group.append(span)
    return b"".join([_resource_spans(resource, scopes.values()) for resource, scopes in groups])


def _scopes_of(
    resource: Resource,
    groups: list[tuple[Resource, dict[InstrumentationScope | None, list[ReadableSpan]]]],
) -> dict[InstrumentationScope | None, list[ReadableSpan]]:
    # Not a dictionary: to hash a resource is to serialize it to JSON.
    for known, scopes in groups:
        if known is resource or known == resource:
            return scopes
    groups.append((resource, {}))
    return groups[-1][1]


def _resource_spans(resource: Resource, scopes: Iterable[list[ReadableSpan]]) -> bytes:
    described = _kept(resource, _resource)
    return message(b"\x0a", described + b"".join([_scope_spans(spans) for spans in scopes]))


def _scope_spans(spans: list[ReadableSpan]) -> bytes:
    described = _kept(spans[0].instrumentation_scope, _scope)
    return message(b"\x12", described + b"".join([message(b"\x12", _span(span)) for span in spans]))


def _kept[DescribedT](described: DescribedT, encode: Callable[[DescribedT], bytes]) -> bytes:
    """Return what was encoded of the same object before, or encode it now."""
    kept = _descriptions.get(id(described))
    if kept is not None and kept[0] is described:
        return kept[1]
    if len(_descriptions) >= _MOST_KEPT:
        _descriptions.clear()
    encoded = encode(described)
    # The object is kept too: its id would be reused otherwise.
    _descriptions[id(described)] = described, encoded
    return encoded


def _resource(resource: Resource) -> bytes:
    """Return the fields of a ResourceSpans that are not its spans."""
    attributes = encode_attributes(b"\x0a", resource.attributes)
    return message(b"\x0a", attributes) + text_field(b"\x1a", resource.schema_url)


def _scope(scope: InstrumentationScope | None) -> bytes:
    """Return the fields of a ScopeSpans that are not its spans."""
    if scope is None:
        return message(b"\x0a", b"")
    described = (
        text_field(b"\x0a", scope.name)
        + text_field(b"\x12", scope.version)
        + encode_attributes(b"\x1a", getattr(scope, "attributes", None))
    )
    return message(b"\x0a", described) + text_field(b"\x1a", scope.schema_url)


def _span(span: ReadableSpan) -> bytes:
    context, parent = span.context, span.parent
    if context is None:
        raise ValueError(f"span {span.name!r} has no context")
    # What many spans share comes first, and what each has of its own last: so 500 spans are a
    # sixteenth smaller, compressed, than in the order of the numbers. Decoders take any order.
    parts = [b"\x0a\x10", context.trace_id.to_bytes(16)]
    if parent:
        parts += (b"\x22\x08", parent.span_id.to_bytes(8))
    parts += (
        b"\x85\x01",
        _flags(parent),
        _status(span.status),
        _KINDS[span.kind._value_],
        text_field(b"\x2a", span.name),
        encode_attributes(b"\x4a", span.attributes),
        b"\x12\x08",
        context.span_id.to_bytes(8),
        b"\x39",
        (span.start_time or 0).to_bytes(8, "little"),
        b"\x41",
        (span.end_time or 0).to_bytes(8, "little"),
    )
    if trace_state := context.trace_state:
        state = ",".join(f"{key}={value}" for key, value in trace_state.items())
        parts.append(text_field(b"\x1a", state))
    # The properties make a copy of each, and few spans have any.
    if getattr(span, "_events", True):
        parts += [message(b"\x5a", _event(event)) for event in span.events]
    if getattr(span, "_links", True):
        parts += [message(b"\x6a", _link(link)) for link in span.links]
    if dropped := span.dropped_attributes:
        parts.append(b"\x50" + varint(dropped))
    if dropped := span.dropped_events:
        parts.append(b"\x60" + varint(dropped))
    if dropped := span.dropped_links:
        parts.append(b"\x70" + varint(dropped))
    return b"".join(parts)


def _event(event: Event) -> bytes:
    dropped = event.dropped_attributes
    return (
        time_field(b"\x09", event.timestamp)
        + text_field(b"\x12", event.name)
        + encode_attributes(b"\x1a", event.attributes)
        + (b"\x20" + varint(dropped) if dropped else b"")
    )


def _link(link: Link) -> bytes:
    # The trace state of a link is left out, as it is by the OpenTelemetry encoder.
    dropped = link.dropped_attributes
    return (
        b"\x0a\x10"
        + link.context.trace_id.to_bytes(16)
        + b"\x12\x08"
        + link.context.span_id.to_bytes(8)
        + encode_attributes(b"\x22", link.attributes)
        + (b"\x28" + varint(dropped) if dropped else b"")
        + b"\x35"
        + _flags(link.context)
    )


def _status(status: Status) -> bytes:
    if status.status_code is StatusCode.UNSET:
        return b"\x7a\x00"  # only an error has a description
    code = _STATUS_CODES[status.status_code.value]
    return message(b"\x7a", text_field(b"\x12", status.description) + code)


def _flags(context: SpanContext | None) -> bytes:
    """Return the four bytes of SpanFlags: that it is known whether the span is remote, and that."""
    return b"\x00\x03\x00\x00" if context and context.is_remote else b"\x00\x01\x00\x00"
