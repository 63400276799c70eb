"""Bytes on the wire: answers that come early, addresses that swallow, servers that dawdle."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from otlp_forwarder.output.channel import Channel, connect
from otlp_forwarder.output.connections import Connections, PostError
from otlp_forwarder.output.responses import Failure
from tests.receiver import OtlpReceiver

#: More than a socket takes at once, on either side.
LARGE = os.urandom(8 * 1024 * 1024)


@contextmanager
def server(
    serve: Callable[[socket.socket, threading.Event], None], *, buffer: int = 4096
) -> Iterator[str]:
    """Serve connections one after the other, each by a function that ends when the event is set."""
    done = threading.Event()
    with socket.socket() as listening:
        # Set before listening, as what is accepted inherits it: a peer far away.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                connection.settimeout(10)
                with connection, suppress(OSError):
                    serve(connection, done)

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            done.set()
            listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def head_of(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1)
    return head


def answer(status: int, *, close: bool = True, more: bytes = b"") -> bytes:
    closing = b"Connection: close\r\n" if close else b""
    length = b"Content-Length: %d\r\n" % len(more)
    return b"HTTP/1.1 %d X\r\n%s%s\r\n%s" % (status, length, closing, more)


@pytest.mark.parametrize("status", [401, 413, 429, 503])
@pytest.mark.parametrize("hangs_up", [True, False])
def test_an_answer_that_comes_before_the_body_was_sent_is_heard(
    status: int, *, hangs_up: bool
) -> None:
    """As of a gateway that looks at the headers, whether it takes the rest or not."""

    def serve(connection: socket.socket, done: threading.Event) -> None:
        head_of(connection)
        connection.sendall(answer(status, more=b"why"))
        if hangs_up:
            connection.shutdown(socket.SHUT_WR)
        done.wait(10)

    connections = Connections()
    with server(serve) as url:
        response = connections.post(f"{url}/v1/traces", LARGE, {}, 10.0)

    assert (response.status, response.body) == (status, b"why")


def test_an_early_success_of_a_request_that_was_not_read_is_none() -> None:
    def serve(connection: socket.socket, done: threading.Event) -> None:
        head_of(connection)
        connection.sendall(answer(200))
        assert not done.is_set()

    with server(serve) as url, pytest.raises(PostError) as caught:
        Connections().post(url, LARGE, {}, 10.0)

    assert caught.value.failure is Failure.NO_RESPONSE


@pytest.mark.parametrize(
    "interim",
    [
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 102 Processing\r\n\r\n" * 3,
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n",
        b"HTTP/1.1 199 Miscellaneous\r\nRetry-After: 9\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_an_interim_response_is_passed_over(interim: bytes) -> None:
    def serve(connection: socket.socket, done: threading.Event) -> None:
        for _ in range(2):
            head_of(connection)
            connection.sendall(interim)
            left = len(LARGE)
            while left > 0:
                left -= len(connection.recv(1 << 20))
            connection.sendall(answer(200, close=False))

    connections = Connections()
    with server(serve, buffer=1 << 20) as url:
        for _ in range(2):
            response = connections.post(url, LARGE, {}, 10.0)
            assert (response.status, response.retry_after) == (200, "")
        connections.close()


def test_a_server_that_answers_in_the_meantime_for_ever_is_given_up() -> None:
    def serve(connection: socket.socket, done: threading.Event) -> None:
        head_of(connection)
        while not done.is_set():
            connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")

    with server(serve) as url, pytest.raises(PostError, match="interim") as caught:
        Connections().post(url, b"", {}, 10.0)

    assert caught.value.failure is Failure.NO_RESPONSE


@pytest.mark.parametrize(
    "piece",
    [b"H", b"HTTP/1.1 200 OK\r\nX: ", b""],
    ids=["status line", "header", "silence"],
)
def test_a_try_ends_in_time_however_the_server_dawdles(piece: bytes) -> None:
    """A socket's own timeout starts again with every byte."""

    def serve(connection: socket.socket, done: threading.Event) -> None:
        head_of(connection)
        connection.sendall(piece)
        while not done.wait(0.02):
            if piece:
                connection.sendall(b"x")

    with server(serve) as url:
        began = time.monotonic()
        with pytest.raises(PostError, match="timed out"):
            Connections(longest_try=0.2).post(url, b"", {}, 10.0)
        took = time.monotonic() - began

    assert took < 5


def test_an_answer_that_came_in_time_is_read_by_who_was_stopped_meanwhile() -> None:
    """A process that is frozen sends nothing twice when it goes on after the time."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        channel = Channel(ours, time.monotonic() + 10)
        channel.send(b"request")
        theirs.sendall(answer(200))
        channel.until = time.monotonic() - 60

        heard = channel.makefile("rb").readline()

        assert heard == b"HTTP/1.1 200 X\r\n"
        with pytest.raises(TimeoutError):
            channel.makefile("rb").read()


def test_a_server_that_takes_nothing_is_given_up_in_time() -> None:
    def serve(connection: socket.socket, done: threading.Event) -> None:
        head_of(connection)
        done.wait(10)

    with server(serve) as url, pytest.raises(PostError, match="not taken in time"):
        Connections(longest_try=0.2).post(url, LARGE, {}, 10.0)


def test_a_handshake_that_does_not_end_is_given_up_in_time() -> None:
    def serve(connection: socket.socket, done: threading.Event) -> None:
        while not done.wait(0.02):
            connection.sendall(b"\x16")

    with server(serve) as url, pytest.raises(PostError):
        Connections(longest_try=0.2).post(url.replace("http", "https"), b"", {}, 10.0)


@contextmanager
def addresses(monkeypatch: pytest.MonkeyPatch, *places: tuple[str, int]) -> Iterator[None]:
    """Have the name lb.test stand for some addresses."""
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *others: object, **named: object) -> object:
        if host != "lb.test":
            return real(host, port, *others, **named)  # type: ignore[arg-type]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", resolve)
        yield


@pytest.fixture
def swallowing() -> Iterator[tuple[str, int]]:
    """An address at which nobody answers: its queue of connections is full."""
    with ExitStack() as stack:
        listening = stack.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        place = listening.getsockname()
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)  # noqa: FBT003
            waiting.connect_ex(place)
        yield place


@pytest.mark.parametrize("count", [1, 8])
def test_a_try_is_bounded_over_all_addresses_of_a_name(
    count: int, swallowing: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    with addresses(monkeypatch, *[swallowing] * count):
        began = time.monotonic()
        with pytest.raises(PostError, match="in time") as caught:
            Connections(longest_try=0.5).post("http://lb.test:1", b"", {}, 10.0)

    assert caught.value.failure is Failure.NO_RESPONSE
    assert time.monotonic() - began < 5


def test_an_address_that_swallows_does_not_hide_one_that_answers(
    swallowing: tuple[str, int], receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, port = receiver.endpoint.removeprefix("http://").split(":")
    connections = Connections()
    with addresses(monkeypatch, swallowing, swallowing, (host, int(port))):
        response = connections.post("http://lb.test:1/v1/traces", b"", {}, 10.0)
    connections.close()

    assert response.status == 200


def test_an_address_that_refuses_does_not_hide_one_that_answers(
    receiver: OtlpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OtlpReceiver() as gone:
        refusing = gone.endpoint.removeprefix("http://").split(":")
    host, port = receiver.endpoint.removeprefix("http://").split(":")
    with addresses(monkeypatch, (refusing[0], int(refusing[1])), (host, int(port))):
        connect("lb.test", 1, 10.0).close()


def test_where_all_refuse_the_reason_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with OtlpReceiver() as gone:
        host, port = gone.endpoint.removeprefix("http://").split(":")
    with addresses(monkeypatch, *[(host, int(port))] * 2), pytest.raises(ConnectionRefusedError):
        connect("lb.test", 1, 10.0)


def test_a_host_that_cannot_be_a_name_is_no_response() -> None:
    with pytest.raises(PostError) as caught:
        Connections().post(f"http://{'a' * 70}.example.com", b"", {}, 1.0)

    assert caught.value.failure is Failure.NO_RESPONSE


def test_a_line_break_in_a_header_is_not_sent() -> None:
    with pytest.raises(PostError, match="line break") as caught:
        Connections().post("http://127.0.0.1:1", b"", {"x-a": "b\r\nx-c: d"}, 1.0)

    assert caught.value.failure is Failure.UNREADABLE


def test_no_thread_is_needed_to_bound_a_request(receiver: OtlpReceiver) -> None:
    connections = Connections()
    before = threading.active_count()
    seen: list[int] = []
    receiver.authorize = lambda _: seen.append(threading.active_count())

    connections.post(f"{receiver.endpoint}/v1/traces", b"", {}, 5.0)
    connections.close()

    # The receiver's own thread for the connection.
    assert seen == [before + 1]
