"""Make Lambda functions that emit traces, or make existing ones emit them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from aws_cdk import Stack
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk.errors import InstrumentationError
from lambda_otel_lite_cdk.functions.edge import is_edge_function
from lambda_otel_lite_cdk.functions.eligibility import why_unsupported
from lambda_otel_lite_cdk.functions.properties import configured
from lambda_otel_lite_cdk.functions.reasons import Reason
from lambda_otel_lite_cdk.instrumentation.requests import EntryPoint, Request
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings
from lambda_otel_lite_cdk.synthesis import requests_of

if TYPE_CHECKING:
    from constructs import Construct

    from lambda_otel_lite_cdk._function_properties import FunctionProperties
    from lambda_otel_lite_cdk.forwarding.subscription import Forwarding


class InstrumentedFunction(lambda_.Function):
    """An `aws_cdk.aws_lambda.Function` that emits traces, with no change to its handler.

    For example::

        InstrumentedFunction(
            stack,
            "Orders",
            runtime=Runtime.PYTHON_3_13,
            handler="app.handler",
            code=Code.from_asset("orders"),
            telemetry=TelemetrySettings(mode="async"),
        )

    Args:
        scope: The construct that it is made in.
        id: Its name there.
        telemetry: How its telemetry behaves. What is not set is as in its fleet, or by the
            runtime's defaults.
        forwarding: Where the log records in its log group are sent, the one that `Function` gives
            it or else the one that Lambda would. Default: they stay there.
        props: Every property of `Function`. Type checkers know those of the oldest aws-cdk-lib
            that is supported. A property that only a newer aws-cdk-lib has is passed on too, but
            its line needs ``# type: ignore[call-arg]``. To do without, hand a plain `Function` to
            `instrument`.

    Raises:
        SettingsError: A setting is out of range.
        InstrumentationError: The function is not one that can be instrumented.
        ForwardingError: Its log group cannot be forwarded as asked.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - named as every construct names it
        *,
        telemetry: TelemetrySettings | None = None,
        forwarding: Forwarding | None = None,
        **props: Unpack[FunctionProperties],
    ) -> None:
        super().__init__(scope, id, **props)
        instrument(self, telemetry, forwarding=forwarding)


def instrument[F: lambda_.Function | lambda_.SingletonFunction](
    function: F,
    settings: TelemetrySettings | None = None,
    *,
    forwarding: Forwarding | None = None,
) -> F:
    """Make a function emit traces, and return it; doing so again changes nothing.

    For example::

        orders = instrument(
            Function(
                stack,
                "Orders",
                runtime=Runtime.PYTHON_3_13,
                handler="app.handler",
                code=Code.from_asset("orders"),
            ),
            TelemetrySettings(mode="async"),
        )

    When the app is synthesized, the function is given the telemetry layer, the settings as
    environment variables and the runtime's handler, which calls the function's own. An environment
    variable that the function has by then is left as it is.

    Args:
        function: A function of this app. A `SingletonFunction` stands for the one function that
            it has in common with its likes in the stack.
        settings: How its telemetry behaves. What is not set is as in its fleet, or by the
            runtime's defaults.
        forwarding: Where its log records are sent. Default: as in its fleet; without one they stay
            in its log group.

    Returns:
        The function that was given.

    Raises:
        SettingsError: A setting is out of range.
        InstrumentationError: The function is imported, an image, or not of a supported Python
            version.
        ForwardingError: Its log group cannot be forwarded as asked.
    """
    settings = settings or TelemetrySettings()
    settings.check(function.node.path)
    if why := _why_not_a_function(function):
        raise InstrumentationError(f"{function.node.path}: {why}")
    itself = _function_of(function)
    path, resource = itself.node.path, itself.node.default_child
    if not isinstance(resource, lambda_.CfnFunction):
        raise InstrumentationError(
            f"{path}: its default child is {type(resource).__name__}; it must be the CfnFunction "
            f"that is instrumented. Leave `node.default_child` as the Function made it."
        )
    properties = configured(resource)
    # Whether newer ones are accepted may depend on the fleet, which is known later.
    if unsupported := why_unsupported(properties, newer=True):
        raise InstrumentationError(f"{path}: {unsupported.text}")
    requests_of(itself).ask(
        path, Request(entry_point=EntryPoint.FUNCTION, settings=settings, forwarding=forwarding)
    )
    return function


def _why_not_a_function(function: lambda_.IFunction) -> str | None:
    """Return why something is not a function of this app, for those who do not check types."""
    if is_edge_function(function):
        return (
            f"it is an EdgeFunction, and {Reason.AT_EDGE.text}. Do not instrument it, or make it a "
            f"Function of a region behind the distribution."
        )
    if isinstance(function, lambda_.Function | lambda_.SingletonFunction):
        return None
    return (
        f"it is {_kind_of(function)}, which cannot be instrumented, because it does not define "
        f"what it runs. Instrument the Function where it is defined."
    )


def _function_of(
    function: lambda_.Function | lambda_.SingletonFunction,
) -> lambda_.Function | lambda_.SingletonFunction:
    """Return the function that a singleton stands for, or the function itself."""
    if isinstance(function, lambda_.SingletonFunction):
        shared = function.permissions_node.path.rpartition("/")[2]
        found = Stack.of(function).node.find_child(shared)
        if isinstance(found, lambda_.Function):
            return found
    return function


def _kind_of(function: lambda_.IFunction) -> str:
    if isinstance(function, lambda_.Alias):
        return "an alias"
    return "a version" if isinstance(function, lambda_.Version) else "an imported function"
