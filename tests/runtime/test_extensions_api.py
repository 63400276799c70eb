"""The client of the Extensions API against answers of every kind."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from lambda_otel_lite.lifecycle.extensions_api import ExtensionsApi, ExtensionsApiError, Invoke

EVENT = b'{"eventType": "INVOKE", "requestId": "a", "deadlineMs": 5}'
OK = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def _server(*answers: bytes) -> Iterator[tuple[ExtensionsApi, list[bytes]]]:
    """Answer one connection after the other, and keep what was asked."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            for answer in answers:
                connection, _ = listening.accept()
                with connection:
                    request = b""
                    while b"\r\n\r\n" not in request or not _is_complete(request):
                        request += connection.recv(65536)
                    asked.append(request)
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield ExtensionsApi(f"127.0.0.1:{listening.getsockname()[1]}"), asked
        thread.join(10)
        assert not thread.is_alive()


def _is_complete(request: bytes) -> bool:
    head, _, body = request.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    return len(body) >= length


def _next(api: ExtensionsApi) -> Invoke:
    with api.next_event() as read:
        return read()


def _with_length(body: bytes) -> bytes:
    return OK + b"Content-Length: %d\r\n\r\n" % len(body) + body


def test_an_event_is_announced_before_it_is_read() -> None:
    """When its first byte is there, not before, and with nothing of it consumed."""
    arrived = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                before.append(arrived.is_set())
                connection.sendall(_with_length(EVENT)[:1])
                before.append(arrived.wait(10))
                connection.sendall(_with_length(EVENT)[1:])

        before: list[bool] = []
        thread = threading.Thread(target=serve)
        thread.start()
        api = ExtensionsApi(f"127.0.0.1:{listening.getsockname()[1]}")
        with api.next_event() as read:
            arrived.set()
            assert read() == Invoke("a", 5)
        thread.join(10)
    assert before == [False, True]


def test_the_identifier_of_the_registration_is_sent_with_every_call() -> None:
    """What the platform gave at registration is what it knows the extension by."""
    registered = OK + b"Lambda-Extension-Identifier: who\r\nContent-Length: 2\r\n\r\n{}"
    with _server(registered, _with_length(EVENT)) as (api, asked):
        api.register("name", ["INVOKE"])
        assert _next(api) == Invoke("a", 5)
    assert asked[0].startswith(b"POST /2020-01-01/extension/register HTTP/1.1\r\n")
    assert b"Lambda-Extension-Name: name\r\n" in asked[0]
    assert json.loads(asked[0].partition(b"\r\n\r\n")[2]) == {"events": ["INVOKE"]}
    assert asked[1].startswith(b"GET /2020-01-01/extension/event/next HTTP/1.1\r\n")
    assert b"Lambda-Extension-Identifier: who\r\n" in asked[1]


@pytest.mark.parametrize(
    "answer",
    [
        _with_length(EVENT),
        OK + b"\r\n" + EVENT,
        OK
        + b"Transfer-Encoding: chunked\r\n\r\n3\r\n"
        + EVENT[:3]
        + b"\r\n%x;x=y\r\n" % (len(EVENT) - 3)
        + EVENT[3:]
        + b"\r\n0\r\n\r\n",
    ],
    ids=["length", "until the end", "chunks"],
)
def test_a_body_of_every_framing(answer: bytes) -> None:
    """HTTP/1.1 has three ways to say where a body ends."""
    with _server(answer) as (api, _):
        assert _next(api) == Invoke("a", 5)


def test_a_deadline_that_is_no_number_is_unknown() -> None:
    """The invocation is known all the same."""
    with _server(_with_length(EVENT.replace(b"5", b'"soon"'))) as (api, _):
        assert _next(api) == Invoke("a", None)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno", "403 b'no'"),
        (b"", "no HTTP response"),
        (b"SSH-2.0-x y z\r\n", "no HTTP response"),
        (OK + b"Content-Length: 9\r\n\r\n{}", "2 of 9 bytes"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}", "broke off"),
        (_with_length(b"<html>"), "cannot be read"),
        (_with_length(b"[]"), "cannot be read"),
        (_with_length(b"{}"), "cannot be read"),
        (_with_length(b'{"eventType": "INVOKE"}'), "cannot be read"),
        (_with_length(b'{"eventType": "SHUTDOWN"}'), "was not asked for"),
    ],
)
def test_an_answer_that_is_none(answer: bytes, message: str) -> None:
    """Every refusal and everything unreadable is the same error, and says what came."""
    with _server(answer) as (api, _), pytest.raises(ExtensionsApiError, match=message):
        _next(api)


def test_nobody_there() -> None:
    """A connection that cannot be made is the operating system's error."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
    with pytest.raises(OSError, match="refused"):
        ExtensionsApi(address).register("name", [])
