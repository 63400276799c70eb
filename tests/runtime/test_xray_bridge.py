"""What functions do through the X-Ray SDK and Powertools Tracer comes out as spans.

The functions run under the official emulator, with the real libraries, and with AWS by moto.
"""

import json
import os
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import boto3
import pytest

from lambda_otel_lite.bridges import switch_on
from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator, InvocationResult
from lambda_otel_lite_cdk.cli.traces.spans import Span
from tests.platform.environment import spans_in
from tests.spans import OTHER_TRACEPARENT, event, make_telemetry

from .live import MODES, ZERO_CODE, emulator

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
SDK, POWERTOOLS = "functions.xray_sdk", "functions.xray_powertools"


@pytest.fixture(scope="module")
def aws() -> Iterator[dict[str, str]]:
    """The variables of an AWS that has a table; without one where moto is not installed."""
    variables = {"AWS_DEFAULT_REGION": "eu-west-1", **KEYS}
    if not find_spec("moto"):
        yield variables
        return
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - see above

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    boto3.client(
        "dynamodb",
        endpoint_url=address,
        region_name="eu-west-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - no secret
    ).create_table(
        TableName="pets",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield {"AWS_ENDPOINT_URL": address, **variables}
    server.stop()


@pytest.fixture(scope="module")
def daemon() -> Iterator[socket.socket]:
    """What takes the place of the X-Ray daemon."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taker:
        taker.bind(("127.0.0.1", 0))
        taker.settimeout(10)
        yield taker


def xray(daemon: socket.socket, **others: str) -> dict[str, str]:
    host, port = daemon.getsockname()
    return {
        "LAMBDA_OTEL_INSTRUMENTATIONS": "xray",
        "AWS_XRAY_DAEMON_ADDRESS": f"{host}:{port}",
        **others,
    }


@pytest.fixture(scope="module")
def function(aws: dict[str, str], daemon: socket.socket) -> Iterator[Emulator]:
    """The function, with the bridge."""
    with emulator("sync", module=SDK, extra=xray(daemon, **aws)) as function:
        function.invoke({"do": "own_times"})
        yield function


def paths(spans: Sequence[Span]) -> list[str]:
    """Return each span as the names from its root to it."""
    known = {span.span_id: span for span in spans}

    def path(span: Span) -> str:
        above = known.get(span.parent_id or "")
        return f"{path(above)}/{span.name}" if above else span.name

    return sorted(path(span) for span in spans)


def named(spans: Sequence[Span], name: str) -> Span:
    (found,) = [span for span in spans if span.name == name]
    return found


def without(span: Span, name: str) -> dict[str, Any]:
    return {key: value for key, value in span.attributes.items() if key != name}


def do(function: Emulator, what: str, **more: Any) -> tuple[InvocationResult, list[Span]]:
    """Have the function do something; its spans are one trace, and nothing is logged."""
    result = function.invoke({"do": what, "pet": "Rex", **more})
    spans = spans_in(result.log_lines)
    assert len({span.trace_id for span in spans}) == 1
    assert len(result.log_lines) == 1, result.log_lines
    return result, spans


def test_what_is_captured_is_a_span_with_its_annotations_and_metadata(function: Emulator) -> None:
    result, spans = do(function, "capture")

    assert result.payload == "Rex"
    assert paths(spans) == ["orders", "orders/outer", "orders/outer/feed"]
    feed, outer = named(spans, "feed"), named(spans, "outer")
    assert feed.kind == "INTERNAL"
    assert feed.status == "UNSET"
    assert len(str(feed.attributes["aws.xray.metadata.long"])) == 4096
    assert without(feed, "aws.xray.metadata.long") == {
        "pet": "Rex",
        "hungry": True,
        "aws.xray.annotations": ["pet", "hungry"],
        "aws.xray.metadata.default": '{"food": {"kind": "hay", "grams": 100}}',
    }
    assert outer.kind == "CLIENT"
    assert outer.status == "ERROR"
    assert outer.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 404,
        "url.full": "https://pets.example:8443/pets",
        "server.address": "pets.example",
        "server.port": 8443,
        "error.type": "404",
    }


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("mixed", "a a/b a/b/c a/b/c/d a/e f f/g f/g/h i"),
        ("tasks", "all all/task_0 all/task_0/inner all/task_1 all/task_1/inner all/task_2 all/task_2/inner"),  # noqa: E501 - one row
        ("threads", "cleared main main/with_context main/with_entity with_nothing"),
        ("segments", "after_segments message message/in_message orders orders/in_segment"),
        ("unsampled", ""),
        ("reconfigured", "orders orders/one orders/one"),
        ("odd", "odd"),
    ],
)  # fmt: skip
def test_spans_of_both_libraries_are_one_tree(function: Emulator, what: str, expected: str) -> None:
    if what == "odd":
        result = function.invoke({"do": what})
        spans = spans_in(result.log_lines)
    else:
        result, spans = do(function, what)

    assert result.error is None
    inner = [f"orders/{path.replace('_', ' ')}" for path in expected.split()]
    assert paths(spans) == sorted(["orders", *inner])


def test_what_tasks_annotate_is_on_their_own_spans(function: Emulator) -> None:
    _, spans = do(function, "tasks")

    parents = {span.span_id: span.name for span in spans}
    assert {
        parents[span.parent_id or ""]: span.attributes["number"]
        for span in spans
        if span.name == "inner"
    } == {"task 0": 0, "task 1": 1, "task 2": 2}


def test_a_thread_that_remembers_an_earlier_invocation_works_for_this_one(
    function: Emulator,
) -> None:
    assert paths(do(function, "pooled", first=True)[1]) == [
        "orders",
        "orders/main",
        "orders/main/work",
    ]
    assert paths(do(function, "pooled", first=False)[1]) == ["orders", "orders/main", "orders/work"]


def test_what_is_left_open_ends_with_its_invocation(function: Emulator) -> None:
    _, spans = do(function, "unbalanced")

    assert paths(spans) == ["orders", "orders/left open"]
    left, root = named(spans, "left open"), named(spans, "orders")
    assert left.attributes["aws.xray.inprogress"] is True
    assert left.attributes["open"] is True
    assert left.status == "UNSET"
    assert left.end_ns <= root.end_ns
    assert paths(do(function, "own_times")[1]) == ["orders", "orders/timed"]


def test_a_span_begins_and_ends_when_the_subsegment_does(function: Emulator) -> None:
    _, spans = do(function, "own_times")

    timed, root = named(spans, "timed"), named(spans, "orders")
    assert timed.end_ns - timed.start_ns == pytest.approx(2.5e9, abs=1e3)
    assert root.start_ns <= timed.start_ns <= root.end_ns


def test_an_exception_is_recorded_where_it_was_seen_first(function: Emulator) -> None:
    result, spans = do(function, "failing")

    assert result.payload == "no hay"
    inner, outer = named(spans, "inner failure"), named(spans, "outer failure")
    assert (inner.status, outer.status) == ("ERROR", "ERROR")
    assert inner.status_message == outer.status_message == "ValueError: no hay"
    assert inner.attributes["error.type"] == outer.attributes["error.type"] == "ValueError"
    (seen,) = inner.events
    assert seen.name == "exception"
    assert seen.attributes["exception.type"] == "ValueError"
    assert seen.attributes["exception.message"] == "no hay"
    assert "in fail" in str(seen.attributes["exception.stacktrace"])
    assert outer.events == ()
    assert named(spans, "orders").status == "UNSET"


def test_what_is_written_to_the_invocation_is_on_the_handlers_span(function: Emulator) -> None:
    _, spans = do(function, "top_level")

    (span,) = spans
    assert span.status == "UNSET"
    assert span.attributes["tenant"] == "a"
    assert span.attributes["aws.xray.annotations"] == ["tenant"]
    assert span.attributes["aws.xray.metadata.default"] == '{"plan": "gold"}'


def test_a_segment_that_continues_another_trace_is_linked_to_it(function: Emulator) -> None:
    _, spans = do(function, "segments")

    (link,) = named(spans, "message").links
    assert (link.trace_id, link.span_id) == (
        "5759e988bd862e3fe1be46a994272793",
        "53995c3f42cd8ad8",
    )
    (own,) = [span for span in spans if span.name == "orders" and span.kind == "INTERNAL"]
    assert own.attributes == {"user.id": "u-1"}


@pytest.mark.newest
def test_a_call_of_aws_is_described_by_the_conventions(function: Emulator) -> None:
    result, spans = do(function, "aws")

    assert result.payload == "ResourceNotFoundException"
    assert paths(spans) == ["orders", "orders/dynamodb", "orders/dynamodb"]
    put, get = sorted(
        (span for span in spans if span.name == "dynamodb"), key=lambda span: span.start_ns
    )
    assert put.kind == get.kind == "CLIENT"
    assert put.attributes["aws.request_id"]
    assert without(put, "aws.request_id") == {
        "rpc.system": "aws-api",
        "rpc.service": "dynamodb",
        "rpc.method": "PutItem",
        "cloud.region": "eu-west-1",
        "http.response.status_code": 200,
        "db.system.name": "aws.dynamodb",
        "db.operation.name": "PutItem",
        "db.collection.name": "pets",
        "aws.dynamodb.table_names": ["pets"],
    }
    assert get.status == "ERROR"
    assert get.attributes["http.response.status_code"] == 400
    assert get.attributes["error.type"] == "ResourceNotFoundException"
    assert [one.name for one in get.events] == ["exception"]


def test_a_database_is_described_by_the_conventions(function: Emulator) -> None:
    result, spans = do(function, "sql")

    assert result.payload == [2]
    span = named(spans, ":memory:")
    assert span.kind == "CLIENT"
    assert span.attributes == {"db.system.name": "sqlite"}


def test_a_server_that_is_called_learns_which_span_calls_it(function: Emulator) -> None:
    headers: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers.append(self.headers["X-Amzn-Trace-Id"])
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    result, spans = do(function, "http", server=server.server_address)
    thread.join()
    server.server_close()

    assert result.payload == 204
    asks = named(spans, "asks")
    trace_id = f"1-{asks.trace_id[:8]}-{asks.trace_id[8:]}"
    assert headers == [f"Root={trace_id};Parent={asks.span_id};Sampled=1"]
    calls = [span for span in spans if span.parent_id == asks.span_id]
    assert {span.kind for span in calls} == {"CLIENT"}
    assert {span.attributes["url.full"] for span in calls} == {"http://127.0.0.1/"}


def test_an_unsampled_trace_has_no_spans(function: Emulator) -> None:
    unsampled = event("api_gateway_v2")
    unsampled["headers"]["traceparent"] = OTHER_TRACEPARENT[:-1] + "0"

    result = function.invoke({**unsampled, "do": "unsampled"})

    assert result.payload == [False]
    assert spans_in(result.log_lines) == []


def test_what_fails_while_a_span_begins_leaves_the_rest_in_place(function: Emulator) -> None:
    result = function.invoke({"do": "broken"})

    assert result.error is None
    expected = ["orders", "orders/around", "orders/around/after", "orders/around/inside"]
    assert paths(spans_in(result.log_lines)) == expected
    assert "subsegment 'broken' is not recorded" in "".join(result.log_lines)


@pytest.mark.newest
def test_an_instrumentation_around_the_sdks_patch_makes_the_span(function: Emulator) -> None:
    _, spans = do(function, "instrumented")

    assert paths(spans) == ["orders", "orders/DynamoDB.GetItem", "orders/DynamoDB.PutItem"]
    assert named(spans, "DynamoDB.PutItem").attributes["rpc.service"] == "DynamoDB"


@pytest.mark.newest
def test_what_has_an_instrumentation_is_not_patched_as_well(
    aws: dict[str, str], daemon: socket.socket
) -> None:
    extra = xray(daemon, **aws, LAMBDA_OTEL_INSTRUMENTATIONS="xray,botocore")
    with emulator("sync", module=SDK, extra=extra) as function:
        function.invoke({"do": "own_times"})
        _, spans = do(function, "aws")

    assert paths(spans) == ["orders", "orders/DynamoDB.GetItem", "orders/DynamoDB.PutItem"]


def test_nothing_is_sent_to_the_daemon_unless_an_emitter_is_given(
    function: Emulator, daemon: socket.socket
) -> None:
    do(function, "capture")
    _, spans = do(function, "emits")

    # Had the first invocation sent something, it would come first.
    document = json.loads(daemon.recv(65_536).partition(b"\n")[2])
    feed = named(spans, "feed")
    assert (document["id"], document["name"]) == (feed.span_id, "feed")
    assert document["trace_id"].replace("-", "")[1:] == feed.trace_id
    assert not [field for field in document if field.startswith("_")]


def test_a_deadline_ends_what_is_open_with_what_was_written_to_it(
    tmp_path: Path, daemon: socket.socket, aws: dict[str, str]
) -> None:
    os.mkfifo(tmp_path / "never")
    with emulator("sync", module=SDK, timeout=2, extra=xray(daemon, **aws)) as function:
        result = function.invoke({"do": "deadline", "never": str(tmp_path / "never")})

    waits = named(spans_in(result.log_lines), "waits")
    assert waits.status == "ERROR"
    assert waits.attributes == {
        "pet": "Rex",
        "aws.xray.annotations": ["pet"],
        "aws.xray.inprogress": True,
        "error.type": "timeout",
    }


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_powertools_tracer_makes_spans(mode: str, daemon: socket.socket) -> None:
    with emulator(mode, module=POWERTOOLS, extra=xray(daemon)) as function:
        good = function.invoke({"pet": "Rex"})
        bad = function.invoke({"pet": "Tom"})

    assert good.payload == {"fed": "Rex", "meals": ["hay", "straw"]}
    spans = spans_in(good.log_lines)
    stable = f"orders/## handler/## {POWERTOOLS}.stable"
    assert paths(spans) == [
        "orders",
        "orders/## handler",
        stable,
        f"{stable}/## {POWERTOOLS}.feed",
        f"{stable}/## {POWERTOOLS}.meals",
    ]
    handler = named(spans, "## handler")
    assert handler.attributes["ColdStart"] is True
    assert json.loads(str(handler.attributes["aws.xray.metadata.pets"])) == {
        "handler response": {"fed": "Rex", "meals": ["hay", "straw"]}
    }
    assert bad.error is not None
    assert bad.error["errorMessage"] == "no hay"
    failed = spans_in(bad.log_lines)
    assert {span.status for span in failed} == {"ERROR"}
    assert len([one for span in failed if span.name.startswith("##") for one in span.events]) == 1


def test_a_tracer_that_is_disabled_makes_no_spans(daemon: socket.socket) -> None:
    extra = xray(daemon, POWERTOOLS_TRACE_DISABLED="true")
    with emulator("sync", module=POWERTOOLS, extra=extra) as function:
        result = function.invoke({"pet": "Rex"})

    assert result.payload == {"fed": "Rex", "meals": ["hay", "straw"]}
    assert paths(spans_in(result.log_lines)) == ["orders"]


@pytest.mark.newest
@pytest.mark.parametrize("mode", MODES)
def test_the_function_answers_as_it_does_bare(
    mode: str, aws: dict[str, str], daemon: socket.socket
) -> None:
    # Bare, the SDK's tasks and segments raise on Lambda, or are in each other's way.
    same = ("capture", "mixed", "failing", "uncaught", "threads", "unbalanced", "aws", "sql", "odd")

    def answers(handler: str) -> list[Any]:
        with emulator(mode, handler, module=SDK, extra=xray(daemon, **aws)) as function:
            results = [function.invoke({"do": what, "pet": "Rex"}) for what in same]
        return [
            (one.payload, one.error and (one.error["errorType"], one.error["errorMessage"]))
            for one in results
        ]

    assert answers(ZERO_CODE) == answers(f"{SDK}.handler")


def test_without_the_sdk_there_is_one_warning_that_names_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "aws_xray_sdk", None)

    switch_on(["xray"], make_telemetry().completion.tracer_provider)

    (warning,) = caplog.records
    assert "'xray' needs the package aws-xray-sdk" in warning.getMessage()
