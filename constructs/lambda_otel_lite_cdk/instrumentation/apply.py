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
        settings = mode_for(plan.configuration.properties, plan.settings.environment())
        overridden = _instrument(plan, settings, layer)
        _forward(plan, groups)
    except (BundlingError, ForwardingError) as error:
        said = str(error)
        said = said if said.startswith(path) else f"{path}: {said}"
        return Failed(site=site, errors=(*conflicts, said))
    return Applied(
        site=site,
        layer=layer,
        variables={**settings, **variables_of(plan.configuration.properties)},
        overridden=overridden,
        conflicts=conflicts,
        mode=plan.settings.mode,
    )


def _layer(plan: Plan, layers: Layers) -> TelemetryLayer:
    if plan.settings.layer_arn:
        return layers.published(plan.site.stack, plan.settings.layer_arn)
    properties = plan.configuration.properties
    package_for = architecture_of(properties) if plan.settings.exporter == "package" else None
    return layers.deployed(plan.site.stack, python_of(properties), package_for)


def _instrument(plan: Plan, settings: Mapping[str, str], layer: TelemetryLayer) -> tuple[str, ...]:
    """Add handler, variables and layer; return which settings are the function's own."""
    given, properties = plan.configuration.given, plan.configuration.properties
    wanted = dict(settings)
    handler = properties.get("handler")
    if handler != ENTRY_POINT:
        # A handler that is known at deployment only is handed on as the app gave it.
        wanted[HANDLER] = handler if isinstance(handler, str) else given["handler"]
        plan.site.resource.handler = ENTRY_POINT
        if _is_overridden(given.get("handler"), handler):
            plan.site.resource.add_property_override("Handler", ENTRY_POINT)
    theirs = variables_of(properties)
    missing = {name: value for name, value in wanted.items() if name not in theirs}
    _add_environment(plan.site, given.get("environment"), missing)
    _add_layer(plan, layer)
    return tuple(name for name in sorted(wanted) if theirs.get(name, wanted[name]) != wanted[name])


def _add_environment(site: Candidate, given: Any, missing: Mapping[str, str]) -> None:
    if isinstance(given, dict):
        # The app wrote to the resource itself, which hides what is added to the construct.
        site.resource.environment = lambda_.CfnFunction.EnvironmentProperty(
            variables={**given.get("variables", {}), **missing}
        )
        return
    for name, value in missing.items():
        site.function.add_environment(name, value)


def _add_layer(plan: Plan, layer: TelemetryLayer) -> None:
    if _are_layers_held(plan):
        plan.site.function.add_layers(layer.version)
    else:
        plan.site.resource.layers = [*_layers_of(plan), layer.version.layer_version_arn]


def _layers_of(plan: Plan) -> list[Any]:
    given = plan.configuration.given.get("layers", [])
    if not _is_list_token(given):
        return list(given)
    present = plan.configuration.properties.get("layers", [])
    return [one if isinstance(one, str) else Token.as_string(one) for one in present]


def _is_overridden(given: object, rendered: object) -> bool:
    """Tell whether the template has another text than the one that the app gave."""
    is_token = isinstance(given, str) and "${Token[" in given
    return isinstance(rendered, str) and not is_token and given != rendered


def _are_layers_held(plan: Plan) -> bool:
    """Tell whether the construct holds a function's layers, and takes one more.

    Over the quota the construct raises an error that does not name the function; the check does.
    """
    given = plan.configuration.given.get("layers", [])
    present = plan.configuration.properties.get("layers", [])
    return _is_list_token(given) and len(present) < MOST_LAYERS


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
