"""A socket whose operations end in time together, and that hears an answer while it sends."""

from __future__ import annotations

import io
import os
import select
import socket
import ssl
import time
from collections import deque
from typing import Any

#: Seconds before the next address of a name is tried beside the one before, "Connection Attempt
#: Delay": https://www.rfc-editor.org/rfc/rfc8305#section-5
STAGGER = 0.25

#: Bytes that are given to the socket, or taken from it, at once.
CHUNK = 64 * 1024

#: Where the first digit of the status is in "HTTP/1.1 413 Content Too Large".
_DIGIT = len(b"HTTP/1.1 ")


def connect(host: str, port: int, seconds: float) -> socket.socket:
    """Connect to the first address of a name that accepts; the time is for all of them together.

    Args:
        host: A name or an address.
        port: A number.
        seconds: Most time that it may take, once the name's addresses are known.

    Raises:
        OSError: No address accepted in time.
    """
    addresses = deque(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    until = time.monotonic() + seconds
    opening: dict[int, socket.socket] = {}
    poll = select.poll()
    problem: OSError = OSError(f"the name {host} has no address")
    try:
        while addresses or opening:
            if (left := until - time.monotonic()) <= 0:
                raise TimeoutError("no address of the host accepted a connection in time")
            if addresses:
                try:
                    sock = _start(*addresses.popleft())
                except OSError as error:  # for example no route for this kind of address
                    problem = error
                    continue
                opening[sock.fileno()] = sock
                poll.register(sock, select.POLLOUT)
            for number, _ in poll.poll(1000 * (min(left, STAGGER) if addresses else left)):
                sock = opening.pop(number)
                poll.unregister(number)
                if not (code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
                    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return sock
                sock.close()
                problem = OSError(code, os.strerror(code))
        raise problem
    finally:
        for sock in opening.values():
            sock.close()


def _start(family: int, kind: int, protocol: int, _name: str, address: Any) -> socket.socket:
    """Return a socket that is about to connect."""
    sock = socket.socket(family, kind, protocol)
    sock.settimeout(0)
    try:
        sock.connect(address)
    except BlockingIOError:
        pass
    except OSError:
        sock.close()
        raise
    return sock


class Channel:
    """A connected socket for one request after the other.

    Args:
        sock: The socket, with TLS or without.
        until: When all operations end, by `time.monotonic`.

    Attributes:
        whole: Whether all of the last request was sent: a server may refuse it before that.
    """

    def __init__(self, sock: socket.socket, until: float) -> None:
        self._sock = sock
        self._heard = bytearray()
        self.until = until
        self.whole = True

    def is_stale(self) -> bool:
        """Tell whether the other side closed the connection while nobody used it.

        If it did, a request would fail after it was sent, and the retry would send it twice. It
        often does: between invocations an environment is frozen, for any time.
        """
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return bool(poll.poll(0))

    def send(self, data: bytes) -> None:
        """Send data, as far as the other side wants it.

        A server that refuses a request by its headers answers while the rest is being sent, and
        closes. What it said is read by `readinto`, whether or not it still takes the rest.

        Raises:
            TimeoutError: The time is over.
        """
        view = memoryview(data)
        self._sock.settimeout(0)
        while view and self.whole:
            try:
                view = view[self._sock.send(view[:CHUNK]) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._wait(select.POLLIN | select.POLLOUT)
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN)
            except OSError:
                # It takes no more. An answer may have come before.
                self.whole = False

    def _wait(self, wanted: int) -> None:
        poll = select.poll()
        poll.register(self._sock, wanted)
        found = poll.poll(1000 * max(0.0, self.until - time.monotonic()))
        if not found:
            raise TimeoutError("the request was not taken in time")
        if found[0][1] & ~select.POLLOUT:
            self._hear()

    def _hear(self) -> None:
        """Take what the other side says, and stop sending if it refuses or hangs up."""
        try:
            data = self._sock.recv(CHUNK)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return  # a part of TLS itself
        except OSError:
            data = b""
        self._heard += data
        refused = bytes(self._heard[_DIGIT : _DIGIT + 1]) in {b"3", b"4", b"5"}
        self.whole = bool(data) and not refused and len(self._heard) < CHUNK

    def readinto(self, buffer: memoryview) -> int:
        """Read what was heard while sending, then what comes.

        Raises:
            OSError: The connection broke, or the time is over.
        """
        if self._heard:
            size = min(len(buffer), len(self._heard))
            buffer[:size] = self._heard[:size]
            del self._heard[:size]
            return size
        # What has come is read even when the time is over: whoever was stopped in between must not
        # send again what was taken.
        self._sock.settimeout(max(0.0, self.until - time.monotonic()))
        try:
            return self._sock.recv_into(buffer)
        except (BlockingIOError, ssl.SSLWantReadError):
            raise TimeoutError("timed out") from None

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a file to read one response from, as `http.client.HTTPResponse` wants it."""
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


class _Reader(io.RawIOBase):
    """Reads from a channel, and leaves it open."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._channel.readinto(memoryview(buffer))
