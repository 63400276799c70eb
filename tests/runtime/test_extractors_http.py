"""Each HTTP event gives the attributes of the specification's table and a bounded span name."""

import copy
from typing import Any

import pytest
from opentelemetry.trace import SpanKind

from lambda_otel_lite.extractors import (
    TriggerType,
    alb_extractor,
    api_gateway_v1_extractor,
    api_gateway_v2_extractor,
    function_url_extractor,
    websocket_extractor,
)
from lambda_otel_lite.extractors.attributes import Extractor
from tests.spans import FUNCTION_ARN, TRACEPARENT, FakeContext, event

_UA = "Mozilla/5.0 (X11; Linux x86_64) Example/1.0"
_INVOCATION = {
    "faas.invocation_id": "8f507cfc-xmpl-4697-b07a-ac58fc914c95",
    "cloud.resource_id": FUNCTION_ARN,
    "cloud.account.id": "123456789012",
}


def _http(method: str, path: str, **others: str) -> dict[str, str]:
    return {
        "http.method": method,
        "http.request.method": method,
        "http.target": path,
        "url.path": path,
        "user_agent.original": _UA,
        "client.address": "203.0.113.7",
        **others,
    }


_V1 = _http(
    "GET",
    "/pets/42",
    **{
        "http.route": "/pets/{id}",
        "url.query": "colour=dark%20brown&tag=a&tag=b%26c",
        "url.scheme": "https",
        "network.protocol.version": "1.1",
        "server.address": "api.example.com",
    },
)
_V2 = _http(
    "POST",
    "/pets/42",
    **{
        "http.route": "/pets/{id}",
        "url.query": "colour=brown&tag=a%20b",
        "url.scheme": "https",
        "network.protocol.version": "1.1",
        "server.address": "api.example.com",
    },
)
_V2_DEFAULT = {key: value for key, value in _V2.items() if key != "http.route"} | {
    "http.target": "/pets/42/secret-path",
    "url.path": "/pets/42/secret-path",
}
_URL = _http(
    "GET",
    "/orders/17",
    **{
        "url.query": "limit=10",
        "url.scheme": "https",
        "network.protocol.version": "1.1",
        "server.address": "abcdefghijklmnop.lambda-url.eu-west-1.on.aws",
    },
)
_TARGET_GROUP = (
    "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/pets/6d0ecf831eec9f09"
)
_ALB = _http(
    "GET",
    "/pets/42",
    **{
        "url.query": "colour=dark%20brown",
        "url.scheme": "http",
        "server.address": "lb.example.com",
        "alb.target_group_arn": _TARGET_GROUP,
    },
)
_ALB_MULTI = _ALB | {"url.query": "tag=a&tag=b%26c", "url.scheme": "https"}


@pytest.mark.parametrize(
    ("name", "extractor", "attributes", "span_name"),
    [
        ("api_gateway_v1", api_gateway_v1_extractor, _V1, "GET /pets/{id}"),
        ("api_gateway_v2", api_gateway_v2_extractor, _V2, "POST /pets/{id}"),
        ("api_gateway_v2_default", api_gateway_v2_extractor, _V2_DEFAULT, "POST"),
        ("function_url", function_url_extractor, _URL, "GET"),
        ("alb", alb_extractor, _ALB, "GET"),
        ("alb_multi_value", alb_extractor, _ALB_MULTI, "GET"),
    ],
)
def test_hazard_12_the_name_is_bounded_and_the_table_complete(
    name: str, extractor: Extractor, attributes: dict[str, str], span_name: str
) -> None:
    extracted = extractor(event(name), FakeContext())

    assert extracted.attributes == _INVOCATION | attributes
    assert extracted.span_name == span_name
    assert extracted.trigger == TriggerType.HTTP == "http"
    assert extracted.kind is SpanKind.SERVER
    carrier: Any = extracted.carrier
    assert carrier["traceparent"] == TRACEPARENT


@pytest.mark.parametrize(
    ("name", "route", "event_type", "traced"),
    [
        ("websocket_connect", "$connect", "CONNECT", True),
        ("websocket_message", "sendmessage", "MESSAGE", False),
    ],
)
def test_a_websocket_event_is_named_by_its_route(
    name: str, route: str, event_type: str, *, traced: bool
) -> None:
    extracted = websocket_extractor(event(name), FakeContext())

    assert extracted.attributes == _INVOCATION | {
        "http.route": route,
        "client.address": "203.0.113.7",
        "server.address": "ws.example.com",
        "aws.apigateway.websocket.event_type": event_type,
        "aws.apigateway.websocket.connection_id": "JKJaXcPLvHcCEmA=",
    }
    assert extracted.span_name == route
    assert (extracted.carrier is not None) is traced


def test_hazard_12_a_catch_all_of_payload_format_1_is_no_route() -> None:
    sample = event("api_gateway_v1")
    sample["resource"] = sample["requestContext"]["resourcePath"] = "$default"

    extracted = api_gateway_v1_extractor(sample, FakeContext())

    assert extracted.span_name == "GET"
    assert "http.route" not in extracted.attributes


def test_hazard_12_an_any_route_keeps_its_template() -> None:
    sample = event("api_gateway_v2")
    sample["routeKey"] = "ANY /{proxy+}"

    assert api_gateway_v2_extractor(sample, FakeContext()).span_name == "POST /{proxy+}"


def test_hazard_12_a_method_of_the_callers_invention_does_not_enter_the_name() -> None:
    sample = event("alb") | {"httpMethod": "X" * 1000}

    extracted = alb_extractor(sample, FakeContext())

    assert extracted.span_name == "HTTP"
    assert extracted.attributes["http.request.method"] == "_OTHER"
    assert extracted.attributes["http.request.method_original"] == "X" * 1000
    assert extracted.attributes["http.method"] == "X" * 1000


def test_hazard_10_headers_of_a_rest_event_are_lower_case_and_keep_all_values() -> None:
    sample = event("alb_multi_value")
    sample["multiValueHeaders"]["user-agent"] = [_UA, "a proxy's"]

    extracted = alb_extractor(sample, FakeContext())
    assert extracted.attributes["user_agent.original"] == _UA
    carrier: Any = extracted.carrier
    assert carrier["tracestate"] == ["vendor=opaque", "other=1"]
    assert carrier["traceparent"] == TRACEPARENT


@pytest.mark.parametrize(
    ("host", "address"),
    [("lb.example.com:8080", "lb.example.com"), ("lb", "lb"), ("::1", "::1"), (None, None)],
)
def test_the_port_is_no_part_of_the_servers_address(host: str | None, address: str | None) -> None:
    sample = event("alb")
    sample["headers"]["host"] = host

    assert alb_extractor(sample, FakeContext()).attributes.get("server.address") == address


def test_values_of_other_types_are_left_out_and_the_rest_is_read() -> None:
    sample = event("api_gateway_v1")
    sample["multiValueHeaders"] = {"Accept": "x", "Traceparent": [7, TRACEPARENT], "X": []}
    sample["headers"] = "x"
    sample["multiValueQueryStringParameters"] = None
    sample["queryStringParameters"] = {"a": None, "b": "1", "lone": "\ud800"}
    sample["requestContext"]["identity"] = None

    extracted = api_gateway_v1_extractor(sample, FakeContext())

    assert extracted.carrier == {"traceparent": TRACEPARENT}
    assert extracted.attributes["url.query"] == "b=1&lone=%3F"
    assert extracted.span_name == "GET /pets/{id}"


def test_extractors_leave_the_event_as_it_is() -> None:
    for name, extractor in (
        ("api_gateway_v1", api_gateway_v1_extractor),
        ("alb_multi_value", alb_extractor),
        ("function_url", function_url_extractor),
    ):
        sample = event(name)
        extractor(before := copy.deepcopy(sample), FakeContext())
        assert before == sample


@pytest.mark.parametrize("name", ["X-Amz-Signature", "x-amz-security-token", "sig", "Signature"])
def test_a_query_parameter_that_grants_access_is_redacted(name: str) -> None:
    sample = event("api_gateway_v2")
    sample["rawQueryString"] = f"a=1&{name}=s3cr3t=&b"

    extracted = api_gateway_v2_extractor(sample, FakeContext())

    assert extracted.attributes["url.query"] == f"a=1&{name}=REDACTED&b"
