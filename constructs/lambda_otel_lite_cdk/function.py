"""Make Lambda functions that emit traces, and make functions that exist emit them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from lambda_otel_lite_cdk.environment import ENTRY_POINT, HANDLER
from lambda_otel_lite_cdk.interpreters import SUPPORTED_VERSIONS
from lambda_otel_lite_cdk.layer import telemetry_layer
from lambda_otel_lite_cdk.settings import TelemetrySettings

if TYPE_CHECKING:
    from constructs import Construct

    from lambda_otel_lite_cdk.forwarding import Forwarding


class InstrumentationError(ValueError):
    """A function cannot be instrumented; the message names it and says what to do."""


class InstrumentedFunction(lambda_.Function):
    """A `aws_cdk.aws_lambda.Function` that emits traces, with no change to its handler.

    Args:
        scope: The construct that it is made in.
        id: Its name there.
        telemetry: How its telemetry behaves. Default: the runtime's defaults.
        forwarding: Where its record lines are sent. Default: they stay in its log group.
        log_group: Its log group. Default: one of its own, named by CloudFormation.
        log_retention: How long its own log group keeps lines. Default one month. Unlike in
            `Function`, no custom resource is deployed for it.
        props: Every other property of `Function`.

    Raises:
        SettingsError: A setting is out of range.
        InstrumentationError: The function is not one that can be instrumented.
        BundlingError: The telemetry layer could not be staged.
    """

    def __init__(  # noqa: PLR0913 - all but two are by keyword
        self,
        scope: Construct,
        id: str,  # noqa: A002 - named as every construct names it
        *,
        telemetry: TelemetrySettings | None = None,
        forwarding: Forwarding | None = None,
        log_group: logs.ILogGroup | None = None,
        log_retention: logs.RetentionDays = logs.RetentionDays.ONE_MONTH,
        **props: Any,
    ) -> None:
        group = log_group or logs.LogGroup(scope, f"{id}Logs", retention=log_retention)
        super().__init__(scope, id, log_group=group, **props)
        instrument(self, telemetry)
        if forwarding is not None:
            forwarding.subscribe(group)


def instrument(function: lambda_.IFunction, settings: TelemetrySettings | None = None) -> None:
    """Make a function emit traces; doing so again changes nothing.

    The function is given the telemetry layer, the settings as environment variables and the
    runtime's handler, which calls the function's own. An environment variable that the function
    has already is left as it is.

    Args:
        function: A function of this app.
        settings: How its telemetry behaves. Default: the runtime's defaults.

    Raises:
        SettingsError: A setting is out of range.
        InstrumentationError: The function is imported, an image, or not of a supported Python.
        BundlingError: The telemetry layer could not be staged.
    """
    path = function.node.path
    settings = settings or TelemetrySettings()
    settings.check(path)
    if not isinstance(function, lambda_.Function):
        raise InstrumentationError(
            f"{path}: an imported function, an alias or a version cannot be instrumented, because "
            f"this app does not define what it runs. Instrument the Function where it is defined."
        )
    resource = function.node.default_child
    if not isinstance(resource, lambda_.CfnFunction):
        raise InstrumentationError(
            f"{path}: no AWS::Lambda::Function was found in it. Pass the Function itself."
        )
    python = _supported_python(path, resource)
    variables = settings.environment()
    if resource.handler != ENTRY_POINT:
        variables[HANDLER] = str(resource.handler)
    elif HANDLER not in _environment(resource):
        raise InstrumentationError(
            f"{path}: its handler is {ENTRY_POINT!r} and {HANDLER} is not set, so that the "
            f"function's own handler is not known. Pass that one as `handler`."
        )
    _add_environment(function, resource, variables)
    _add_layer(function, resource, telemetry_layer(function, python))
    resource.handler = ENTRY_POINT


def _supported_python(path: str, resource: lambda_.CfnFunction) -> str:
    """Return the minor Python version of a function that can be instrumented."""
    if resource.package_type == "Image":
        raise InstrumentationError(
            f"{path}: a container image takes no layer. Install lambda-otel-lite in the image, set "
            f"its command to {ENTRY_POINT!r} and {HANDLER} to the function's own handler."
        )
    python = str(resource.runtime).removeprefix("python")
    if python not in SUPPORTED_VERSIONS:
        accepted = ", ".join(f"python{version}" for version in SUPPORTED_VERSIONS)
        raise InstrumentationError(
            f"{path}: its runtime is {resource.runtime!r}; accepted are {accepted}. Move the "
            f"function to one of them, or do not instrument it."
        )
    return python


def _add_environment(
    function: lambda_.Function, resource: lambda_.CfnFunction, variables: dict[str, str]
) -> None:
    present = _environment(resource)
    missing = {name: value for name, value in variables.items() if name not in present}
    for name, value in missing.items():
        function.add_environment(name, value)
    if not missing.keys() <= _environment(resource).keys():
        # The app wrote to the resource directly, which hides what is added to the construct.
        resource.environment = lambda_.CfnFunction.EnvironmentProperty(
            variables={**present, **missing}
        )


def _add_layer(
    function: lambda_.Function, resource: lambda_.CfnFunction, layer: lambda_.LayerVersion
) -> None:
    arn = Stack.of(function).resolve(layer.layer_version_arn)
    present = _configured(resource, "layers", [])
    if arn in present:
        return
    function.add_layers(layer)
    if arn not in _configured(resource, "layers", []):
        resource.layers = [*present, layer.layer_version_arn]


def _environment(resource: lambda_.CfnFunction) -> dict[str, Any]:
    variables: dict[str, Any] = _configured(resource, "environment", {}).get("variables", {})
    return variables


def _configured(resource: lambda_.CfnFunction, prop: str, absent: Any) -> Any:
    """Read back a property that the app gave to a function, `absent` where it gave none."""
    # Typed access reads lazy values back as empty (aws/jsii#4153); resolving them does not.
    properties = Stack.of(resource).resolve(resource._cfn_properties)  # noqa: SLF001
    return properties.get(prop, absent)
