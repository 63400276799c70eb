"""Make TLS contexts from certificates in files and secrets."""

from __future__ import annotations

import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from otlp_forwarder.output.secret import SecretError, read_secret
from otlp_forwarder.values import is_secret_arn

#: Shortest time between two readings of the certificates, in seconds.
LEAST_SECONDS = 30.0


class Tls:
    """The TLS context for a collector, read when first needed and kept.

    Args:
        certificate: File, or ARN of a secret or parameter, with the authorities' certificates in
            PEM. Default: the usual authorities.
        client_certificate: The same with the certificate that is shown to the collector.
        client_key: The same with its private key. Default: it stands beside the certificate.
        fetch: Returns the text that is kept under an ARN.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        certificate: str | None = None,
        client_certificate: str | None = None,
        client_key: str | None = None,
        *,
        fetch: Callable[[str], str] = read_secret,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._certificate = certificate
        self._client_certificate = client_certificate
        self._client_key = client_key
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._context: ssl.SSLContext | None = None
        self._read_at = 0.0

    def context(self) -> ssl.SSLContext:
        """Return the context.

        Raises:
            SecretError: A certificate or key cannot be read; the text holds nothing of it.
        """
        with self._lock:
            if self._context is None:
                self._read_at = self._clock()
                # It takes a while to read the authorities' certificates.
                self._context = self._make()
            return self._context

    def forget(self) -> None:
        """Read the certificates again for the next connection, after one that failed."""
        with self._lock:
            if self._clock() - self._read_at >= LEAST_SECONDS:
                self._context = None

    def _make(self) -> ssl.SSLContext:
        text = self._read(self._certificate)
        try:
            context = ssl.create_default_context(cadata=text or None)
        except (ssl.SSLError, ValueError) as error:
            raise SecretError(f"{self._certificate} holds no certificates in PEM") from error
        certificate = self._read(self._client_certificate)
        if certificate:
            pem = f"{certificate}\n{self._read(self._client_key)}"
            # The library reads from files only.
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
                file.write(pem)
                file.flush()
                try:
                    context.load_cert_chain(file.name)
                except (ssl.SSLError, ValueError) as error:
                    raise SecretError(
                        f"{self._client_certificate} must hold a certificate in PEM, and a private "
                        f"key of it that is not encrypted must stand beside it or be named"
                    ) from error
        return context

    def _read(self, place: str | None) -> str:
        if not place:
            return ""
        try:
            text = self._fetch(place) if is_secret_arn(place) else Path(place).read_text("ascii")
        except Exception as error:  # noqa: BLE001
            # The kinds of errors are those of boto3, which is not imported here. Their texts name
            # the secret and the role, never the value.
            raise SecretError(f"{place} cannot be read: {error}") from None
        if not text.strip():
            # Nothing would stand for the usual authorities, or for no certificate at all.
            raise SecretError(f"{place} is empty; put the text in PEM there")
        return text
