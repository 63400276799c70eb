from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)

processor = BatchProcessor(event_type=EventType.SQS)


def work(record):
    if record.message_id.endswith("2"):
        raise ValueError(record.json_body["order"])


def handler(event, context):
    return process_partial_response(event, work, processor, context)
