"""Deliver requests to the collector over one kept-alive connection, with retries."""

from __future__ import annotations

import email.utils
import gzip
import http.client
import random
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import SplitResult

#: Statuses that ask for another try. Source: OTLP specification, "Retryable Response Codes".
RETRYABLE = frozenset({429, 502, 503, 504})

#: Back-off before the nth retry is a random time up to FIRST * 2**n, at most LONGEST (seconds).
FIRST_BACKOFF = 0.1
LONGEST_BACKOFF = 5.0

#: Seconds that connecting, sending or one read may take; what hangs longer is tried anew.
SOCKET_TIMEOUT = 10.0

#: Bytes of an answer that are read. More is none of OTLP, and costs the connection.
MAX_ANSWER = 64 * 1024

HEADERS = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}


class DeliveryError(Exception):
    """A request that the collector did not take."""


class _RetryableError(Exception):
    """A failure that may pass; holds the seconds that the collector asked to wait."""

    def __init__(self, reason: str, retry_after: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Collector:
    """An OTLP/HTTP collector, reached over a connection that outlives invocations.

    Args:
        url: Where to post to. Certificates of https are verified.
        clock: Seconds of a clock that never goes back.
        wait: Waits the given seconds.
        jitter: Returns a random number from 0 to 1.
    """

    def __init__(
        self,
        url: SplitResult,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._path = url.path
        self._clock = clock
        self._wait = wait
        self._jitter = jitter
        host = url.hostname or ""
        self._connection = (
            http.client.HTTPSConnection(host, url.port, context=ssl.create_default_context())
            if url.scheme == "https"
            else http.client.HTTPConnection(host, url.port)
        )

    def deliver(self, request: bytes, seconds: float) -> None:
        """Post one request, again and again until it is taken or the time is up.

        Args:
            request: Serialized ExportTraceServiceRequest.
            seconds: Time for all tries together.

        Raises:
            DeliveryError: The collector refused the request, or no try succeeded in time.
        """
        body = gzip.compress(request)
        deadline = self._clock() + seconds
        tries = 0
        while (remaining := deadline - self._clock()) > 0:
            try:
                self._post(body, min(SOCKET_TIMEOUT, remaining))
            except _RetryableError as error:
                reason = str(error)
                backoff = min(FIRST_BACKOFF * 2**tries, LONGEST_BACKOFF) * self._jitter()
                pause = max(backoff, error.retry_after)
            else:
                return
            tries += 1
            if self._clock() + pause >= deadline:
                raise DeliveryError(f"gave up after {tries} tries in the time there was: {reason}")
            self._wait(pause)
        raise DeliveryError("no time left to deliver")

    def close(self) -> None:
        """Close the connection; the next delivery opens a new one."""
        self._connection.close()

    def _post(self, body: bytes, timeout: float) -> None:
        connection = self._connection
        connection.timeout = timeout
        if connection.sock:
            connection.sock.settimeout(timeout)
        try:
            connection.request("POST", self._path, body, HEADERS)
            response = connection.getresponse()
            response.read(MAX_ANSWER)
        except ssl.SSLCertVerificationError as error:
            connection.close()
            raise DeliveryError(f"certificate refused: {error.verify_message}") from error
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _RetryableError(f"{type(error).__name__}: {error}") from error
        if not response.isclosed():
            connection.close()
        if response.status in RETRYABLE:
            wanted = _seconds(response.headers.get("Retry-After", ""))
            raise _RetryableError(f"status {response.status}", wanted)
        if not http.client.OK <= response.status < http.client.MULTIPLE_CHOICES:
            raise DeliveryError(f"collector refused the request with status {response.status}")


def _seconds(retry_after: str) -> float:
    """Return the seconds that a Retry-After header asks for. Source: RFC 9110, section 10.2.3."""
    if retry_after.isdecimal():
        return float(retry_after)
    try:
        then = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    # A date without a zone is in UTC, like any date of HTTP.
    return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
