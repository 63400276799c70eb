"""What every forwarder has, whether the CDK or a template deploys it."""

from __future__ import annotations

HANDLER = "otlp_forwarder.handler.handler"
DESCRIPTION = "Sends the telemetry of Lambda functions from their logs to a collector"
MEMORY_MB, TIMEOUT_S = 512, 60
#: Enough for some hundred log batches a second, and a hundredth of an account's usual limit.
CONCURRENCY = 10
#: The smallest that Lambda accepts: most of the concurrency is left for what is new. Source:
#: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
REDRIVE_CONCURRENCY = 2
REDRIVE_BATCH = 10
#: Six times the function's timeout, https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html.
#: What failed waits so long for the next try.
VISIBILITY_S = 6 * TIMEOUT_S
#: Tries before somebody has to look: 100 of them, six minutes apart, outlast a night's outage.
MOST_TRIES = 100
#: The largest message, since what Lambda gave up is a whole event. Source:
#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
MESSAGE_BYTES = 1024 * 1024
QUEUE_DAYS, LOG_DAYS = 14, 30

#: Where the forwarder's own metrics are, and those that count lost telemetry. A test compares the
#: names with those that the forwarder writes.
NAMESPACE, DIMENSION = "OtlpForwarder", "FunctionName"
WATCHED, HELD = ("Rejected", "Malformed"), "Held"
ALARM_PERIOD_S = 300
#: How old the oldest undelivered data may be: nobody has to know of a shorter outage.
OLDEST_S = 3600

#: Who sends log events.
LOGS = "logs.amazonaws.com"
POLICY_NAME, POLICY_TYPE = "lambda-otel-lite", "SUBSCRIPTION_FILTER_POLICY"
#: The one action of X-Ray's endpoint, which has no resource. Source:
#: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
XRAY_ACTION = "xray:PutTraceSegments"
