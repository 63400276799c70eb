"""Make the client for a destination out of the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otlp_forwarder.output.connections import Connections
from otlp_forwarder.output.delivery import CollectorClient
from otlp_forwarder.output.origins import origin_of
from otlp_forwarder.output.proxy import Proxies
from otlp_forwarder.output.secret import SecretHeaders

if TYPE_CHECKING:
    from otlp_forwarder.settings import ForwarderSettings


def client_of(settings: ForwarderSettings, secret: SecretHeaders | None = None) -> CollectorClient:
    """Return a client with the certificates, proxies and times of the settings.

    Args:
        settings: Where to, and how.
        secret: Headers that nobody may see. Default: those of the settings' secret.
    """
    tls = {}
    if settings.certificate or settings.client_certificate:
        # Few collectors need it, and it takes a while to import.
        from otlp_forwarder.output.tls import Tls  # noqa: PLC0415

        tls[origin_of(settings.traces_url)] = Tls(
            settings.certificate, settings.client_certificate, settings.client_key
        )
    connections = Connections(
        settings.timeout / 1000,
        tls=tls,
        proxies=Proxies(
            https=settings.https_proxy, http=settings.http_proxy, none_for=settings.no_proxy
        ),
    )
    secret = secret or SecretHeaders(settings.headers_secret)
    return CollectorClient(connections, secret, compression=settings.compression)
