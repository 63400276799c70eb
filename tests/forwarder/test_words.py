"""The collector's own words, as far as they can be shown."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from otlp_forwarder.output.responses import Response
from otlp_forwarder.output.secret import SecretHeaders
from otlp_forwarder.output.words import NOTHING, Rejection, clean, rejection, words
from tests.forwarder.conftest import Mailbox, Run, names
from tests.forwarder.samples import record, subscription_event
from tests.receiver import Answer, OtlpReceiver, Received

ARN = "arn:aws:ssm:eu-west-1:123456789012:parameter/headers"
KEY = "t0p-S3cret+Key/=="
QUEUES = {"redrive_queue": "redrive", "dead_letter_queue": "dead"}


def response(body: bytes | None, status: int = 400, **fields: str) -> Response:
    return Response(status=status, retry_after="", body=body, **fields)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (response(b"unknown dataset 'ordrs'"), "unknown dataset 'ordrs'"),
        (response(b"\xef\xbb\xbfna\xc3\xafve \xff"), "na\u00efve \ufffd"),
        (response(b"\x08\x03\x12\x0cbad trace id"), "bad trace id"),
        (response(b'{"code": 3, "message": "bad id", "details": []}'), "bad id"),
        (response(b'{"errors": [{"detail": "too long"}, {"title": "no"}]}'), "too long; no"),
        (response(b'{"error": {"message": "no", "status": "DENIED"}}'), "no; DENIED"),
        (response(b'{"x": 1}'), '{"x": 1}'),
        (response(b'{"cut": '), '{"cut":'),
        (response(b"[" * 5000, kind="application/json"), "[" * 299 + "\u2026"),
        (
            response(b"<html><style>p {}</style><title>Not here</title><p>Gone</html>"),
            "Not here Gone",
        ),
        (response(b"", status=301, location="https://b/x?key=1"), "redirects to https://b/x"),
        (response(b"\x00\x01\x02" * 9), ""),
        (response(b""), ""),
        (response(None), ""),
    ],
)
def test_what_a_refusal_says(answer: Response, said: str) -> None:
    assert clean(words(answer), ()) == said.lstrip("\ufeff")


def partial(**fields: object) -> bytes:
    success = ExportTracePartialSuccess(**fields)  # type: ignore[arg-type]
    return ExportTraceServiceResponse(partial_success=success).SerializeToString()


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (response(partial(rejected_spans=2, error_message="old"), 200), Rejection(2, "old")),
        (response(partial(error_message="slow down"), 200), Rejection(0, "slow down")),
        (
            response(b'{"partialSuccess": {"rejectedSpans": "3", "errorMessage": "old"}}', 200),
            Rejection(3, "old"),
        ),
        (response(b'{"partial_success": {"rejected_spans": 3}}', 200), Rejection(3)),
        (response(partial(rejected_spans=-1), 200), NOTHING),
        (response(b'{"partialSuccess": {"rejectedSpans": -1}}', 200), NOTHING),
        (response(b'{"partialSuccess": []}', 200), NOTHING),
        (response(b"OK", 200), NOTHING),
        (response(None, 200), NOTHING),
    ],
)
def test_what_a_taken_request_was_rejected_of(answer: Response, found: Rejection) -> None:
    assert rejection(answer) == found


@pytest.mark.parametrize("raw", ["a\x00\x1b[2Jb\r\nc", "a \u202e\ud800b\u2028c", "a\n\n b\tc"])
def test_what_is_shown_is_one_printable_line(raw: str) -> None:
    shown = clean(raw, ())

    assert shown.isprintable()
    assert shown[0] + shown[-1] == "ac"


def test_what_is_shown_is_bounded() -> None:
    assert len(clean("x" * 100_000, ())) == 300


ECHOES: dict[str, Callable[[str], str]] = {
    "as it is": lambda text: text,
    "in capitals": str.upper,
    "backwards": lambda text: text[::-1],
    "a piece of it": lambda text: text[3:12],
    "in quotes": json.dumps,
    "percent-encoded": lambda text: quote(text, safe=""),
    "as hex": lambda text: text.encode().hex(),
    "as base64": lambda text: base64.b64encode(text.encode()).decode(),
    "within base64": lambda text: base64.b64encode(b"header: " + text.encode()).decode(),
    "escaped": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "as entities": lambda text: "".join(f"&#{ord(c)};" for c in text),
}


@pytest.mark.parametrize("how", ECHOES)
def test_a_secret_is_removed_however_it_is_repeated(how: str) -> None:
    said = ECHOES[how](KEY)

    shown = clean(f"denied: {said} (sorry)", [f"Bearer {KEY}"])

    assert "[removed]" in shown
    assert shown.startswith("denied: ")
    assert shown.endswith("(sorry)")
    # What stands before it is not secret.
    start = 12 if how == "within base64" else 0
    assert not [n for n in range(start, len(said) - 8) if said[n : n + 8] in shown]


def test_of_basic_credentials_the_password_is_removed_too() -> None:
    token = base64.b64encode(b"12345:glc_passw0rd").decode()

    shown = clean(f"user 12345 with glc_passw0rd or {token} is unknown", [f"Basic {token}"])

    assert "passw0rd" not in shown
    assert token not in shown
    assert "is unknown" in shown


@contextmanager
def peer(answer: bytes) -> Iterator[str]:
    """Answer each connection with the request that came, behind some bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    head = connection.recv(65536).partition(b"\r\n\r\n")[0]
                    connection.sendall(answer + b" ".join(head.split(b"\r\n")) + b"\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.mark.parametrize("answer", [b"denied: ", b"HTTP/1.1 4xx ", b"HTTP/1.1 400 ", b"\0\0\x12"])
def test_a_peer_that_repeats_the_request_gets_no_secret_into_any_output(
    answer: bytes, mailbox: Mailbox, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    secret = SecretHeaders(ARN, fetch=lambda _: json.dumps({"api-key": KEY}))
    with peer(answer) as endpoint:
        result = run(subscription_event(record("a")), secret=secret, endpoint=endpoint, **QUEUES)

    everything = caplog.text + json.dumps(mailbox.sent) + result.reason
    assert "S3cret" not in everything
    assert "\0" not in everything
    assert "spans are" in caplog.text


def test_a_grpc_port_is_named(run: Run) -> None:
    with peer(b"\0\0\x12\x04\0\0\0\0\0") as endpoint:
        result = run(subscription_event(record("a")), endpoint=endpoint, **QUEUES)

    assert "usually on port 4318" in result.reason
    assert result.counts.held == 1


@pytest.mark.parametrize("status", [200, 301, 400, 401, 404, 429, 500])
@pytest.mark.parametrize("kind", ["text/plain", "application/json", "text/html"])
def test_a_collector_that_repeats_a_secret_gets_it_into_no_output(  # noqa: PLR0913, PLR0917
    status: int,
    kind: str,
    receiver: OtlpReceiver,
    mailbox: Mailbox,
    run: Run,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """By all headers, the query, and what the log record sets."""
    found = [KEY, "qu3ry-Key", "l1ne-Key", "c0nf-Key"]

    def repeat(received: Received) -> Answer:
        text = json.dumps({"message": f"{received.headers} {received.path}"})
        partial_success = {"partialSuccess": {"rejectedSpans": 1, "errorMessage": text}}
        body = json.dumps(partial_success) if status == 200 else f"<p>{text}"
        body = text if kind == "application/json" and status != 200 else body
        headers = {"Content-Type": kind, "Location": f"/{KEY}", "Retry-After": "600"}
        return Answer(status, headers, body.encode())

    receiver.inspect = repeat
    secret = SecretHeaders(ARN, fetch=lambda _: json.dumps({"api-key": KEY}))

    result = run(
        subscription_event(record("a", headers={"x-line": "l1ne-Key"})),
        secret=secret,
        endpoint=f"{receiver.endpoint}?key=qu3ry-Key",
        headers={"x-conf": "c0nf-Key"},
        allowed_headers=frozenset({"x-line"}),
        **QUEUES,
    )

    assert receiver.requests
    assert caplog.text
    said = [record.getMessage() for record in caplog.records] + [result.reason]
    said += [json.dumps(message["MessageAttributes"]) for message in mailbox.sent]
    assert not [text for text in said for secret_ in found if secret_ in text]


def test_what_the_collector_says_of_a_request_that_it_took_is_logged(
    receiver: OtlpReceiver, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    body = partial(rejected_spans=2, error_message="attribute foo too long")
    receiver.decide = lambda _: Answer(200, body=body)

    counts = run(subscription_event(record("a", "b", "c"))).counts

    assert "rejected 2 spans of a request that it took: attribute foo too long" in caplog.text
    # A span is counted once.
    assert (counts.spans, counts.rejected) == (1, 2)
    assert names(receiver) == ["a", "b", "c"]


def test_more_than_all_cannot_be_rejected(receiver: OtlpReceiver, run: Run) -> None:
    receiver.decide = lambda _: Answer(200, body=partial(rejected_spans=2**40))

    counts = run(subscription_event(record("a", "b"))).counts

    assert (counts.spans, counts.rejected) == (0, 2)
