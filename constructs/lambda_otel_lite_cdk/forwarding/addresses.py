"""The addresses of backends as their own pages describe them: a table that needs no CDK."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What a backend's own page says.

    Args:
        url: Its address; ``{site}`` stands for the site.
        sites: The sites that the page names, the default first; empty: any, and one must be given.
        header: The header that the secret has to hold; empty: no secret is needed.
        headers: Headers that are no secret.
        page: The page.
    """

    url: str
    page: str
    sites: tuple[str, ...] = ()
    header: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


#: By the name of the construct's class.
PRESETS: Mapping[str, Preset] = {
    "CloudWatch": Preset(
        url="https://xray.{site}/v1/traces",
        page="https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html",
    ),
    "Honeycomb": Preset(
        url="https://{site}",
        sites=("api.honeycomb.io", "api.eu1.honeycomb.io"),
        header="x-honeycomb-team",
        page="https://docs.honeycomb.io/send-data/opentelemetry/",
    ),
    "GrafanaCloud": Preset(
        url="https://otlp-gateway-{site}.grafana.net/otlp",
        header="Authorization",
        page="https://grafana.com/docs/grafana-cloud/send-data/otlp/send-data-otlp/",
    ),
    "NewRelic": Preset(
        url="https://{site}",
        sites=("otlp.nr-data.net", "otlp.eu01.nr-data.net", "gov-otlp.nr-data.net"),
        header="api-key",
        page="https://docs.newrelic.com/docs/opentelemetry/best-practices/opentelemetry-otlp/",
    ),
    "Datadog": Preset(
        url="https://otlp.{site}/v1/traces",
        sites=(
            *("datadoghq.com", "datadoghq.eu", "us3.datadoghq.com", "us5.datadoghq.com"),
            *("ap1.datadoghq.com", "ap2.datadoghq.com"),
        ),
        header="dd-api-key",
        headers={"dd-protocol": "otlp"},
        page="https://docs.datadoghq.com/opentelemetry/setup/otlp_ingest/traces/",
    ),
    "Dash0": Preset(
        url="https://ingress.{site}.dash0.com",
        header="Authorization",
        page="https://www.dash0.com/documentation/dash0/key-concepts/endpoints",
    ),
}
