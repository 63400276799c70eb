"""`lambda-otel receive`: real exporters send to it, and so does whoever gets it wrong."""

from __future__ import annotations

import gzip
import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from lambda_otel_lite_cdk.cli.receiver import MOST_BYTES, Receiver
from tests.cli.command import ENVIRONMENT, assert_refused, run
from tests.cli.receiving import export, receiving

PROTOBUF, JSON = "application/x-protobuf", "application/json"


def _request(name: str = "work") -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.add(
        name=name, trace_id=b"\x01" * 16, span_id=b"\x02" * 8
    )
    return request


BODY = _request().SerializeToString()


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_what_a_real_exporter_sends_is_shown_as_it_comes(compression: Compression) -> None:
    with receiving("--json") as (process, endpoint):
        export(endpoint, "one", "two", compression=compression)
        assert process.stdout is not None
        names = [json.loads(process.stdout.readline())["name"] for _ in range(2)]
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 128 + signal.SIGINT

    assert names == ["one", "two"]


def test_a_trace_is_drawn_once_it_is_quiet_and_filters_hold() -> None:
    with receiving("--name", "two") as (process, endpoint):
        export(endpoint, "one", "two")
        assert process.stdout is not None
        drawn = [process.stdout.readline() for _ in range(3)]
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()

    assert drawn[0].startswith("Trace ")
    assert ": two " in drawn[2]
    assert ": one " not in "".join(drawn) + rest


def test_ctrl_c_before_anything_came_ends_quietly() -> None:
    with receiving() as (process, _):
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert process.returncode == 128 + signal.SIGINT
    assert "Traceback" not in said


def test_a_port_in_use_is_refused_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_refused(run("receive", "--port", port), f"port {port}", "another --port")


def test_only_loopback_is_listened_on() -> None:
    with Receiver() as receiver:
        assert receiver.endpoint.startswith("http://127.0.0.1:")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


def _post(
    receiver: Receiver, body: bytes, method: str = "POST", path: str = "/v1/traces", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(receiver.endpoint.removeprefix("http://"), timeout=20)
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    try:
        connection.request(method, path, body, {"Content-Type": PROTOBUF} | named)
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def test_protobuf_is_answered_in_protobuf(receiver: Receiver) -> None:
    response, body = _post(receiver, BODY)

    assert (response.status, response.getheader("Content-Type")) == (200, PROTOBUF)
    assert ExportTraceServiceResponse.FromString(body) == ExportTraceServiceResponse()
    assert receiver.received() == [_request()]


def test_json_is_answered_in_json(receiver: Receiver) -> None:
    written = MessageToDict(_request())
    span = written["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    span |= {"traceId": "01" * 16, "spanId": "02" * 8}

    response, body = _post(
        receiver, json.dumps(written).encode(), Content_Type=f"{JSON}; charset=utf-8"
    )

    assert (response.status, response.getheader("Content-Type"), body) == (200, JSON, b"{}")
    assert receiver.received() == [_request()]


def test_a_body_in_chunks_is_taken(receiver: Receiver) -> None:
    connection = http.client.HTTPConnection(receiver.endpoint.removeprefix("http://"), timeout=20)
    for _ in range(2):  # The connection is kept.
        packed = gzip.compress(BODY)
        connection.request(
            "POST",
            "/v1/traces",
            iter([packed[:7], packed[7:]]),
            {"Content-Type": PROTOBUF, "Content-Encoding": "gzip"},
            encode_chunked=True,
        )
        response = connection.getresponse()
        assert (response.status, response.read()) == (200, b"")
    connection.close()

    assert receiver.received() == [_request()] * 2


@pytest.mark.parametrize(
    ("status", "body", "how"),
    [
        (404, BODY, {"path": "/v1/metrics"}),
        (404, BODY, {"path": "/"}),
        (405, b"", {"method": "GET"}),
        (404, b"", {"method": "GET", "path": "/favicon.ico"}),
        (501, b"", {"method": "DELETE"}),
        (415, BODY, {"Content_Type": "text/plain"}),
        (415, BODY, {"Content_Encoding": "br"}),
        (400, b"\xff" * 40, {}),
        (400, BODY, {"Content_Encoding": "gzip"}),
        (400, gzip.compress(BODY)[:-9], {"Content_Encoding": "gzip"}),
        (400, b"[]", {"Content_Type": JSON}),
        (400, b"{", {"Content_Type": JSON}),
        (400, b'{"resourceSpans": {}}', {"Content_Type": JSON}),
        (411, b"", {"Content_Length": "many"}),
        (413, b"", {"Content_Length": str(MOST_BYTES + 1)}),
        (413, gzip.compress(b"\0" * (MOST_BYTES + 1)), {"Content_Encoding": "gzip"}),
    ],
    ids=range(16),
)
def test_what_is_wrong_is_refused_and_said(
    status: int, body: bytes, how: dict[str, str], receiver: Receiver
) -> None:
    response, said = _post(receiver, body, **how)

    assert response.status == status
    assert said
    assert not receiver.received()
    # It goes on.
    assert _post(receiver, BODY)[0].status == 200


def test_an_error_in_json_has_a_message(receiver: Receiver) -> None:
    _, body = _post(receiver, b"{", Content_Type=JSON)

    assert json.loads(body)["message"].startswith("no trace request")


@pytest.mark.parametrize(
    "start", [b"", b"POST /v1/tr", b"\x16\x03\x01 TLS", b"PRI * HTTP/2.0\r\n\r\n"]
)
def test_who_hangs_up_or_speaks_otherwise_harms_nobody(start: bytes, receiver: Receiver) -> None:
    host, port = receiver.endpoint.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as other:
        other.sendall(start)

    assert _post(receiver, BODY)[0].status == 200


def test_the_command_needs_no_cdk() -> None:
    code = (
        "import sys; sys.modules['aws_cdk'] = None\n"
        "from lambda_otel_lite_cdk.cli.main import main; main(['receive', '--port', '70000'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert_refused(done, "70000", "65535")
