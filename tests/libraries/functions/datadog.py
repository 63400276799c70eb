from datadog_lambda.metric import lambda_metric
from datadog_lambda.wrapper import datadog_lambda_wrapper
from ddtrace.trace import tracer


@datadog_lambda_wrapper
def handler(event, context):
    with tracer.trace("feed"):
        lambda_metric("pets.fed", 1)
        return {"pet": event["pet"], "root": tracer.current_root_span().name}
