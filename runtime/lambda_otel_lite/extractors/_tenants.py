"""The tenant of an invocation, for functions with tenant isolation.

Source: https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation-context.html. There is no
semantic convention for it; the name is the project's own.
"""

from typing import Any

from lambda_otel_lite.extractors.attributes import Extractor, SpanAttributes, put


def with_tenant(extractor: Extractor) -> Extractor:
    """Return an extractor that adds what the Lambda context says of the tenant."""

    def extract(event: Any, context: Any) -> SpanAttributes:
        extracted = extractor(event, context)
        put(extracted.attributes, "aws.lambda.tenant_id", getattr(context, "tenant_id", None))
        return extracted

    return extract
