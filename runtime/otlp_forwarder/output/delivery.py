"""Deliver a request to a collector, and try again as the table of responses says."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otlp_forwarder.output.attempts import Attempt, Attempts
from otlp_forwarder.output.breakers import Breakers
from otlp_forwarder.output.encodings import GZIP, Body, Encodings
from otlp_forwarder.output.responses import Action, Failure, action_after
from otlp_forwarder.output.words import NOTHING, Rejection

if TYPE_CHECKING:
    from otlp_forwarder.output.connections import Connections
    from otlp_forwarder.output.destination import Destination
    from otlp_forwarder.output.secret import SecretHeaders

#: The pause before the nth retry is a random time up to FIRST * 2**n, at most LONGEST (seconds):
#: "full jitter", https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
FIRST_BACKOFF = 0.1
LONGEST_BACKOFF = 5.0

#: The reason where no try was made.
NOT_ASKED = Failure.NOT_ASKED.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What became of a request.

    Args:
        action: DELIVERED, LATER, HOLD, HAND_OVER, DIVIDE or SET_ASIDE.
        reason: Why it was not delivered, or nothing.
        requests: How often it was sent.
        bytes: Bytes that were sent, compressed.
        rejection: What the collector rejected although it took the request.
    """

    action: Action
    reason: str = ""
    requests: int
    bytes: int
    rejection: Rejection = NOTHING


class CollectorClient:
    """Send requests to any number of OTLP/HTTP collectors, from any number of threads.

    Args:
        connections: How they are reached.
        secret: Headers for the destination that is the settings' own.
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
        compression: str = GZIP,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._attempts = Attempts(connections, secret)
        self._encodings = Encodings(compression)
        self._breakers = Breakers(clock)
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
        body = Body(request, destination.url, self._encodings)
        sent = size = 0
        last = Attempt(action=Action.LATER, reason="no time left")
        action, why = Action.LATER, "in the time there was"
        while (remaining := deadline - self.clock()) > 0:
            if not self._breakers.may_ask(destination.names, remaining):
                action = action_after(Failure.NOT_ASKED)
                why = "before others found that it does not work" if sent else ""
                break
            backoff = min(FIRST_BACKOFF * 2**sent, LONGEST_BACKOFF) * self._jitter()
            last, is_closed = self._once(destination, body, remaining)
            sent += last.sent
            size += last.sent * len(body.encoded)
            if body.is_tried_otherwise(last.action, last.status):
                continue
            if last.action is not Action.RETRY:
                return Delivery(
                    action=last.action,
                    reason=last.reason,
                    requests=sent,
                    bytes=size,
                    rejection=last.rejection,
                )
            if is_closed:
                action, why = action_after(Failure.NOT_ASKED), "that all failed"
                break
            pause = 0.0 if last.failed is None else max(backoff, last.pause)
            if self.clock() + pause >= deadline:
                break
            if pause:
                self._wait(pause)
        if last.failed is not None:
            self._breakers.give_up(last.failed, last.pause)
        return Delivery(
            action=action,
            reason=f"gave up after {sent} tries {why}: {last.reason}" if why else NOT_ASKED,
            requests=sent,
            bytes=size,
        )

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._attempts.close()

    def _once(self, destination: Destination, body: Body, seconds: float) -> tuple[Attempt, bool]:
        """Send a request once; also tell whether that was one failure too many."""
        began = self.clock()
        try:
            attempt = self._attempts.send(destination, body.encoded, body.headers, seconds)
        except BaseException:
            # Nobody may wait for it.
            for name in destination.names:
                self._breakers.add_unknown(name)
            raise
        names = iter(destination.names)
        for name in names:
            if name == attempt.failed:
                for unknown in names:
                    self._breakers.add_unknown(unknown)
                return attempt, not self._breakers.add_failure(name, began, attempt.pause)
            self._breakers.add_answer(name)
        return attempt, False
