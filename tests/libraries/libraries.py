"""Which functions of which libraries `make libraries` runs, and the spans that come out of each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parents[1] / "events"
PET = {"pet": 2}


def event(name: str) -> Any:
    """Return an event of nobody who has a trace, so that each invocation has a trace of its own."""
    return _without_trace(json.loads((EVENTS / f"{name}.json").read_text("utf-8")))


def _without_trace(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: part for key, part in value.items() if key.lower() != "traceparent"}
        return {key: _without_trace(part) for key, part in kept.items()}
    return [_without_trace(part) for part in value] if isinstance(value, list) else value


#: Of a span, its name, its kind and its parent's name; the root's parent may be the caller's.
type Expected = tuple[str, str, str | None]

DIRECT: Expected = ("orders", "SERVER", None)
HTTP: Expected = ("POST /pets/{id}", "SERVER", None)


@dataclass(frozen=True, kw_only=True)
class Library:
    """A function and what is expected of it.

    Args:
        module: The function, in the folder `functions`.
        packages: What its bundle holds, with all that these need.
        answer: What each invocation answers, bare or not; of HTTP responses the body.
        event: What it is sent, twice.
        instrumentations: Which of the bundle's instrumentations are switched on.
        root: The handler's span.
        spans: The other spans of an invocation: of servers within it INTERNAL, as their
            instrumentations start them where a span is active.
        environment: More variables, bare too.
        flushes: Its spans are exported at the end of each invocation in mode finalize too.
        warnings: Of a mode, what tracing has to say about it, once.
    """

    module: str
    packages: Sequence[str]
    answer: Any
    event: Any = field(default_factory=lambda: PET)
    instrumentations: Sequence[str] = ()
    root: Expected = DIRECT
    spans: Sequence[Expected] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    flushes: bool = False
    warnings: Mapping[str, str] = field(default_factory=dict)


POWERTOOLS = ("aws-lambda-powertools[tracer]",)
INSTRUMENTATION = "opentelemetry-instrumentation-"

LIBRARIES: dict[str, Library] = {
    "Mangum and FastAPI": Library(
        module="mangum_fastapi",
        packages=("mangum", "fastapi", INSTRUMENTATION + "fastapi"),
        event=event("api_gateway_v2"),
        answer={"pet": 42},
        instrumentations=("fastapi",),
        root=HTTP,
        spans=[
            ("POST /pets/{pet}", "INTERNAL", HTTP[0]),
            ("POST /pets/{pet} http send", "INTERNAL", "POST /pets/{pet}"),
            ("POST /pets/{pet} http send", "INTERNAL", "POST /pets/{pet}"),
        ],
    ),
    "Flask by apig-wsgi": Library(
        module="flask_apig_wsgi",
        packages=("apig-wsgi", "flask", INSTRUMENTATION + "flask"),
        event=event("api_gateway_v2"),
        answer={"pet": 42},
        instrumentations=("flask",),
        root=HTTP,
        spans=[("POST /pets/<int:pet>", "INTERNAL", HTTP[0])],
    ),
    "Chalice": Library(
        module="chalice_app",
        packages=("chalice",),
        event=event("api_gateway_v1"),
        answer={"pet": "42"},
        root=("GET /pets/{id}", "SERVER", None),
    ),
    "Powertools Logger": Library(
        module="powertools_logger",
        packages=POWERTOOLS,
        answer={"pet": 2, "keys": ["function_request_id", "pet"]},
    ),
    "Powertools Tracer": Library(
        module="powertools_tracer", packages=POWERTOOLS, answer=["## traced", "## app.feed", 4]
    ),
    "Powertools Tracer as spans": Library(
        module="powertools_tracer",
        packages=POWERTOOLS,
        answer=["## traced", "## app.feed", 4],
        instrumentations=("xray",),
        spans=[("## traced", "INTERNAL", "orders"), ("## app.feed", "INTERNAL", "## traced")],
    ),
    "Powertools event handler": Library(
        module="powertools_event_handler",
        packages=POWERTOOLS,
        event=event("api_gateway_v2"),
        answer={"pet": "42", "name": "Rex"},
        root=HTTP,
    ),
    "Powertools batch": Library(
        module="powertools_batch",
        packages=POWERTOOLS,
        event=event("sqs_batch"),
        answer={
            "batchItemFailures": [{"itemIdentifier": event("sqs_batch")["Records"][1]["messageId"]}]
        },
        root=("process orders", "CONSUMER", None),
    ),
    "Powertools idempotency": Library(
        module="powertools_idempotency", packages=POWERTOOLS, answer={"pet": 2, "calls": 1}
    ),
    "Sentry": Library(
        module="sentry",
        packages=("sentry-sdk",),
        answer={"sent": ["hungry"], "transaction": "orders"},
    ),
    "datadog-lambda": Library(
        module="datadog",
        packages=("datadog-lambda",),
        answer={**PET, "root": "aws.lambda"},
        environment={"DD_FLUSH_TO_LOG": "true", "DD_SERVICE": "pets"},
    ),
    "aws-xray-sdk": Library(module="xray", packages=("aws-xray-sdk",), answer=["feed", 2]),
    "aws-xray-sdk as spans": Library(
        module="xray",
        packages=("aws-xray-sdk",),
        answer=["feed", 2],
        instrumentations=("xray",),
        spans=[("feed", "INTERNAL", "orders")],
    ),
    "gevent": Library(
        module="gevent_pool",
        packages=("gevent",),
        answer=["/0", "/1"],
        flushes=True,  # nothing comes out at a shutdown
        warnings={"finalize": "finalize mode is not available where gevent"},
    ),
    "SQLAlchemy": Library(
        module="sqlalchemy_sqlite",
        packages=("sqlalchemy", INSTRUMENTATION + "sqlalchemy"),
        answer=[2],
        instrumentations=("sqlalchemy",),
        spans=[("connect", "CLIENT", "orders"), ("SELECT", "CLIENT", "orders")],
    ),
    "httpx": Library(
        module="httpx_client",
        packages=("httpx", INSTRUMENTATION + "httpx"),
        answer=["Rex", "Rex"],
        instrumentations=("httpx",),
        spans=[("GET", "CLIENT", "orders")] * 2,
    ),
    "pymongo": Library(
        module="pymongo_client",
        packages=("pymongo", INSTRUMENTATION + "pymongo"),
        answer="Rex",
        instrumentations=("pymongo",),
        spans=[("pets.ping", "CLIENT", "orders")],
    ),
    "grpc": Library(
        module="grpc_loopback",
        packages=("grpcio", INSTRUMENTATION + "grpc"),
        answer="Rex",
        instrumentations=("grpc",),
        spans=[("/Pets/Feed", "CLIENT", "orders"), ("/Pets/Feed", "SERVER", "/Pets/Feed")],
    ),
    "logfire": Library(
        module="logfire_spans",
        packages=("logfire",),
        answer=PET,
        spans=[("feed", "INTERNAL", "orders"), ("fed {pet}", "INTERNAL", "feed")],
        flushes=True,  # by itself, before each answer
    ),
    "langfuse": Library(
        module="langfuse_spans",
        packages=("langfuse",),
        answer={"pet": 4},
        spans=[("feed", "INTERNAL", "orders")],
    ),
    "pydantic-ai": Library(
        module="pydantic_ai_agent",
        packages=("pydantic-ai-slim",),
        answer='{"feed":"fed a"}',
        spans=[
            ("invoke_agent feeder", "INTERNAL", "orders"),
            ("chat test", "CLIENT", "invoke_agent feeder"),
            ("execute_tool feed", "INTERNAL", "invoke_agent feeder"),
            ("chat test", "CLIENT", "invoke_agent feeder"),
        ],
    ),
    "boto3": Library(
        module="boto3_client",
        packages=(INSTRUMENTATION + "botocore",),
        answer="Rex",
        instrumentations=("botocore",),
        spans=[
            ("DynamoDB.PutItem", "CLIENT", "orders"),
            ("DynamoDB.GetItem", "CLIENT", "orders"),
        ],
    ),
}
