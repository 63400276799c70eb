"""Send a request once, and read what the response means."""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otlp_forwarder.output.connections import Connections, PostError
from otlp_forwarder.output.credentials import CredentialsError
from otlp_forwarder.output.responses import Action, Failure, Response, action_after, pause_wanted
from otlp_forwarder.output.secret import SecretError, SecretHeaders
from otlp_forwarder.output.words import NOTHING, Rejection, clean, rejection, secrets_in, words
from otlp_forwarder.version import __version__

if TYPE_CHECKING:
    from otlp_forwarder.aws import Scope
    from otlp_forwarder.output.destination import Destination
    from otlp_forwarder.output.signing import Signer

#: "SHOULD emit a User-Agent", with the distribution's name in front:
#: https://opentelemetry.io/docs/specs/otel/protocol/exporter/#user-agent
USER_AGENT = f"lambda-otel-lite-forwarder/{__version__} OTel-OTLP-Exporter-Python/{__version__}"

#: What a response means needs more words than its own.
_HINTS = {
    Failure.WEB_PAGE: "what answers at the endpoint is not an OTLP receiver",
    Failure.SWITCHED_OFF: "switch on Transaction Search for this account and region, "
    "https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/"
    "Enable-TransactionSearch.html",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What became of a request that was sent once.

    Args:
        action: What to do now: any action but RENEW.
        reason: Why it was not delivered, or nothing.
        status: The HTTP status of the response, or 0.
        pause: Seconds for which the collector asks not to be asked.
        failed: What does not work now, whatever is sent; None: it works.
        rejection: What the collector rejected although it took the request.
        sent: Whether it was sent at all.
    """

    action: Action
    reason: str = ""
    status: int = 0
    pause: float = 0.0
    failed: Hashable = None
    rejection: Rejection = NOTHING
    sent: bool = True


@dataclass(frozen=True, slots=True)
class _Sent:
    """Headers that a request is sent with.

    Args:
        headers: All of them.
        secret: Those of the secret among them.
        signature: Those of the signature among them.
        hidden: What must not be repeated of the request.
    """

    headers: Mapping[str, str]
    secret: Mapping[str, str]
    signature: Mapping[str, str]
    hidden: tuple[str, ...]


class Attempts:
    """Send requests.

    Args:
        connections: How collectors are reached.
        secret: Headers for the destination that is the settings' own.
    """

    def __init__(self, connections: Connections, secret: SecretHeaders) -> None:
        self._connections = connections
        self._secret = secret
        self._signers: dict[Scope, Signer] = {}

    def send(
        self, destination: Destination, body: bytes, kind: Mapping[str, str], seconds: float
    ) -> Attempt:
        """Send a request once.

        Args:
            destination: Where to.
            body: Its body as it is sent.
            kind: Headers that say what the body is.
            seconds: Longest time that it may take.
        """
        try:
            sent = self._sent(destination, body, kind)
        except (SecretError, CredentialsError) as error:
            return Attempt(action=action_after(Failure.UNREADABLE), reason=str(error), sent=False)
        try:
            response = self._connections.post(destination.url, body, sent.headers, seconds)
        except PostError as error:
            action = action_after(error.failure)
            reason = clean(str(error), sent.hidden)
            failed = destination.url if action is Action.RETRY else None
            return Attempt(action=action, reason=reason, failed=failed)
        status = response.status
        action = action_after(response.meaning)
        if action is Action.DELIVERED:
            # Taken, even if the connection broke before it said what it rejected.
            found = rejection(response)
            if found is not NOTHING:
                found = Rejection(found.spans, clean(found.message, sent.hidden))
            return Attempt(action=action, rejection=found, status=status)
        reason = _refusal(response, sent.hidden)
        if action is Action.RETRY:
            return Attempt(
                action=action,
                reason=reason,
                status=status,
                pause=pause_wanted(response.retry_after),
                failed=destination.answering,
            )
        if action is Action.RENEW:
            return self._renew(destination, sent, response, reason)
        return Attempt(action=action, reason=reason, status=status)

    def close(self) -> None:
        """Close the connections that are kept alive."""
        self._connections.close()

    def _sent(self, destination: Destination, body: bytes, kind: Mapping[str, str]) -> _Sent:
        """Return the headers to send.

        Raises:
            SecretError: The secret cannot be read.
            CredentialsError: There is nothing to sign with.
        """
        chosen = dict(destination.headers)
        secret: Mapping[str, str] = {}
        signature: Mapping[str, str] = {}
        own = destination.defaults
        if destination.own:
            # Only the settings' own collector learns who sends.
            secret = self._secret.get()
        if destination.scope:
            signature = self._signer(destination.scope).sign(destination.url, kind, body)
        private = {**chosen, **own, **secret}
        return _Sent(
            headers={"user-agent": USER_AGENT, **own, **chosen, **secret, **kind, **signature},
            secret=secret,
            signature=signature,
            hidden=(*secrets_in(destination.url, private, signature), *self._connections.secrets),
        )

    def _signer(self, scope: Scope) -> Signer:
        """Return what signs with the function's role, and knows by how much the clock is wrong."""
        if scope not in self._signers:
            # Most collectors want no signature, and then what makes one is not imported.
            from otlp_forwarder.output.credentials import RoleCredentials  # noqa: PLC0415
            from otlp_forwarder.output.signing import Signer  # noqa: PLC0415

            role = RoleCredentials(os.environ)
            self._signers.setdefault(scope, Signer(scope, role, forget=role.forget))
        return self._signers[scope]

    def _renew(
        self, destination: Destination, sent: _Sent, response: Response, reason: str
    ) -> Attempt:
        """Retry at once with other headers, if the secret, the role or the clock gives some."""
        try:
            renewed = bool(sent.secret) and self._secret.renew(sent.secret)
            if destination.scope:
                signer = self._signer(destination.scope)
                body = response.body or b""
                renewed = signer.renew(sent.signature, response.date, body) or renewed
        except (SecretError, CredentialsError) as error:
            return Attempt(action=action_after(Failure.UNREADABLE), reason=f"{error}; {reason}")
        action = Action.RETRY if renewed else Action.HOLD
        return Attempt(action=action, reason=reason, status=response.status)


def _refusal(response: Response, hidden: tuple[str, ...]) -> str:
    said = clean(words(response), hidden)
    reason = f"collector refused the request with status {response.status}"
    hint = _HINTS.get(response.meaning) if isinstance(response.meaning, Failure) else None
    return ": ".join(filter(None, [hint, reason, said]))
