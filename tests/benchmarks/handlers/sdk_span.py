"""The SDK's spans with the attributes of an HTTP call, exported to nowhere: the floor."""

from opentelemetry.context import attach, detach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind, set_span_in_context
from workload import measured, work

provider = TracerProvider()
tracer = provider.get_tracer(__name__)


def handler(event, context):
    """Work and answer within a span that has what an HTTP call's span has at least."""
    request, http = event["requestContext"], event["requestContext"]["http"]
    span = tracer.start_span(
        event["routeKey"],
        kind=SpanKind.SERVER,
        attributes={
            "faas.trigger": "http",
            "faas.coldstart": False,
            "faas.invocation_id": context.aws_request_id,
            "cloud.resource_id": context.invoked_function_arn,
            "cloud.account.id": context.invoked_function_arn.split(":")[4],
            "http.request.method": http["method"],
            "url.path": event["rawPath"],
            "url.query": event["rawQueryString"],
            "url.scheme": "https",
            "http.route": "/orders",
            "client.address": http["sourceIp"],
            "user_agent.original": http["userAgent"],
            "server.address": request["domainName"],
        },
    )
    token = attach(set_span_in_context(span))
    try:
        work(tracer)
        return measured()
    finally:
        detach(token)
        span.set_attribute("http.response.status_code", 200)
        span.end()
