"""Where a forwarder sends spans, and how: what all backends have in common, and collectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import quote

from aws_cdk import Token

from lambda_otel_lite_cdk.errors import SettingsError
from lambda_otel_lite_cdk.forwarding.addresses import Preset

# The one module of the forwarder that the constructs import.
from otlp_forwarder import variables

if TYPE_CHECKING:
    from aws_cdk import Stack
    from aws_cdk import aws_secretsmanager as secretsmanager
    from aws_cdk import aws_ssm as ssm

    from otlp_forwarder.values import Variable

    # To pyright a `Secret` is not an `ISecret`: some of its parameters have other names.
    type Kept = secretsmanager.ISecret | secretsmanager.Secret | ssm.IParameter


@dataclass(frozen=True, kw_only=True)
class Backend:
    """Where spans go, and how. Choose a subclass.

    Args:
        site: Which of the backend's sites. Default: the first one that its page names.
        headers_secret: Secret or SSM parameter with headers, as JSON object or as
            ``name=value,...``. The forwarder may read it; its value is never in the template.
        headers: Headers that are no secret.
        compression: ``gzip`` or ``none``. Default: gzip, and none where gzip is refused.
        timeout: Longest time of one try in milliseconds, 1 to 300,000. Default 10,000.
    """

    preset: ClassVar[Preset]

    site: str = ""
    headers_secret: Kept | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    compression: str | None = None
    timeout: int | None = None

    def url(self, _stack: Stack, name: str) -> str:
        """Return the address.

        Args:
            _stack: The stack of the forwarder.
            name: What an error calls this: the forwarder's path, and what the app wrote.

        Raises:
            SettingsError: There is no such site.
        """
        preset = self.preset
        site = self.site or next(iter(preset.sites), "")
        if not site:
            raise SettingsError(
                f"{name}.site is missing; give the one that {preset.page} tells you to use."
            )
        if preset.sites and site not in preset.sites and not Token.is_unresolved(site):
            raise SettingsError(
                f"{name}.site is {site!r}; it must be one of "
                f"{', '.join(preset.sites)}, see {preset.page}. Correct it, or give the address "
                f"to OtlpCollector."
            )
        return preset.url.format(site=site)

    def kept(self) -> list[Kept]:
        """Return the secrets and parameters that the forwarder reads."""
        return [self.headers_secret] if self.headers_secret else []

    def values(self, stack: Stack, name: str) -> dict[Variable, str]:
        """Return what the forwarder is told.

        Args:
            stack: The stack of the forwarder.
            name: What an error calls this: the forwarder's path, and what the app wrote.

        Raises:
            SettingsError: Something is missing, or it would be sent unencrypted.
        """
        preset, url = self.preset, self.url(stack, name)
        if preset.header and not self.headers_secret:
            raise SettingsError(
                f"{name}.headers_secret is missing; give a Secret or parameter "
                f"whose text is {preset.header}=..., see {preset.page}."
            )
        if self.headers_secret and url.lower().startswith("http:"):
            raise SettingsError(
                f"{name}.endpoint is http, which would send headers_secret "
                f"unencrypted; it must be https with headers_secret. Use https, or leave "
                f"headers_secret out."
            )
        headers = {**preset.headers, **self.headers}
        return {
            variables.ENDPOINT: url,
            variables.HEADERS_SECRET: arn_of(self.headers_secret),
            variables.HEADERS: ",".join(f"{key}={quote(headers[key])}" for key in sorted(headers)),
            variables.COMPRESSION: self.compression or "",
            variables.TIMEOUT: "" if self.timeout is None else str(self.timeout),
        }


@dataclass(frozen=True, kw_only=True)
class OtlpCollector(Backend):
    """Any OTLP/HTTP collector.

    Args:
        endpoint: Its address as it publishes it: ``http://`` or ``https://``, without credentials;
            ``/v1/traces`` is appended unless it ends so. It may be known at deployment only.
        certificate: Secret, parameter, or path of a file in the forwarder, with the certificates of
            the authorities that vouch for it, in PEM. Default: the usual authorities.
        client_certificate: The same with the certificate that is shown to it (mTLS).
        client_key: The same with its private key. Default: it stands beside the certificate.
    """

    preset = Preset(
        url="{site}",
        page="https://opentelemetry.io/docs/specs/otlp/#otlphttp-request",
    )

    endpoint: str
    certificate: Kept | str | None = None
    client_certificate: Kept | str | None = None
    client_key: Kept | str | None = None

    def url(self, _stack: Stack, name: str) -> str:
        """Return the address."""
        if not self.endpoint:
            raise SettingsError(
                f"{name}.endpoint is ''; give http:// or https:// and a host, for example "
                f"https://collector.example.com:4318."
            )
        return self.endpoint

    def kept(self) -> list[Kept]:
        """Return the secrets and parameters that the forwarder reads."""
        pem = (self.certificate, self.client_certificate, self.client_key)
        return super().kept() + [each for each in pem if each and not isinstance(each, str)]

    def values(self, stack: Stack, name: str) -> dict[Variable, str]:
        """Return what the forwarder is told."""
        return super().values(stack, name) | {
            variables.CERTIFICATE: arn_of(self.certificate),
            variables.CLIENT_CERTIFICATE: arn_of(self.client_certificate),
            variables.CLIENT_KEY: arn_of(self.client_key),
        }


def arn_of(kept: Kept | str | None) -> str:
    """Return the ARN of a secret or parameter; a text stays as it is."""
    if kept is None or isinstance(kept, str):
        return kept or ""
    return kept.secret_arn if hasattr(kept, "secret_arn") else kept.parameter_arn


def checked(name: str, values: Mapping[Variable, str]) -> dict[str, str]:
    """Return environment variables, as the forwarder accepts them.

    Args:
        name: What an error calls what has the values.
        values: Each variable's text; empty: it is not set.

    Raises:
        SettingsError: The forwarder would refuse a value.
    """
    for variable, text in values.items():
        if Token.is_unresolved(text):
            continue
        try:
            variable.parse(text)
        except ValueError as error:
            problem = getattr(error, "problem", error)
            raise SettingsError(f"{name}.{variable.field} {problem}.") from None
    return {variable.name: text for variable, text in values.items() if text}
