"""Third step: give each function its layer, its variables, its handler and its forwarding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aws_cdk import Token
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite.configuration.variables import ENTRY_POINT, HANDLER
from lambda_otel_lite_cdk.errors import BundlingError, ForwardingError
from lambda_otel_lite_cdk.functions.eligibility import (
    architecture_of,
    mode_for,
    python_of,
    variables_of,
)
from lambda_otel_lite_cdk.functions.properties import given_of
from lambda_otel_lite_cdk.functions.quotas import MOST_LAYERS
from lambda_otel_lite_cdk.instrumentation.resolve import Failed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambda_otel_lite_cdk.instrumentation.collect import Candidate
    from lambda_otel_lite_cdk.instrumentation.log_groups import LogGroups
    from lambda_otel_lite_cdk.instrumentation.resolve import Plan
    from lambda_otel_lite_cdk.layer.construct import Layers, TelemetryLayer

#: How the CDK writes a list that is known at synth only: a list of one such text. Asking
#: `Token.is_unresolved` takes a call for each function.
#: Source: https://docs.aws.amazon.com/cdk/v2/guide/tokens.html
_LIST_TOKEN = "#{Token["  # noqa: S105 - no secret


@dataclass(frozen=True, kw_only=True)
class Applied:
    """What a function was given.

    Args:
        site: The function.
        layer: Its telemetry layer.
        variables: Its environment variables.
        overridden: The settings, by variable, for which the function's own value holds.
        conflicts: What is wrong with its settings, one message each.
        mode: The processing mode that was asked for, None where none was.
    """

    site: Candidate
    layer: TelemetryLayer
    variables: Mapping[str, Any]
    overridden: tuple[str, ...]
    conflicts: tuple[str, ...]
    mode: str | None


def apply(plan: Plan, layers: Layers, groups: LogGroups) -> Applied | Failed:
    """Give a function what was planned; what it has already is left as it is.

    Args:
        plan: What it is to be given.
        layers: Makes the telemetry layers of the app.
        groups: Finds the log groups of functions.
    """
    site, path = plan.site, plan.site.path
    conflicts = tuple(f"{path}: {problem}" for problem in plan.settings.conflicts())
    try:
        layer = _layer(plan, layers)
        settings = mode_for(plan.properties, plan.settings.environment())
        overridden = _instrument(plan, settings, layer)
        _forward(plan, groups)
    except (BundlingError, ForwardingError) as error:
        said = str(error)
        said = said if said.startswith(path) else f"{path}: {said}"
        return Failed(site=site, errors=(*conflicts, said))
    return Applied(
        site=site,
        layer=layer,
        variables={**settings, **variables_of(plan.properties)},
        overridden=overridden,
        conflicts=conflicts,
        mode=plan.settings.mode,
    )


def _layer(plan: Plan, layers: Layers) -> TelemetryLayer:
    if plan.settings.layer_arn:
        return layers.published(plan.site.stack, plan.settings.layer_arn)
    properties = plan.properties
    package_for = architecture_of(properties) if plan.settings.exporter == "package" else None
    return layers.deployed(plan.site.stack, python_of(properties), package_for)


def _instrument(plan: Plan, settings: Mapping[str, str], layer: TelemetryLayer) -> tuple[str, ...]:
    """Add handler, variables and layer; return which settings are the function's own."""
    resource, properties = plan.site.resource, plan.properties
    wanted = dict(settings)
    handler = properties.get("handler")
    if handler != ENTRY_POINT:
        wanted[HANDLER] = handler if isinstance(handler, str) else _handed_on(plan, handler)
        resource.add_property_override("Handler", ENTRY_POINT)
    theirs = variables_of(properties)
    missing = {name: value for name, value in wanted.items() if name not in theirs}
    if "environment" not in properties:
        resource.environment = lambda_.CfnFunction.EnvironmentProperty(variables=missing)
    else:
        for name, value in missing.items():
            # Beside what the app gave to the construct, or wrote to the resource or the template.
            resource.add_property_override(f"Environment.Variables.{name}", value)
    _add_layer(plan, layer)
    return tuple(name for name in sorted(wanted) if theirs.get(name, wanted[name]) != wanted[name])


def _handed_on(plan: Plan, handler: object) -> Any:
    """Return a handler that is known at deployment only, as the app gave it."""
    given = plan.site.resource.handler
    return given if plan.site.stack.resolve(given) == handler else handler


def _add_layer(plan: Plan, layer: TelemetryLayer) -> None:
    present = plan.properties.get("layers", [])
    given = given_of(plan.site.resource).get("layers", []) if present else []
    # Over the quota the construct raises an error that does not name the function; the check does.
    if not present or (_is_list_token(given) and len(present) < MOST_LAYERS):
        plan.site.function.add_layers(layer.version)
        return
    if _is_list_token(given):
        given = [one if isinstance(one, str) else Token.as_string(one) for one in present]
    plan.site.resource.layers = [*given, layer.version.layer_version_arn]


def _is_list_token(given: list[Any]) -> bool:
    return bool(given) and str(given[0]).startswith(_LIST_TOKEN)


def _forward(plan: Plan, groups: LogGroups) -> None:
    """Subscribe a function's log group.

    Raises:
        ForwardingError: The log group cannot be forwarded as asked.
    """
    if plan.forwarding is None:
        return
    group = groups.of(plan)
    home = plan.forwarding.destination.home()
    if home is not None and groups.is_before(plan, home):
        raise ForwardingError(
            f"the stack of the forwarder {plan.forwarding.destination.path} depends on that of the "
            f"function, which can then not refer to it. Make the forwarder in a stack of its own, "
            f"or give it a function_name and name it by Forwarding.to_arn(...)."
        )
    plan.forwarding.subscribe_named(group.owner, group.name)
