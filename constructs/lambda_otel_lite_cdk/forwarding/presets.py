"""Backends that are known by name; their addresses are a table of `addresses`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambda_otel_lite_cdk.errors import SettingsError
from lambda_otel_lite_cdk.forwarding.addresses import PRESETS
from lambda_otel_lite_cdk.forwarding.backends import Backend

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

    preset = PRESETS["CloudWatch"]

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

    preset = PRESETS["Honeycomb"]


@dataclass(frozen=True, kw_only=True)
class GrafanaCloud(Backend):
    """Grafana Cloud; the site is the stack's zone, such as ``prod-eu-west-2``.

    The secret holds ``Authorization=Basic%20...``, as the page of the stack shows it.
    """

    preset = PRESETS["GrafanaCloud"]


@dataclass(frozen=True, kw_only=True)
class NewRelic(Backend):
    """New Relic; the secret holds ``api-key=LICENSE KEY``."""

    preset = PRESETS["NewRelic"]


@dataclass(frozen=True, kw_only=True)
class Datadog(Backend):
    """Datadog's OTLP intake for traces, which it opens on request.

    The secret holds ``dd-api-key=KEY,dd-otlp-source=NAME``, with the name that Datadog told you.
    """

    preset = PRESETS["Datadog"]


@dataclass(frozen=True, kw_only=True)
class Dash0(Backend):
    """Dash0; the site is the organization's, such as ``eu-west-1.aws``.

    The secret holds ``Authorization=Bearer%20TOKEN``.
    """

    preset = PRESETS["Dash0"]
