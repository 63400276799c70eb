import uuid

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent,
)

# Other environments share the table.
ENVIRONMENT = str(uuid.uuid4())
calls = []


@idempotent(
    persistence_store=DynamoDBPersistenceLayer(table_name="idempotency"),
    config=IdempotencyConfig(event_key_jmespath="key"),
)
def feed(event, context):
    calls.append(event)
    return {"pet": event["pet"], "calls": len(calls)}


def handler(event, context):
    return feed({**event, "key": ENVIRONMENT}, context)
