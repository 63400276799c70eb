"""Backends as their own pages describe them, each a row of data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambda_otel_lite_cdk.errors import SettingsError
from lambda_otel_lite_cdk.forwarding.backends import Backend, Preset

if TYPE_CHECKING:
    from aws_cdk import Stack

    from otlp_forwarder.values import Variable


@dataclass(frozen=True, kw_only=True)
class CloudWatch(Backend):
    """CloudWatch's own endpoint, reached with the forwarder's role: no collector and no secret.

    Transaction Search must be on for the account and region.

    Args:
        site: The region. Default: that of the stack.
        transaction_search: Switch Transaction Search on, for the whole account and region. Spans
            are then billed as CloudWatch Logs. Default False: it is on already.
        indexing_percentage: Percentage of spans that X-Ray indexes too, if it is switched on here.
            Default 1, which is free.
    """

    preset = Preset(
        url="https://xray.{site}/v1/traces",
        page="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html",
    )

    transaction_search: bool = False
    indexing_percentage: int = 1

    def url(self, stack: Stack, _name: str) -> str:
        """Return the address."""
        return self.preset.url.format(site=f"{self.site or stack.region}.{stack.url_suffix}")

    def values(self, stack: Stack, name: str) -> dict[Variable, str]:
        """Return what the forwarder is told."""
        if self.headers_secret:
            raise SettingsError(
                f"{name}.headers_secret is set, but CloudWatch knows the "
                f"forwarder by its role. Leave it out."
            )
        return super().values(stack, name)


@dataclass(frozen=True, kw_only=True)
class Honeycomb(Backend):
    """Honeycomb; the secret holds ``x-honeycomb-team=KEY``."""

    preset = Preset(
        url="https://{site}",
        sites=("api.honeycomb.io", "api.eu1.honeycomb.io"),
        header="x-honeycomb-team",
        page="https://docs.honeycomb.io/send-data/opentelemetry/",
    )


@dataclass(frozen=True, kw_only=True)
class GrafanaCloud(Backend):
    """Grafana Cloud; the site is the stack's zone, such as ``prod-eu-west-2``.

    The secret holds ``Authorization=Basic%20...``, as the page of the stack shows it.
    """

    preset = Preset(
        url="https://otlp-gateway-{site}.grafana.net/otlp",
        header="Authorization",
        page="https://grafana.com/docs/grafana-cloud/send-data/otlp/send-data-otlp/",
    )


@dataclass(frozen=True, kw_only=True)
class NewRelic(Backend):
    """New Relic; the secret holds ``api-key=LICENSE KEY``."""

    preset = Preset(
        url="https://{site}",
        sites=("otlp.nr-data.net", "otlp.eu01.nr-data.net", "gov-otlp.nr-data.net"),
        header="api-key",
        page="https://docs.newrelic.com/docs/opentelemetry/best-practices/opentelemetry-otlp/",
    )


@dataclass(frozen=True, kw_only=True)
class Datadog(Backend):
    """Datadog's OTLP intake for traces, which it opens on request.

    The secret holds ``dd-api-key=KEY,dd-otlp-source=NAME``, with the name that Datadog told you.
    """

    preset = Preset(
        url="https://otlp.{site}/v1/traces",
        sites=(
            *("datadoghq.com", "datadoghq.eu", "us3.datadoghq.com", "us5.datadoghq.com"),
            *("ap1.datadoghq.com", "ap2.datadoghq.com"),
        ),
        header="dd-api-key",
        headers={"dd-protocol": "otlp"},
        page="https://docs.datadoghq.com/opentelemetry/setup/otlp_ingest/traces/",
    )


@dataclass(frozen=True, kw_only=True)
class Dash0(Backend):
    """Dash0; the site is the organization's, such as ``eu-west-1.aws``.

    The secret holds ``Authorization=Bearer%20TOKEN``.
    """

    preset = Preset(
        url="https://ingress.{site}.dash0.com",
        header="Authorization",
        page="https://www.dash0.com/documentation/dash0/key-concepts/endpoints",
    )
