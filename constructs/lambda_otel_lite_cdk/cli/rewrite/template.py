"""Instrument the functions of one template."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite_cdk.checks.rules import Severity
from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.rewrite.documents import expression, resources_of
from lambda_otel_lite_cdk.cli.rewrite.findings import AssetOf, Checked, MadeLayer, findings
from lambda_otel_lite_cdk.cli.rewrite.functions import (
    Asked,
    Change,
    planned,
    properties_of,
)
from lambda_otel_lite_cdk.cli.rewrite.subscriptions import Subscriptions
from lambda_otel_lite_cdk.cli.rewrite.versions import renew_versions, versions_of
from lambda_otel_lite_cdk.functions.eligibility import OPT_OUT_TAG
from lambda_otel_lite_cdk.functions.outcome import Outcome, name_of
from lambda_otel_lite_cdk.functions.quotas import MOST_RESOURCES
from lambda_otel_lite_cdk.functions.reasons import Explanation, Reason, Status
from lambda_otel_lite_cdk.functions.resources import FUNCTION, SAM_FUNCTION, is_expression
from lambda_otel_lite_cdk.layer.names import layer_id
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings

_FUNCTIONS = (FUNCTION, SAM_FUNCTION)
#: What makes a resource for each value of a list. Source:
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
_FOR_EACH = "Fn::ForEach::"
#: What was decided for a function before, in code.
_DECIDED = (Status.SKIPPED, Status.WAITING)

#: Makes the telemetry layer for a Python version, and an architecture where it holds the exporter's
#: package.
type MakeLayer = Callable[[str, str | None], MadeLayer]


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is asked for.

    Args:
        settings: The settings of all functions.
        only: Patterns of the functions to instrument, all where there is none.
        skip: Patterns of functions to leave alone, by path or logical id.
        forward_to: ARN of the forwarder or stream that log groups are forwarded to, None for none.
        role: ARN of the role with which CloudWatch Logs writes to a stream, None for a function.
    """

    settings: TelemetrySettings
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    forward_to: str | None = None
    role: str | None = None

    def why_not(self, *names: str) -> Explanation | None:
        """Return why a function of these names is not asked for, None if it is."""
        for pattern in self.skip:
            if any(fnmatchcase(name, pattern) for name in names):
                return Reason.NOT_CHOSEN.because(option=f"--skip {pattern}")
        if self.only and not any(fnmatchcase(name, one) for name in names for one in self.only):
            return Reason.NOT_ASKED.because()
        return None


@dataclass(frozen=True, kw_only=True)
class Instrumented:
    """What became of a template's functions.

    Args:
        outcomes: Each function.
        warnings: What is to be known about them.
    """

    outcomes: tuple[Outcome, ...]
    warnings: tuple[str, ...]


def _nowhere(_: Any) -> Path | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a template is from.

    Args:
        stack: Name of its stack.
        file: Name of its file.
        paths: Construct path of each resource; without one it is called by its logical id.
        known: What became of functions in the synth, by logical id.
        exempt: Why functions are left alone, by logical id, as far as other templates say it.
        tagged_off: Whether its stack has the tag by which all of its functions are left alone.
        asset_of: Finds code.
        built: Whether code is as it will be deployed.
    """

    stack: str
    file: str
    paths: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, Outcome] = field(default_factory=dict)
    exempt: Mapping[str, Explanation] = field(default_factory=dict)
    tagged_off: bool = False
    asset_of: AssetOf = _nowhere
    built: bool = False


def instrument_template(
    body: MutableMapping[str, Any], wanted: Wanted, make_layer: MakeLayer, origin: Origin
) -> Instrumented:
    """Instrument the functions of a template in place; to do it again changes nothing.

    Args:
        body: The template.
        wanted: What is asked for.
        make_layer: Makes a layer.
        origin: Where it is from.

    Raises:
        UsageProblem: AWS would refuse the template.
    """
    work = _Work(body, wanted, make_layer, origin)
    outcomes = [
        work.instrument(logical_id, resource)
        for logical_id, resource in [*_functions(body["Resources"])]
    ]
    work.finish()
    return Instrumented(outcomes=tuple(outcomes), warnings=tuple(work.warnings))


class _Work:
    """The functions of one template, on their way."""

    def __init__(
        self,
        body: MutableMapping[str, Any],
        wanted: Wanted,
        make_layer: MakeLayer,
        origin: Origin,
    ) -> None:
        self._body, self._wanted, self._origin = body, wanted, origin
        self._resources = body["Resources"]
        self._common = expression(body.get("Globals", {})).get("Function", {})
        self._parameters = expression(body.get("Parameters", {}))
        self._settings = wanted.settings.environment()
        self._make_layer = cache(make_layer)
        self._changed: dict[str, Any] = {}
        self._new_layers: set[str] = set()
        self._checked: list[Checked] = []
        self.warnings: list[str] = []

    @cached_property
    def _subscriptions(self) -> Subscriptions | None:
        if self._wanted.forward_to is None:
            return None
        return Subscriptions(self._resources, self._wanted.forward_to, self._wanted.role)

    def instrument(self, logical_id: str, resource: MutableMapping[str, Any]) -> Outcome:
        """Instrument a function, and say what became of it."""
        origin, wanted = self._origin, self._wanted
        path = origin.paths.get(logical_id, logical_id)
        before = origin.known.get(logical_id)
        if before and before.status in _DECIDED and before.code is not Reason.NOT_CHOSEN:
            return before
        outcome = Outcome(
            function=path,
            stack=origin.stack,
            status=Status.INSTRUMENTED,
            template=origin.file,
            logical_id=logical_id,
        )
        if why := origin.exempt.get(logical_id) or wanted.why_not(path, logical_id):
            return outcome.but(why)
        if origin.tagged_off:
            return outcome.but(Reason.TAGGED_OFF.because(tag=OPT_OUT_TAG))
        own = resource.setdefault("Properties", {})
        plain = expression(own)
        properties = properties_of(plain, self._common, self._parameters)
        asked = Asked(
            settings=self._settings,
            code=origin.asset_of(properties.get("Code", properties.get("CodeUri"))),
            published=bool(wanted.settings.layer_arn),
            newer=bool(wanted.settings.newer_python),
        )
        change = planned(properties, plain, asked)
        if isinstance(change, Explanation):
            return outcome.but(change)
        layer, made, is_new = self._layer(change, properties["Layers"])
        _apply(own, plain, change, layer)
        now = properties_of(expression(own), self._common, self._parameters)
        if is_new or now != properties:
            self._changed[logical_id] = [now, made.resource]
        self._checked.append(
            Checked(
                path=path,
                properties=now,
                layer=made,
                mode=self._settings.get(env.PROCESSOR_MODE),
                has_version="AutoPublishAlias" in now
                or any(versions_of(self._resources, logical_id)),
            )
        )
        self._forward(path, logical_id, now)
        return _described(outcome, change, now, layer, made)

    def finish(self) -> None:
        """Publish what has changed, and look at the whole."""
        renew_versions(self._body, self._changed)
        origin = self._origin
        found = findings(
            self._checked, resources_of(self._body), origin.asset_of, built=origin.built
        )
        for one in found:
            if one.check.severity is Severity.ERROR:
                raise UsageProblem(one.message)
            self.warnings.append(one.message)
        count = len(self._resources)
        if self._changed and count > MOST_RESOURCES:
            raise UsageProblem(
                f"{origin.file}: it has {count} resources with the telemetry's; CloudFormation "
                f"takes {MOST_RESOURCES} in a stack. Leave out --forward-to and forward all log "
                f"groups of the account by one policy, or divide the stack"
            )

    def _layer(self, change: Change, present: list[Any]) -> tuple[Any, MadeLayer, bool]:
        """Return how a function refers to the telemetry layer, and the layer, which is added.

        The reference is None if something else has instrumented the function, and given it its
        layer. The last value is whether the template did not have the layer so before.
        """
        settings, resources = self._wanted.settings, self._resources
        if settings.layer_arn:
            return settings.layer_arn, MadeLayer(), False
        package_for = change.architecture if settings.exporter == "package" else None
        logical_id = layer_id(change.python, package_for)
        reference = {"Ref": logical_id}
        if change.handler is None and reference not in present:
            return None, MadeLayer(), False
        made = self._make_layer(change.python, package_for)
        if expression(resources.get(logical_id)) != made.resource:
            resources[logical_id] = made.resource
            self._new_layers.add(logical_id)
        return reference, made, logical_id in self._new_layers

    def _forward(self, path: str, logical_id: str, properties: Mapping[str, Any]) -> None:
        groups = self._subscriptions
        if groups is None:
            return
        if logical_id not in self._resources or is_expression(properties.get("LoggingConfig")):
            self.warnings.append(
                f"{path}: its log group is known at deployment only, and is not forwarded. Write "
                f"it out, or forward all log groups of the account by one policy."
            )
        elif why := groups.forward(logical_id, properties):
            raise UsageProblem(f"{path}: {why}")


def _functions(resources: Mapping[str, Any]) -> Iterator[tuple[str, MutableMapping[str, Any]]]:
    for name, resource in resources.items():
        match resource:
            case [_, _, dict(inner)] if name.startswith(_FOR_EACH):
                yield from _functions(inner)
            case {"Type": kind} if kind in _FUNCTIONS:
                yield name, resource


def _apply(
    own: MutableMapping[str, Any], plain: Mapping[str, Any], change: Change, layer: Any
) -> None:
    if change.handler is not None:
        own["Handler"] = env.ENTRY_POINT
    if change.variables:
        own.setdefault("Environment", {}).setdefault("Variables", {}).update(change.variables)
    if change.handler is not None and layer not in plain.get("Layers", []):
        own.setdefault("Layers", []).append(layer)


def _described(
    outcome: Outcome, change: Change, properties: Mapping[str, Any], layer: Any, made: MadeLayer
) -> Outcome:
    variables = properties["Environment"]["Variables"]
    return replace(
        outcome,
        mode=str(variables.get(env.PROCESSOR_MODE, env.default_text("mode"))),
        service=str(variables.get(env.SERVICE_NAME, "")),
        overridden=change.overridden,
        layer=name_of(layer) if layer else "",
        layer_bytes=made.size,
    )
