"""Send requests that come from anywhere but an event, as those of an event are sent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from otlp_forwarder import variables
from otlp_forwarder.counts import Counts
from otlp_forwarder.input.malformed import MalformedError
from otlp_forwarder.input.records import split_request
from otlp_forwarder.output.client import client_of
from otlp_forwarder.output.destination import Router
from otlp_forwarder.output.limits import keep_limits
from otlp_forwarder.output.merge import merge
from otlp_forwarder.output.refusals import Refusals
from otlp_forwarder.output.secret import SHAPE, SecretError, SecretHeaders
from otlp_forwarder.output.sender import send_all
from otlp_forwarder.settings import ForwarderSettings
from otlp_forwarder.values import SettingsError

#: What is taken of an environment that is not a forwarder's own.
_TAKEN = (
    *(
        name
        for variable in (
            *(variables.COMPRESSION, variables.TIMEOUT, variables.CERTIFICATE),
            *(variables.CLIENT_CERTIFICATE, variables.CLIENT_KEY),
        )
        for name in variable.also
    ),
    *(
        name
        for variable in (
            *(variables.HTTPS_PROXY, variables.HTTP_PROXY, variables.NO_PROXY),
            variables.AWS_REGION,
        )
        for name in (variable.name, *variable.also)
    ),
)


@dataclass
class Sent:
    """What became of requests.

    Args:
        counts: Spans that were taken and that were not, requests and so on.
        reasons: Why spans were not taken, with the number of spans.
    """

    counts: Counts = field(default_factory=Counts)
    reasons: Counter[str] = field(default_factory=Counter)


class Sender:
    """Send requests to one destination.

    Args:
        endpoint: URL of an OTLP/HTTP collector, as its page has it.
        headers: Headers as in OTEL_EXPORTER_OTLP_HEADERS; their values are in no reason.
        environ: An environment, whose other variables of OpenTelemetry's exporters hold, and those
            for proxies.

    Attributes:
        url: Where requests go.
        sent: What became of all requests so far.

    Raises:
        SettingsError: A value is not accepted; those of headers are not shown.
    """

    def __init__(self, endpoint: str, headers: str, environ: Mapping[str, str]) -> None:
        taken = {name: environ[name] for name in _TAKEN if name in environ}
        settings = ForwarderSettings.from_environ({**taken, variables.ENDPOINT.name: endpoint})
        secret = SecretHeaders("headers", fetch=lambda _: headers)
        if headers:
            try:
                secret.get()
            except SecretError:
                raise SettingsError("headers", f"must be {SHAPE}") from None
        self.url = settings.traces_url
        self._settings = settings
        self._client = client_of(settings, secret if headers else SecretHeaders(None))
        self._router = Router(settings)
        self._refusals = Refusals(self._client.clock)
        self.sent = Sent()

    def send(self, requests: Iterable[bytes], seconds: float) -> bool:
        """Send requests, merged; tell whether more of them can be sent.

        They cannot where one was not taken that is not refused for its own sake: the collector does
        not work, or does not know who sends.

        Args:
            requests: Serialized ExportTraceServiceRequests.
            seconds: When to give up.
        """
        destination = self._router.destination({})
        counts = self.sent.counts
        parts = []
        for request in requests:
            try:
                parts += [(destination, part) for part in split_request(request, 0)]
            except MalformedError as error:
                counts.malformed[str(error)] += 1
        merged = merge(keep_limits(parts, time.time_ns()), self._router.request_bytes)
        deadline = self._client.clock() + seconds
        undelivered = counts.undelivered
        for outcome in send_all(
            merged, self._client, deadline, self._settings.parallel_requests, self._refusals
        ):
            counts.add(outcome.counts)
            if outcome.note:
                self.sent.reasons[outcome.note] += outcome.counts.rejected
            for each in outcome.undelivered:
                self.sent.reasons[each.reason] += each.request.spans
        return counts.undelivered == undelivered

    def close(self) -> None:
        """Close the connections."""
        self._client.close()
