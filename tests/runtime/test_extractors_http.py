"""Each HTTP event gives the attributes of the specification's table and a bounded span name."""

import copy
from typing import Any

import pytest
from opentelemetry.trace import SpanKind, get_current_span

from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.extractors import (
    SpanAttributes,
    TriggerType,
    alb_extractor,
    api_gateway_v1_extractor,
    api_gateway_v2_extractor,
    function_url_extractor,
    vpc_lattice_extractor,
    websocket_extractor,
)
from lambda_otel_lite.extractors.attributes import Extractor
from lambda_otel_lite.propagation.propagation import from_settings
from tests.spans import FUNCTION_ARN, SPAN_ID, TRACEPARENT, FakeContext, event

_UA = "Mozilla/5.0 (X11; Linux x86_64) Example/1.0"
_INVOCATION = {
    "faas.invocation_id": "8f507cfc-xmpl-4697-b07a-ac58fc914c95",
    "aws.lambda.invoked_arn": FUNCTION_ARN,
    "cloud.resource_id": FUNCTION_ARN,
    "cloud.account.id": "123456789012",
}


def _http(method: str, path: str, **others: Any) -> dict[str, Any]:
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
        "server.port": 443,
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
        "server.port": 443,
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
        "server.port": 443,
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
        "server.port": 8080,
        "alb.target_group_arn": _TARGET_GROUP,
    },
)
_ALB_MULTI = _ALB | {"url.query": "tag=a&tag=b%26c", "url.scheme": "https"}

_LATTICE = _http(
    "GET", "/pets/42", **{"url.query": "colour=brown", "server.address": "pets.example.com"}
)
_LATTICE_ARN = "arn:aws:vpc-lattice:eu-west-1:123456789012:"
_LATTICE_V2 = _LATTICE | {
    "aws.vpc_lattice.service_arn": f"{_LATTICE_ARN}service/svc-0a40eebed65f8d69c",
    "aws.vpc_lattice.target_group_arn": f"{_LATTICE_ARN}targetgroup/tg-6d0ecf831eec9f09",
}


@pytest.mark.parametrize(
    ("name", "extractor", "attributes", "span_name"),
    [
        ("api_gateway_v1", api_gateway_v1_extractor, _V1, "GET /pets/{id}"),
        ("api_gateway_v2", api_gateway_v2_extractor, _V2, "POST /pets/{id}"),
        ("api_gateway_v2_default", api_gateway_v2_extractor, _V2_DEFAULT, "POST"),
        ("function_url", function_url_extractor, _URL, "GET"),
        ("alb", alb_extractor, _ALB, "GET"),
        ("alb_multi_value", alb_extractor, _ALB_MULTI, "GET"),
        ("vpc_lattice_v1", vpc_lattice_extractor, _LATTICE, "GET"),
        ("vpc_lattice_v2", vpc_lattice_extractor, _LATTICE_V2, "GET"),
    ],
)
def test_hazard_12_the_name_is_bounded_and_the_table_complete(
    name: str, extractor: Extractor, attributes: dict[str, str | int], span_name: str
) -> None:
    extracted = extractor(event(name), FakeContext())

    assert extracted.attributes == _INVOCATION | attributes
    assert extracted.span_name == span_name
    assert extracted.trigger == TriggerType.HTTP == "http"
    assert extracted.kind is SpanKind.SERVER
    assert _parent_of(extracted) == SPAN_ID


def _parent_of(extracted: SpanAttributes) -> int:
    """Return the caller's span that the default propagators find."""
    propagation = from_settings(Settings.from_environ({}))
    return get_current_span(propagation.parent(extracted.carrier)).get_span_context().span_id


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


def test_hazard_10_headers_keep_their_case_and_all_values_and_are_read_in_any_case() -> None:
    sample = event("alb_multi_value")
    headers = sample["multiValueHeaders"]
    del headers["user-agent"], headers["traceparent"]
    headers |= {"User-AGENT": [_UA, "a proxy's"], "TraceParent": [TRACEPARENT]}

    extracted = alb_extractor(sample, FakeContext())
    assert extracted.attributes["user_agent.original"] == _UA
    carrier: Any = extracted.carrier
    assert carrier["tracestate"] == ["vendor=opaque", "other=1"]
    assert carrier["TraceParent"] == TRACEPARENT
    assert _parent_of(extracted) == SPAN_ID


@pytest.mark.parametrize(
    ("host", "forwarded", "address", "port"),
    [
        ("lb.example.com:8080", "443", "lb.example.com", 8080),
        ("lb", "443", "lb", 443),
        ("lb", "x", "lb", None),
        ("lb:" + "9" * 5000, None, "lb", None),
        ("::1", None, "::1", None),
        (None, None, None, None),
    ],
)
def test_the_port_is_a_number_of_its_own(
    host: str | None, forwarded: str | None, address: str | None, port: int | None
) -> None:
    sample = event("alb")
    sample["headers"] |= {"host": host, "x-forwarded-port": forwarded}

    attributes = alb_extractor(sample, FakeContext()).attributes
    assert attributes.get("server.address") == address
    assert attributes.get("server.port") == port


def test_values_of_other_types_are_left_out_and_the_rest_is_read() -> None:
    sample = event("api_gateway_v1")
    sample["multiValueHeaders"] = {"Accept": "x", "Traceparent": [7, TRACEPARENT], "X": []}
    sample["headers"] = "x"
    sample["multiValueQueryStringParameters"] = None
    sample["queryStringParameters"] = {"a": None, "b": "1", "lone": "\ud800"}
    sample["requestContext"]["identity"] = None

    extracted = api_gateway_v1_extractor(sample, FakeContext())

    assert extracted.carrier == {"Traceparent": [7, TRACEPARENT]}
    assert _parent_of(extracted) == SPAN_ID
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
