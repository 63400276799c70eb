"""Give a function its layer, its variables and its handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Token
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from lambda_otel_lite.configuration.variables import ENTRY_POINT, HANDLER
from lambda_otel_lite_cdk.checks.rules import MOST_LAYERS
from lambda_otel_lite_cdk.functions.eligibility import variables_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lambda_otel_lite_cdk.forwarding.subscription import Forwarding
    from lambda_otel_lite_cdk.functions.properties import Configuration

#: How the CDK writes a list that is known at synth only: a list of one such text. Asking
#: `Token.is_unresolved` takes a call for each function.
#: Source: AWS CDK developer guide, "Tokens and the AWS CDK".
_LIST_TOKEN = "#{Token["  # noqa: S105 - no secret


def is_held(given: Mapping[str, Any], properties: Mapping[str, Any]) -> bool:
    """Tell whether the construct holds a function's variables and layers.

    Then what is added goes to the construct, and the tokens that were read before tell of it.
    Otherwise the app wrote to the resource directly, which hides what is added to the construct.
    """
    held = _are_layers_held(given, properties.get("layers", []))
    return held and not isinstance(given.get("environment", {}), dict)


def apply(
    function: lambda_.Function,
    resource: lambda_.CfnFunction,
    configuration: Configuration,
    variables: Mapping[str, str],
    layer: lambda_.ILayerVersion,
) -> tuple[str, ...]:
    """Make a function emit traces; what it has already is left as it is.

    Args:
        function: The function.
        resource: Its CloudFormation resource.
        configuration: What it has already.
        variables: The settings, as variables.
        layer: The telemetry layer.

    Returns:
        The variables that the function had already, with another value.
    """
    given, properties = configuration.given, configuration.properties
    wanted = dict(variables)
    if properties.get("handler") != ENTRY_POINT:
        wanted[HANDLER] = given["handler"]
        resource.handler = ENTRY_POINT
    theirs = variables_of(properties)
    missing = {name: value for name, value in wanted.items() if name not in theirs}
    _add_environment(function, resource, given.get("environment"), missing)
    _add_layer(function, resource, given, properties.get("layers", []), layer)
    return tuple(name for name in sorted(wanted) if theirs.get(name, wanted[name]) != wanted[name])


def _add_environment(
    function: lambda_.Function, resource: lambda_.CfnFunction, given: Any, missing: dict[str, str]
) -> None:
    if isinstance(given, dict):
        # The app wrote to the resource directly, which hides what is added to the construct.
        resource.environment = lambda_.CfnFunction.EnvironmentProperty(
            variables={**given.get("variables", {}), **missing}
        )
        return
    for name, value in missing.items():
        function.add_environment(name, value)


def _add_layer(
    function: lambda_.Function,
    resource: lambda_.CfnFunction,
    given: Mapping[str, Any],
    present: list[Any],
    layer: lambda_.ILayerVersion,
) -> None:
    if _are_layers_held(given, present):
        function.add_layers(layer)
    else:
        # Over the quota too, where the construct raises an error that does not say for which
        # function: the check does.
        theirs = [one if isinstance(one, str) else Token.as_string(one) for one in present]
        resource.layers = [*theirs, layer.layer_version_arn]


def _are_layers_held(given: Mapping[str, Any], present: list[Any]) -> bool:
    first: str = next(iter(given.get("layers", [])), "")
    return first.startswith(_LIST_TOKEN) and len(present) < MOST_LAYERS


def forward(
    function: lambda_.Function,
    resource: lambda_.CfnFunction,
    properties: Mapping[str, Any],
    forwarding: Forwarding,
) -> None:
    """Subscribe a function's log group, giving it one where it has none of its own.

    Without one, Lambda makes the group at the first invocation: until then there is nothing that
    could be subscribed.

    Raises:
        ForwardingError: The log group cannot be forwarded as asked.
    """
    logging = properties.get("loggingConfig", {})
    if "logGroup" in logging or function.node.try_find_child("LogRetention"):
        forwarding.subscribe(function.log_group)
        return
    group = logs.LogGroup(function, "TelemetryLogs", retention=logs.RetentionDays.ONE_MONTH)
    resource.logging_config = lambda_.CfnFunction.LoggingConfigProperty(
        log_group=group.log_group_name,
        log_format=logging.get("logFormat"),
        application_log_level=logging.get("applicationLogLevel"),
        system_log_level=logging.get("systemLogLevel"),
    )
    forwarding.subscribe(group)
