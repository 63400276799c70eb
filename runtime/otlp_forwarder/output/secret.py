"""Read the headers of requests from Secrets Manager or SSM, and only from there."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from otlp_forwarder.aws import client
from otlp_forwarder.headers import decoded_headers, header_pairs
from otlp_forwarder.variables import HEADERS_SECRET

#: Shortest time between two readings in seconds, however often the collector refuses the headers.
LEAST_SECONDS = 30.0

SHAPE = (
    'a JSON object like {"api-key": "..."}, or text like api-key=...,x-team=..., percent-encoded, '
    "with printable ASCII values and without headers that describe the request itself"
)


class SecretError(Exception):
    """The headers could not be read; the text holds nothing of the secret."""


class SecretHeaders:
    """The headers that a secret holds, read when first needed and kept.

    Args:
        arn: ARN of a Secrets Manager secret or of an SSM parameter; None: there are no headers.
        fetch: Returns the text that is kept under an ARN.
        clock: Seconds of a clock that never goes back.
    """

    def __init__(
        self,
        arn: str | None,
        *,
        fetch: Callable[[str], str] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._arn = arn
        self._fetch = fetch or read_secret
        self._clock = clock
        self._lock = threading.Lock()
        self._headers: Mapping[str, str] | None = {} if arn is None else None
        self._read_at = 0.0

    def get(self) -> Mapping[str, str]:
        """Return the headers.

        Raises:
            SecretError: The secret cannot be read or holds no headers.
        """
        with self._lock:
            return self._read() if self._headers is None else self._headers

    def renew(self, refused: Mapping[str, str]) -> bool:
        """Read the secret again after the collector refused its headers.

        Args:
            refused: The headers that were refused; another thread may have read newer ones.

        Returns:
            Whether there are other headers now.

        Raises:
            SecretError: The secret cannot be read or holds no headers.
        """
        with self._lock:
            stale = self._headers == refused
            if self._arn is not None and stale and self._clock() - self._read_at >= LEAST_SECONDS:
                self._read()
            return self._headers != refused

    def _read(self) -> Mapping[str, str]:
        arn = self._arn or ""
        self._read_at = self._clock()
        try:
            text = self._fetch(arn)
        except Exception as error:  # noqa: BLE001
            # The kinds of errors are those of boto3, which is not imported here. Their texts name
            # the secret and the role, never the value.
            raise SecretError(f"{HEADERS_SECRET.name} cannot be read: {error}") from None
        self._headers = parse_headers(text)
        return self._headers


def parse_headers(text: str) -> dict[str, str]:
    """Return the headers that a secret's text holds.

    Args:
        text: A JSON object of names and values, or ``name=value,name2=value2`` as in
            OTEL_EXPORTER_OTLP_HEADERS
            (https://opentelemetry.io/docs/specs/otel/protocol/exporter/#specifying-headers-via-environment-variables).
            Both are percent-decoded, as vendors publish them: ``Authorization=Basic%20...``.

    Raises:
        SecretError: It holds something else, which is not shown.
    """
    headers: Any
    try:
        headers = json.loads(text)
    except (ValueError, RecursionError):
        headers = header_pairs(text)
    decoded = decoded_headers(headers) if isinstance(headers, dict) else None
    if decoded is None:
        raise SecretError(f"the secret of {HEADERS_SECRET.name} must be {SHAPE}")
    return decoded


def read_secret(arn: str) -> str:
    """Return the text of a Secrets Manager secret or of an SSM parameter."""
    _, _, service, region, _ = arn.split(":", 4)
    if service == "ssm":
        ssm = client("ssm", region)
        # By its ARN: the ARN does not tell whether the name has a leading slash.
        found = ssm.get_parameter(Name=arn, WithDecryption=True)
        return str(found["Parameter"]["Value"])
    secrets = client("secretsmanager", region)
    return str(secrets.get_secret_value(SecretId=arn)["SecretString"])
