"""Deliver a request to a collector: try again what may pass, tell apart what will not."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from otlp_forwarder.input.compression import compress
from otlp_forwarder.output.answers import pause_wanted, rejected_spans
from otlp_forwarder.output.connections import Answer, CertificateError, Connections, NoAnswerError
from otlp_forwarder.output.secret import SecretError, SecretHeaders

if TYPE_CHECKING:
    from otlp_forwarder.counts import Counts
    from otlp_forwarder.output.destination import Destination

#: Statuses that ask for another try. Source: OTLP specification, "Retryable Response Codes".
RETRYABLE = frozenset({429, 502, 503, 504})
#: Statuses that say something about what is in the request: a part of it may be taken.
DIVISIBLE = frozenset({400, 413, 422})
#: Statuses that say something about the request's headers, which may be mended.
UNAUTHORIZED = frozenset({401, 403})

#: Back-off before the nth retry is a random time up to FIRST * 2**n, at most LONGEST (seconds).
#: Source: AWS Architecture Blog, "Exponential Backoff And Jitter", "Full Jitter".
FIRST_BACKOFF = 0.1
LONGEST_BACKOFF = 5.0

HEADERS = {"content-type": "application/x-protobuf", "content-encoding": "gzip"}


class DeliveryError(Exception):
    """A request that was not delivered now, but may be later."""


class RefusedError(Exception):
    """A request that the collector will never take as it is.

    Args:
        reason: What it answered.
        divisible: Whether it may take a part of the request.
    """

    def __init__(self, reason: str, *, divisible: bool) -> None:
        super().__init__(reason)
        self.divisible = divisible


class Collector:
    """Any number of OTLP/HTTP collectors, for any number of threads.

    Args:
        connections: How they are reached.
        secret: Headers for the destination that is the settings' own.
        clock: Seconds of a clock that never goes back.
        wait: Waits the given seconds.
        jitter: Returns a random number from 0 to 1.
    """

    def __init__(
        self,
        connections: Connections,
        secret: SecretHeaders,
        *,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._connections = connections
        self._secret = secret
        self.clock = clock
        self._wait = wait
        self._jitter = jitter

    def deliver(
        self, destination: Destination, request: bytes, deadline: float, counts: Counts
    ) -> None:
        """Post one request, again and again until it is taken or the time is up.

        It is posted again only where the collector did not say that it took it.

        Args:
            destination: Where to.
            request: Serialized ExportTraceServiceRequest.
            deadline: When to give up, by the collector's clock.
            counts: Where to count requests, retries, bytes and rejected spans.

        Raises:
            RefusedError: The collector will never take it.
            DeliveryError: No try succeeded in time, or none will before something is mended.
        """
        body = compress(request)
        tries = 0
        reason = "no time left"
        while (remaining := deadline - self.clock()) > 0:
            secret = self._secret_of(destination)
            counts.requests += 1
            counts.retries += tries > 0
            counts.bytes += len(body)
            pause = min(FIRST_BACKOFF * 2**tries, LONGEST_BACKOFF) * self._jitter()
            tries += 1
            try:
                headers = {**dict(destination.headers), **secret, **HEADERS}
                answer = self._connections.post(destination.url, body, headers, remaining)
            except CertificateError as error:
                raise DeliveryError(str(error)) from error
            except NoAnswerError as error:
                reason = str(error)
            else:
                if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                    # Taken, even where the connection broke before it said what it rejected.
                    counts.rejected += rejected_spans(answer.body or b"")
                    return
                reason = f"status {answer.status}"
                pause = self._pause_after(answer, secret, pause)
            if self.clock() + pause >= deadline:
                break
            self._wait(pause)
        raise DeliveryError(f"gave up after {tries} tries in the time there was: {reason}")

    def _secret_of(self, destination: Destination) -> Mapping[str, str]:
        if not destination.own:
            return {}
        try:
            return self._secret.get()
        except SecretError as error:
            raise DeliveryError(str(error)) from error

    def _pause_after(self, answer: Answer, secret: Mapping[str, str], pause: float) -> float:
        """Return the seconds to wait for another try after an answer, unless there is no use."""
        status = answer.status
        reason = f"collector refused the request with status {status}"
        if status in RETRYABLE:
            return max(pause, pause_wanted(answer.retry_after))
        if status in UNAUTHORIZED:
            if secret and self._has_changed(secret):
                return 0.0
            # It will be taken once the secret has been mended.
            raise DeliveryError(reason)
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise RefusedError(reason, divisible=status in DIVISIBLE)
        raise DeliveryError(reason)

    def _has_changed(self, secret: Mapping[str, str]) -> bool:
        try:
            return self._secret.renew(secret)
        except SecretError as error:
            raise DeliveryError(str(error)) from error
