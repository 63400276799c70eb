"""Extractors for events that tell of data: S3, DynamoDB, DocumentDB and CloudWatch Logs.

Sources: AWS Lambda developer guide, the event formats of each; FaaS semantic conventions,
``faas.document.*``.
"""

from typing import Any
from urllib.parse import unquote_plus

from lambda_otel_lite.extractors.attributes import (
    SpanAttributes,
    TriggerType,
    arn_part,
    invocation_attributes,
    mapping,
    objects,
    only,
    put,
    records,
    text,
)

_S3_OPERATIONS = {
    "ObjectCreated": "insert",
    "ObjectRemoved": "delete",
    "LifecycleExpiration": "delete",
}
_DOCUMENTDB_OPERATIONS = {"insert": "insert", "delete": "delete", "drop": "delete"}
_DYNAMODB_OPERATIONS = {"INSERT": "insert", "MODIFY": "edit", "REMOVE": "delete"}


def s3_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a notification of a bucket; the key is an attribute, never part of the name."""
    changes = records(event)
    first = changes[0] if changes else {}
    s3 = mapping(first.get("s3"))
    bucket = text(mapping(s3.get("bucket")).get("name"))
    key = text(mapping(s3.get("object")).get("key"))
    event_name = text(first.get("eventName"))
    attributes = invocation_attributes(context)
    put(attributes, "aws.s3.bucket", bucket)
    put(attributes, "faas.document.collection", bucket)
    put(attributes, "faas.document.time", first.get("eventTime"))
    operation = _S3_OPERATIONS.get((event_name or "").partition(":")[0], "edit")
    put(attributes, "faas.document.operation", operation if event_name else None)
    if key:
        attributes["aws.s3.key"] = attributes["faas.document.name"] = unquote_plus(key)
    name = f"{event_name} {bucket}" if event_name and bucket else None
    return SpanAttributes(TriggerType.DATASOURCE, attributes, span_name=name)


def dynamodb_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a batch of a table's stream."""
    changes = records(event)
    first = changes[0] if changes else {}
    # arn:aws:dynamodb:region:account:table/NAME/stream/LABEL
    path = (arn_part(first.get("eventSourceARN"), 5) or "").split("/")
    table = path[1] if len(path) > 1 else None
    attributes = invocation_attributes(context)
    attributes["db.system.name"] = "aws.dynamodb"
    put(attributes, "faas.document.collection", table)
    names = [name for change in changes if (name := text(change.get("eventName")))]
    operations = {_DYNAMODB_OPERATIONS.get(name) for name in names}
    if len(operations) == 1:
        put(attributes, "faas.document.operation", operations.pop())
    if len(changes) > 1:
        attributes["db.operation.batch.size"] = len(changes)
    name = f"process {table}" if table else None
    return SpanAttributes(TriggerType.DATASOURCE, attributes, span_name=name)


def documentdb_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a batch of a cluster's change stream.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/with-documentdb.html.
    """
    event = mapping(event)
    changes = [mapping(one.get("event")) for one in objects(event.get("events"))]
    namespaces = [mapping(change.get("ns")) for change in changes]
    database = only({text(namespace.get("db")) for namespace in namespaces})
    collection = only({text(namespace.get("coll")) for namespace in namespaces})
    attributes = invocation_attributes(context)
    attributes["db.system.name"] = "mongodb"
    put(attributes, "db.namespace", database)
    put(attributes, "db.collection.name", collection)
    put(attributes, "faas.document.collection", collection)
    if name := only({text(change.get("operationType")) for change in changes}):
        attributes["faas.document.operation"] = _DOCUMENTDB_OPERATIONS.get(name, "edit")
    if len(changes) > 1:
        attributes["db.operation.batch.size"] = len(changes)
    name = f"process {collection}" if collection else None
    return SpanAttributes(TriggerType.DATASOURCE, attributes, span_name=name)


def cloudwatch_logs_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read a batch of log events; it stays compressed, so that nothing of it is known here."""
    del event
    return SpanAttributes(TriggerType.DATASOURCE, invocation_attributes(context))
