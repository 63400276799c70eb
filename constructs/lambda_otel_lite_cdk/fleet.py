"""Instrument the functions of a whole app, whoever makes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jsii
from aws_cdk import Annotations, IPropertyInjector
from aws_cdk import aws_lambda as lambda_
from constructs import IMixin

from lambda_otel_lite_cdk.errors import SettingsError
from lambda_otel_lite_cdk.instrumentation.requests import EntryPoint, Request
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings
from lambda_otel_lite_cdk.synthesis import reach_stages, requests_of

if TYPE_CHECKING:
    from constructs import Construct, IConstruct

    from lambda_otel_lite_cdk.forwarding.subscription import Forwarding

_ALL = 100


class Telemetry:
    """Say what holds for all functions in a scope: an app, a stage, a stack or any construct.

    Make it with `of`.
    """

    def __init__(self, scope: IConstruct) -> None:
        self._scope = scope
        self._path = scope.node.path
        self._requests = requests_of(scope)

    @classmethod
    def of(cls, scope: IConstruct) -> Telemetry:
        """Return the telemetry of a scope.

        Args:
            scope: A construct in an app, or the app itself.
        """
        return cls(scope)

    def instrument(
        self,
        settings: TelemetrySettings | None = None,
        *,
        rollout: float = _ALL,
        unless: Callable[[lambda_.Function], str | None] | None = None,
        forwarding: Forwarding | None = None,
    ) -> None:
        """Instrument every Python function in the scope, those that are made later too.

        Settings of an inner scope win over those of an outer one, and settings of a single function
        win over both. Functions that cannot be instrumented are left alone, as are those that the
        CDK makes for itself; the coverage report says why.

        Args:
            settings: How their telemetry behaves. Default: the runtime's defaults.
            rollout: Percent of the functions to begin with, 0 to 100. Each function has a fixed
                place, so that a higher value only ever adds functions. Of scopes within each
                other, the innermost decides. Default 100.
            unless: Returns why a function is to be left alone, None to instrument it. Default: no
                function is left alone.
            forwarding: Where log records are sent; a function without a log group of its own is
                given one. Default: they stay in the log groups.

        Raises:
            SettingsError: A setting, or the rollout, is out of range.
        """
        where = self._path or "the app"
        settings = settings or TelemetrySettings()
        settings.check(where)
        if not 0 <= rollout <= _ALL:
            raise SettingsError(
                f"{where}: rollout is {rollout!r}; it must be a percentage from 0 to 100. Correct "
                f"it, or leave it out for the default, 100."
            )
        request = Request(
            entry_point=EntryPoint.SCOPE,
            settings=settings,
            forwarding=forwarding,
            rollout=rollout,
            unless=unless or (lambda _: None),
        )
        self._requests.ask(self._path, request)
        reach_stages(self._scope)

    def opt_out(self, reason: str) -> None:
        """Leave all functions in the scope alone, whatever else asks for them.

        The tag ``lambda-otel-lite`` with the value ``off`` does the same.

        Args:
            reason: Why; the coverage report shows it.
        """
        self._requests.opt_out(self._path, reason)

    def acknowledge(self, check: str, reason: str) -> None:
        """Accept what a check finds in the scope.

        Args:
            check: The id in the check's message, such as ``lambda-otel-lite:exec-wrapper``.
            reason: Why; the coverage report shows it.
        """
        self._requests.acknowledge(self._path, check, reason)
        Annotations.of(self._scope).acknowledge_warning(check, reason)


@jsii.implements(IPropertyInjector)
class TelemetryInjector:
    """Instrument every function that is made in a scope from now on.

    For ``property_injectors`` of an app, stage or stack, or ``PropertyInjectors.of(scope).add``.
    If there are several injectors for functions, the CDK uses the nearest alone.

    Args:
        settings: How their telemetry behaves. Default: the runtime's defaults.

    Raises:
        SettingsError: A setting is out of range.
    """

    def __init__(self, settings: TelemetrySettings | None = None) -> None:
        self._settings = settings or TelemetrySettings()
        self._settings.check("TelemetryInjector")

    @property
    def construct_unique_id(self) -> str:
        """What the injector is for: `Function` and what derives from it."""
        return lambda_.Function.PROPERTY_INJECTION_ID

    def inject(
        self,
        original_props: Any,
        *,
        scope: Construct,
        id: str,  # noqa: A002 - the interface's name
    ) -> Any:
        """Note that the function that is about to be made is to be instrumented."""
        # The CDK replaces the separator of paths in ids.
        path = f"{scope.node.path}/{id.replace('/', '--')}"
        request = Request(entry_point=EntryPoint.INJECTOR, settings=self._settings)
        requests_of(scope).ask(path, request)
        return original_props


@jsii.implements(IMixin)
class TelemetryMixin:
    """Instrument the functions that it is applied to: ``function.with_(TelemetryMixin())``.

    Args:
        settings: How their telemetry behaves. Default: the runtime's defaults.

    Raises:
        SettingsError: A setting is out of range.
    """

    def __init__(self, settings: TelemetrySettings | None = None) -> None:
        self._settings = settings or TelemetrySettings()
        self._settings.check("TelemetryMixin")

    def supports(self, construct: IConstruct) -> bool:
        """Tell whether a construct is a function."""
        return isinstance(construct, lambda_.Function)

    def apply_to(self, construct: IConstruct) -> None:
        """Note that a function is to be instrumented."""
        request = Request(entry_point=EntryPoint.MIXIN, settings=self._settings)
        requests_of(construct).ask(construct.node.path, request)
