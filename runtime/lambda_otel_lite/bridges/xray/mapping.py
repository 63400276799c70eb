"""What an entity of the X-Ray SDK says, in OpenTelemetry's words.

An entity is a segment or subsegment; its fields are those of X-Ray's segment documents
(https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html). Attributes follow
the semantic conventions, https://opentelemetry.io/docs/specs/semconv/. What these have no name for
has the one that OpenTelemetry's collector gives it
(https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/internal/aws/xray/awsxray.go).
"""

import json
from collections.abc import Iterator, KeysView, Mapping
from typing import Any
from urllib.parse import urlsplit

from opentelemetry.trace import Span

#: Of one namespace's metadata, in characters of JSON, and of any other text.
MOST_TEXT = 4096
#: Namespaces of metadata, annotations, and exceptions of one entity.
MOST_PARTS = 50

ANNOTATIONS = "aws.xray.annotations"
METADATA = "aws.xray.metadata."
IN_PROGRESS = "aws.xray.inprogress"

_ENCODER = json.JSONEncoder(default=str, skipkeys=True)
_LOWEST_ERROR = 400

#: By X-Ray's name of the service and of the field. The convention of each is under
#: https://opentelemetry.io/docs/specs/semconv/registry/attributes/.
_AWS: dict[tuple[str, str], str] = {
    ("lambda", "function_name"): "faas.invoked_name",
    ("s3", "bucket"): "aws.s3.bucket",
    ("s3", "bucket_name"): "aws.s3.bucket",
    ("s3", "copy_source"): "aws.s3.copy_source",
    ("s3", "key"): "aws.s3.key",
    ("sns", "topic_arn"): "aws.sns.topic.arn",
    ("sqs", "message_count"): "messaging.batch.message_count",
    ("sqs", "message_id"): "messaging.message.id",
    ("sqs", "queue_name"): "messaging.destination.name",
    ("sqs", "queue_url"): "aws.sqs.queue.url",
    ("dynamodb", "attributes_to_get"): "aws.dynamodb.attributes_to_get",
    ("dynamodb", "consistent_read"): "aws.dynamodb.consistent_read",
    ("dynamodb", "count"): "aws.dynamodb.count",
    ("dynamodb", "exclusive_start_table_name"): "aws.dynamodb.exclusive_start_table",
    ("dynamodb", "index_name"): "aws.dynamodb.index_name",
    ("dynamodb", "limit"): "aws.dynamodb.limit",
    ("dynamodb", "projection_expression"): "aws.dynamodb.projection",
    ("dynamodb", "scan_index_forward"): "aws.dynamodb.scan_forward",
    ("dynamodb", "scanned_count"): "aws.dynamodb.scanned_count",
    ("dynamodb", "segment"): "aws.dynamodb.segment",
    ("dynamodb", "select"): "aws.dynamodb.select",
    ("dynamodb", "table_count"): "aws.dynamodb.table_count",
    ("dynamodb", "table_name"): "db.collection.name",
    ("dynamodb", "table_names"): "aws.dynamodb.table_names",
    ("dynamodb", "total_segments"): "aws.dynamodb.total_segments",
}
#: Of any service.
_AWS_CALL = {
    "operation": "rpc.method",
    "region": "cloud.region",
    "request_id": "aws.request_id",
    "id_2": "aws.extended_request_id",
}
_HTTP_REQUEST = {
    "client_ip": "client.address",
    "method": "http.request.method",
    "user_agent": "user_agent.original",
}
_HTTP_RESPONSE = {
    "content_length": "http.response.body.size",
    "status": "http.response.status_code",
}
#: What X-Ray's patches call a database, where the convention has another name.
_DATABASES = {"mssql": "microsoft.sql_server", "oracle": "oracle.db", "sqlite3": "sqlite"}


def trace_id_of(span: Span) -> str:
    """Return a span's trace id as X-Ray writes it: ``1-8 hex-24 hex``."""
    text = f"{span.get_span_context().trace_id:032x}"
    return f"1-{text[:8]}-{text[8:]}"


def span_id_of(span: Span) -> str:
    """Return a span's id as X-Ray writes it."""
    return f"{span.get_span_context().span_id:016x}"


def attributes_of(entity: Any) -> dict[str, Any]:
    """Return all that an entity says but its failure.

    Args:
        entity: A segment or subsegment, open or not.
    """
    attributes: dict[str, Any] = {}
    metadata = dict(entity.metadata)
    if entity.http:
        attributes.update(_http(entity.http))
    if getattr(entity, "namespace", None) == "aws" and isinstance(entity.aws, Mapping):
        attributes.update(_aws(entity.name, entity.aws, metadata))
    if getattr(entity, "sql", None):
        attributes.update(_sql(entity.sql))
    if getattr(entity, "user", None):
        attributes["user.id"] = str(entity.user)
    attributes.update(written_to(entity, metadata))
    if entity.in_progress:
        attributes[IN_PROGRESS] = True
    return attributes


def written_to(entity: Any, metadata: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the annotations and metadata of an entity.

    Args:
        entity: A segment or subsegment.
        metadata: Default: its own.
    """
    attributes = annotations_of(entity.annotations)
    for namespace, values in list((metadata or entity.metadata).items())[:MOST_PARTS]:
        attributes.update(metadata_of(namespace, values))
    return attributes


def annotations_of(annotations: Mapping[str, Any]) -> dict[str, Any]:
    """Return annotations, and which attributes they are."""
    kept = dict(list(annotations.items())[:MOST_PARTS])
    return {**kept, ANNOTATIONS: list(kept)} if kept else {}


def metadata_of(namespace: str, values: Any) -> dict[str, str]:
    """Return the metadata of a namespace as JSON, cut where it is too long; nothing if it is none.

    Args:
        namespace: Its name.
        values: Anything; it is read no further than is kept of it.
    """
    pieces: list[str] = []
    size = 0
    try:
        for piece in _ENCODER.iterencode(values):
            pieces.append(piece)
            size += len(piece)
            if size > MOST_TEXT:
                break
    except Exception:  # noqa: BLE001 - the function's own objects may do anything
        return {}
    return {METADATA + namespace: _cut("".join(pieces))}


def exceptions_of(entity: Any) -> list[Any]:
    """Return the SDK's descriptions of the exceptions that an entity has recorded itself."""
    cause = entity.cause
    exceptions = cause.get("exceptions", ()) if isinstance(cause, Mapping) else ()
    return list(exceptions)[:MOST_PARTS]


def event_of(exception: Any) -> dict[str, str]:
    """Return the attributes of an exception's event.

    Source: https://opentelemetry.io/docs/specs/semconv/exceptions/exceptions-spans/
    """
    name, message = exception.type, getattr(exception, "message", "")
    lines = [
        f'  File "{one["path"]}", line {one["line"]}, in {one["label"]}'
        for one in getattr(exception, "stack", None) or ()
    ]
    trace = "\n".join(["Traceback (most recent call last):", *lines, f"{name}: {message}"])
    return {
        "exception.type": name,
        "exception.message": _cut(message),
        "exception.stacktrace": _cut(trace),
    }


def failed(entity: Any) -> bool:
    """Say whether the SDK calls an entity a fault, an error or throttled."""
    return any(getattr(entity, flag, False) for flag in ("fault", "error", "throttle"))


def error_type_of(entity: Any, exception: Any) -> str:
    """Return the ``error.type`` of an entity that failed.

    Source: https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/

    Args:
        entity: The segment or subsegment.
        exception: The exception that made it fail, None if it is not known.
    """
    if exception is not None:
        return str(exception.type)
    status = entity.http.get("response", {}).get("status")
    if isinstance(status, int) and status >= _LOWEST_ERROR:
        return str(status)
    return "throttle" if getattr(entity, "throttle", False) else "_OTHER"


def _http(http: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    request, response = http.get("request", {}), http.get("response", {})
    yield from _named(_HTTP_REQUEST, request)
    yield from _named(_HTTP_RESPONSE, response)
    if url := request.get("url"):
        scheme, separator, rest = str(url).partition("://")
        host, slash, path = rest.partition("/")
        # Credentials are no part of what is recorded.
        yield "url.full", _cut(f"{scheme}{separator}{host.rpartition('@')[2]}{slash}{path}")
        yield from _server(str(url))


def _aws(service: str, aws: Mapping[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    """Return attributes of a call to AWS; what has no attribute is added to the metadata."""
    attributes: dict[str, Any] = {"rpc.system": "aws-api", "rpc.service": service}
    attributes.update(_named(_AWS_CALL, aws))
    rest = {}
    for field, value in aws.items():
        name = _AWS.get((service, field))
        if name is not None and isinstance(value, str | bool | int | float | list):
            attributes[name] = value
        elif field not in _AWS_CALL:
            rest[field] = list(value) if isinstance(value, KeysView) else value
    if service == "dynamodb":
        attributes |= {"db.system.name": "aws.dynamodb", "db.operation.name": aws.get("operation")}
        if table := aws.get("table_name"):
            attributes["aws.dynamodb.table_names"] = [table]
    elif service == "sqs":
        attributes["messaging.system"] = "aws_sqs"
    elif service == "lambda" and "faas.invoked_name" in attributes:
        attributes["faas.invoked_provider"] = "aws"
        attributes["faas.invoked_region"] = aws.get("region")
    if rest:
        metadata.setdefault("aws", rest)
    return {name: value for name, value in attributes.items() if value is not None}


def _sql(sql: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    database = str(sql.get("database_type", "other_sql")).lower()
    database = _DATABASES.get(database, database)
    yield "db.system.name", database
    if query := sql.get("sanitized_query"):
        yield "db.query.text", _cut(str(query))
    url = str(sql.get("url", ""))
    if url and database != "sqlite":
        yield from _server(url)
        if name := url.partition("://")[2].partition("/")[2].partition("?")[0]:
            yield "db.namespace", name


def _server(url: str) -> Iterator[tuple[str, Any]]:
    try:
        parts = urlsplit(url)
        address, port = parts.hostname, parts.port
    except ValueError:
        return
    if address:
        yield "server.address", address
    if port:
        yield "server.port", port


def _named(names: Mapping[str, str], values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for field, name in names.items():
        if values.get(field) is not None:
            yield name, values[field]


def _cut(text: str) -> str:
    return text if len(text) <= MOST_TEXT else f"{text[: MOST_TEXT - 3]}..."
