"""Deliver a request to a collector, and try again as the table of responses says."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otlp_forwarder.output.connections import Connections, PostError
from otlp_forwarder.output.credentials import CredentialsError
from otlp_forwarder.output.encodings import GZIP, NONE, Encodings, encode
from otlp_forwarder.output.responses import (
    Action,
    Failure,
    Response,
    action_after,
    pause_wanted,
    rejected_spans,
)
from otlp_forwarder.output.secret import SecretError, SecretHeaders
from otlp_forwarder.version import __version__

if TYPE_CHECKING:
    from otlp_forwarder.output.destination import Destination
    from otlp_forwarder.output.signing import Signer

#: The pause before the nth retry is a random time up to FIRST * 2**n, at most LONGEST (seconds):
#: "full jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
FIRST_BACKOFF = 0.1
LONGEST_BACKOFF = 5.0

#: "SHOULD emit a User-Agent", with the distribution's name in front:
#: https://opentelemetry.io/docs/specs/otel/protocol/exporter/#user-agent
USER_AGENT = f"lambda-otel-lite-forwarder/{__version__} OTel-OTLP-Exporter-Python/{__version__}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a request.

    Args:
        action: DELIVERED, LATER, DIVIDE or SET_ASIDE.
        reason: Why it was not delivered, or nothing.
        requests: How often it was sent.
        bytes: Bytes that were sent, compressed.
        rejected: Spans that the collector rejected although it took the request.
    """

    action: Action
    reason: str
    requests: int
    bytes: int
    rejected: int


@dataclass(frozen=True, slots=True)
class _Try:
    """What became of a request that was sent once.

    Args:
        action: What to do now: any action but RENEW.
        reason: Why it was not delivered, or nothing.
        pause: Seconds to wait before the next try, if there is one.
        rejected: Spans that the collector rejected although it took the request.
        sent: Whether it was sent at all.
        status: The HTTP status of the response, or 0.
    """

    action: Action
    reason: str = ""
    pause: float = 0.0
    rejected: int = 0
    sent: bool = True
    status: int = 0


class CollectorClient:
    """Send requests to any number of OTLP/HTTP collectors, from any number of threads.

    Args:
        connections: How they are reached.
        secret: Headers for the destination that is the settings' own.
        headers: Headers for it that are no secret, with names in lower case.
        signer: Signs what goes to it; None: nothing is signed.
        compression: ``gzip`` or ``none``: what is tried first.
        clock: Seconds of a clock that never goes back.
        wait: Waits the given seconds.
        jitter: Returns a random number from 0 to 1.
    """

    def __init__(  # noqa: PLR0913 - all but two are by keyword
        self,
        connections: Connections,
        secret: SecretHeaders,
        *,
        headers: Mapping[str, str] | None = None,
        signer: Signer | None = None,
        compression: str = GZIP,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._connections = connections
        self._secret = secret
        self._headers = headers or {}
        self._signer = signer
        self._encodings = Encodings(compression)
        self.clock = clock
        self._wait = wait
        self._jitter = jitter

    def deliver(self, destination: Destination, request: bytes, deadline: float) -> Delivery:
        """Post one request, again and again until it is taken or the time is up.

        It is posted again only if the collector did not say that it took it.

        Args:
            destination: Where to.
            request: Serialized ExportTraceServiceRequest.
            deadline: When to give up, by the client's clock.
        """
        encoding = self._encodings.of(destination.url)
        body, kind = encode(request, encoding)
        sent = size = 0
        reason = "no time left"
        while (remaining := deadline - self.clock()) > 0:
            backoff = min(FIRST_BACKOFF * 2**sent, LONGEST_BACKOFF) * self._jitter()
            one = self._try(destination, body, kind, remaining, backoff)
            sent += one.sent
            size += one.sent * len(body)
            if one.action is Action.DELIVERED:
                self._encodings.add_taken(destination.url, encoding)
            elif self._encodings.probe(destination.url, encoding, one.status):
                encoding = NONE
                body, kind = encode(request, encoding)
                continue
            if one.action is not Action.RETRY:
                return Delivery(
                    action=one.action,
                    reason=one.reason,
                    requests=sent,
                    bytes=size,
                    rejected=one.rejected,
                )
            reason = one.reason
            if self.clock() + one.pause >= deadline:
                break
            self._wait(one.pause)
        return Delivery(
            action=Action.LATER,
            reason=f"gave up after {sent} tries in the time there was: {reason}",
            requests=sent,
            bytes=size,
            rejected=0,
        )

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._connections.close()

    def _try(
        self,
        destination: Destination,
        body: bytes,
        kind: Mapping[str, str],
        seconds: float,
        backoff: float,
    ) -> _Try:
        headers = {"user-agent": USER_AGENT, **dict(destination.headers), **kind}
        secret: Mapping[str, str] = {}
        if destination.own:
            # Only the settings' own collector learns who sends.
            try:
                secret = self._secret.get()
                headers = {
                    **headers,
                    **self._headers,
                    **dict(destination.headers),
                    **secret,
                    **kind,
                }
                if self._signer:
                    headers |= self._signer.sign(destination.url, kind, body)
            except (SecretError, CredentialsError) as error:
                return _Try(action_after(Failure.UNREADABLE), str(error), sent=False)
        try:
            response = self._connections.post(destination.url, body, headers, seconds)
        except PostError as error:
            return _Try(action_after(error.failure), str(error), backoff)
        match action_after(response.status):
            case Action.DELIVERED:
                # Taken, even if the connection broke before it said what it rejected.
                return _Try(Action.DELIVERED, rejected=rejected_spans(response.body or b""))
            case Action.RETRY:
                pause = max(backoff, pause_wanted(response.retry_after))
                return _Try(Action.RETRY, f"status {response.status}", pause)
            case Action.RENEW:
                return self._renew(destination, secret, response)
            case action:
                return _Try(action, _refusal(response.status), status=response.status)

    def _renew(
        self, destination: Destination, refused: Mapping[str, str], response: Response
    ) -> _Try:
        """Retry at once with other headers, if the secret or the clock gives some."""
        try:
            renewed = bool(refused) and self._secret.renew(refused)
        except SecretError as error:
            return _Try(action_after(Failure.UNREADABLE), str(error))
        if self._signer and destination.own:
            renewed = self._signer.correct(response.date, response.body or b"") or renewed
        if renewed:
            return _Try(Action.RETRY, f"status {response.status}")
        return _Try(Action.LATER, _refusal(response.status))


def _refusal(status: int) -> str:
    return f"collector refused the request with status {status}"
