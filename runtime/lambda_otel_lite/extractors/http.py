"""Extractors for events that stand for an HTTP request.

Sources: the event formats in https://docs.aws.amazon.com/lambda/latest/dg/services-apigateway.html,
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html,
https://docs.aws.amazon.com/lambda/latest/dg/services-alb.html; attribute names from
https://opentelemetry.io/docs/specs/semconv/http/http-spans/ and the older ones beside them.
"""

from collections.abc import Iterator
from typing import Any

from lambda_otel_lite.extractors.attributes import (
    Carrier,
    SpanAttributes,
    TriggerType,
    header,
    headers_of,
    invocation_attributes,
    mapping,
    put,
    text,
)

# Signatures and tokens whose holder may do what their owner may. The first four are those of the
# HTTP semantic conventions (url.query); the others are AWS's presigned URLs'.
_SECRET_PARAMETERS = {
    "awsaccesskeyid",
    "signature",
    "sig",
    "x-goog-signature",
    "x-amz-credential",
    "x-amz-security-token",
    "x-amz-signature",
}
# A query without any of these has no such parameter: one is in each of the names.
_PARTS_OF_THEM = ("sig", "x-amz-", "awsaccesskeyid")

# A port has five digits at most, and int() refuses thousands of them.
_PORT_DIGITS = 6

# Where an event has its query string, the field that says most first.
_QUERY_FIELDS = (
    "multiValueQueryStringParameters",
    "queryStringParameters",
    "query_string_parameters",
)

# Known to the HTTP semantic conventions; all others are "_OTHER" there, to bound the cardinality.
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE")


def api_gateway_v1_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read an event of an API Gateway REST API, or of an HTTP API with payload format 1.0."""
    event = mapping(event)
    request = mapping(event.get("requestContext"))
    identity = mapping(request.get("identity"))
    headers = headers_of(event)
    return _request(
        context,
        headers,
        method=text(event.get("httpMethod")) or request.get("httpMethod"),
        path=text(event.get("path")) or request.get("path"),
        route=_template(event.get("resource")) or _template(request.get("resourcePath")),
        query=_query_of(event, encoded=False),
        scheme="https",
        protocol=request.get("protocol"),
        client=identity.get("sourceIp"),
        user_agent=identity.get("userAgent"),
        server=request.get("domainName"),
    )


def api_gateway_v2_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read an event of an API Gateway HTTP API (payload format 2.0) or of a function URL."""
    event = mapping(event)
    request = mapping(event.get("requestContext"))
    http = mapping(request.get("http"))
    route_key = text(event.get("routeKey")) or text(request.get("routeKey")) or ""
    return _request(
        context,
        headers_of(event),
        method=http.get("method"),
        path=text(event.get("rawPath")) or http.get("path"),
        # "GET /pets/{id}"; "$default" and "ANY /" without a path are no route template
        route=route_key.partition(" ")[2],
        query=event.get("rawQueryString"),
        scheme="https",
        protocol=http.get("protocol"),
        client=http.get("sourceIp"),
        user_agent=http.get("userAgent"),
        server=request.get("domainName"),
    )


def alb_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read an event of an Application Load Balancer target group, of one or many header values."""
    event = mapping(event)
    headers = headers_of(event)
    forwarded_for = header(headers, "x-forwarded-for") or ""
    extracted = _request(
        context,
        headers,
        method=event.get("httpMethod"),
        path=event.get("path"),
        route=None,
        query=_query_of(event, encoded=True),
        scheme=header(headers, "x-forwarded-proto") or "http",
        protocol=None,
        client=forwarded_for.partition(",")[0].strip() or None,
        user_agent=None,
        server=None,
    )
    elb = mapping(mapping(event.get("requestContext")).get("elb"))
    put(extracted.attributes, "alb.target_group_arn", elb.get("targetGroupArn"))
    return extracted


def vpc_lattice_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read an event of a VPC Lattice service, of version 1 or 2.

    Source: https://docs.aws.amazon.com/vpc-lattice/latest/ug/lambda-functions.html.
    """
    event = mapping(event)
    request = mapping(event.get("requestContext"))
    headers = headers_of(event)
    # Version 1 says raw_path, with the query string in it.
    path, _, query = (text(event.get("path")) or text(event.get("raw_path")) or "").partition("?")
    extracted = _request(
        context,
        headers,
        method=event.get("method"),
        path=path,
        route=None,
        query=_query_of(event, encoded=False) or query,
        scheme=header(headers, "x-forwarded-proto"),
        protocol=None,
        client=(header(headers, "x-forwarded-for") or "").partition(",")[0].strip() or None,
        user_agent=None,
        server=None,
    )
    put(extracted.attributes, "aws.vpc_lattice.service_arn", request.get("serviceArn"))
    put(extracted.attributes, "aws.vpc_lattice.target_group_arn", request.get("targetGroupArn"))
    return extracted


def websocket_extractor(event: Any, context: Any) -> SpanAttributes:
    """Read an event of an API Gateway WebSocket API; only ``$connect`` carries headers."""
    event = mapping(event)
    request = mapping(event.get("requestContext"))
    attributes = invocation_attributes(context)
    route = text(request.get("routeKey"))
    put(attributes, "http.route", route)
    put(attributes, "client.address", mapping(request.get("identity")).get("sourceIp"))
    put(attributes, "server.address", request.get("domainName"))
    put(attributes, "aws.apigateway.websocket.event_type", request.get("eventType"))
    put(attributes, "aws.apigateway.websocket.connection_id", request.get("connectionId"))
    return SpanAttributes(
        TriggerType.HTTP, attributes, span_name=route, carrier=headers_of(event) or None
    )


def _request(  # noqa: PLR0913 - one argument for each row of the specification's table
    context: Any,
    headers: Carrier,
    *,
    method: Any,
    path: Any,
    route: str | None,
    query: Any,
    scheme: str | None,
    protocol: Any,
    client: Any,
    user_agent: Any,
    server: Any,
) -> SpanAttributes:
    """Describe a request by what its event has, of which whatever is no text is left out."""
    attributes = invocation_attributes(context)
    method = text(method)
    known = method is None or method in _METHODS
    host, port = _host_and_port(header(headers, "host"))
    found = {
        "http.method": method,
        "http.request.method": method if known else "_OTHER",
        "http.request.method_original": None if known else method,
        "http.target": path,
        "url.path": path,
        "http.route": route,
        "url.query": _redacted(query) if isinstance(query, str) else None,
        "url.scheme": scheme,
        "network.protocol.version": protocol.partition("/")[2]
        if isinstance(protocol, str)
        else None,
        "client.address": client,
        "user_agent.original": text(user_agent) or header(headers, "user-agent"),
        "server.address": text(server) or host,
    }
    for name, value in found.items():
        if value and isinstance(value, str):
            attributes[name] = value
    port = port or header(headers, "x-forwarded-port")
    if port and port.isdecimal() and len(port) < _PORT_DIGITS:
        attributes["server.port"] = int(port)
    # Semantic conventions, HTTP server span name: "{method} {route}", the method alone without a
    # route, HTTP for a method of the caller's invention. A raw path never enters the name: its
    # cardinality has no bound.
    verb = method if known else "HTTP"
    name = f"{verb} {route}" if verb and route else verb
    return SpanAttributes(TriggerType.HTTP, attributes, span_name=name, carrier=headers or None)


def _template(value: Any) -> str | None:
    """Return a route template; an HTTP API's catch-all is named ``$default`` and is none."""
    return value if isinstance(value, str) and value.startswith("/") else None


def _host_and_port(header: str | None) -> tuple[str | None, str | None]:
    """Part a Host header; a bare IPv6 address has no port."""
    if header and header.count(":") == 1:
        host, _, port = header.partition(":")
        return host, port
    return header, None


def _query_of(event: dict[Any, Any], *, encoded: bool) -> str | None:
    """Write the query string anew; REST APIs give it decoded, load balancers as it came."""
    pairs = (
        (name, value) if encoded else (_quoted(name), _quoted(value))
        for name, value in _query_pairs(event)
    )
    return "&".join(f"{name}={value}" for name, value in pairs) or None


def _redacted(query: str) -> str:
    lower = query.lower()
    if not [part for part in _PARTS_OF_THEM if part in lower]:
        return query
    pairs = (pair.partition("=") for pair in query.split("&"))
    return "&".join(
        f"{name}=REDACTED" if name.lower() in _SECRET_PARAMETERS else f"{name}{equals}{value}"
        for name, equals, value in pairs
    )


def _quoted(text: str) -> str:
    from urllib.parse import quote  # noqa: PLC0415 - slow to import, and seldom needed

    # JSON can bring a lone surrogate, which UTF-8 cannot hold.
    return quote(text, errors="replace")


def _query_pairs(event: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    pairs = next((found for name in _QUERY_FIELDS if (found := mapping(event.get(name)))), {})
    for name, values in pairs.items():
        for value in values if isinstance(values, list) else [values]:
            if isinstance(name, str) and isinstance(value, str):
                yield name, value
