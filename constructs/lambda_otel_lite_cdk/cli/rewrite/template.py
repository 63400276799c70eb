"""Instrument the functions of one template."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import Any

from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.rewrite.documents import expression
from lambda_otel_lite_cdk.cli.rewrite.functions import (
    Change,
    planned,
    properties_of,
    variables_of,
)
from lambda_otel_lite_cdk.forwarding.pattern import RECORD_PATTERN
from lambda_otel_lite_cdk.functions.eligibility import is_made_by_cdk
from lambda_otel_lite_cdk.functions.outcome import Outcome
from lambda_otel_lite_cdk.functions.quotas import too_large_environment, too_many_layers
from lambda_otel_lite_cdk.functions.reasons import Explanation, Reason, Status
from lambda_otel_lite_cdk.layer.names import layer_id
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings

_FUNCTIONS = ("AWS::Lambda::Function", "AWS::Serverless::Function")

#: Makes the resource of the telemetry layer for a Python version, and an architecture where the
#: layer holds the exporter's package.
type MakeLayer = Callable[[str, str | None], Mapping[str, Any]]


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
                return Reason.LEFT_OUT.because(why=f"--skip {pattern}")
        if self.only and not any(fnmatchcase(name, one) for name in names for one in self.only):
            return Reason.NOT_ASKED.because()
        return None


@dataclass(frozen=True, kw_only=True)
class Instrumented:
    """What became of a template's functions.

    Args:
        outcomes: Each function.
        unforwarded: Those whose log group is not in the template, where it is to be forwarded.
    """

    outcomes: tuple[Outcome, ...]
    unforwarded: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a template is from.

    Args:
        stack: Name of its stack.
        file: Name of its file.
        paths: Construct path of each resource; without one it is called by its logical id.
        known: What became of functions in the synth, by logical id.
    """

    stack: str
    file: str
    paths: Mapping[str, str] = field(default_factory=dict)
    known: Mapping[str, Outcome] = field(default_factory=dict)


def instrument_template(
    body: MutableMapping[str, Any], wanted: Wanted, make_layer: MakeLayer, origin: Origin
) -> Instrumented:
    """Instrument the functions of a template in place; to do it again changes nothing.

    Args:
        body: The template.
        wanted: What is asked for.
        make_layer: Makes the resource of a layer.
        origin: Where it is from.

    Raises:
        UsageProblem: A function would break a limit of Lambda.
    """
    resources = body["Resources"]
    common = expression(body.get("Globals", {})).get("Function", {})
    parameters = expression(body.get("Parameters", {}))
    settings = wanted.settings.environment()
    outcomes, unforwarded = [], []
    for logical_id in _functions(resources):
        path = origin.paths.get(logical_id, logical_id)
        own = resources[logical_id].setdefault("Properties", {})
        plain = expression(own)
        properties = properties_of(plain, common, parameters)
        before = origin.known.get(logical_id)
        if before and before.status is Status.SKIPPED:
            outcomes.append(before)
            continue
        change: Change | Explanation
        if is_made_by_cdk(path):
            change = Reason.MADE_BY_CDK.because()
        else:
            change = wanted.why_not(path, logical_id) or planned(
                properties, plain, settings, newer=bool(wanted.settings.newer_python)
            )
        outcome = Outcome(
            function=path,
            stack=origin.stack,
            status=Status.INSTRUMENTED,
            template=origin.file,
            logical_id=logical_id,
        )
        if isinstance(change, Explanation):
            outcomes.append(outcome.but(change))
            continue
        layer = _layer(resources, wanted.settings, change, properties["Layers"], make_layer)
        _apply(own, plain, change, layer)
        _check(path, expression(own), common, properties["Layers"], layer)
        outcomes.append(_described(outcome, change, properties, layer))
        if wanted.forward_to and not _forward(resources, wanted, logical_id, expression(own)):
            unforwarded.append(path)
    return Instrumented(outcomes=tuple(outcomes), unforwarded=tuple(unforwarded))


def _functions(resources: Mapping[str, Any]) -> list[str]:
    return [
        name
        for name, resource in resources.items()
        if isinstance(resource, dict) and resource.get("Type") in _FUNCTIONS
    ]


def _layer(
    resources: MutableMapping[str, Any],
    settings: TelemetrySettings,
    change: Change,
    present: list[Any],
    make_layer: MakeLayer,
) -> Any:
    """Return how a function refers to the telemetry layer, and add it to the template.

    None if something else has instrumented the function, and given it its layer.
    """
    if settings.layer_arn:
        return settings.layer_arn
    package_for = change.architecture if settings.exporter == "package" else None
    logical_id = layer_id(change.python, package_for)
    reference = {"Ref": logical_id}
    if change.handler is None and reference not in present:
        return None
    made = make_layer(change.python, package_for)
    if resources.get(logical_id) != made:
        resources[logical_id] = made
    return reference


def _apply(
    own: MutableMapping[str, Any], plain: Mapping[str, Any], change: Change, layer: Any
) -> None:
    if change.handler is not None:
        own["Handler"] = env.ENTRY_POINT
    if change.variables:
        own.setdefault("Environment", {}).setdefault("Variables", {}).update(change.variables)
    if change.handler is not None and layer not in plain.get("Layers", []):
        own.setdefault("Layers", []).append(layer)


def _check(
    path: str, own: Mapping[str, Any], common: Mapping[str, Any], before: list[Any], layer: Any
) -> None:
    """Stop at what Lambda would refuse; the messages are those of the constructs' checks."""
    layers = {json.dumps(one, sort_keys=True) for one in [*before, *([layer] if layer else [])]}
    problem = too_many_layers(len(layers), "--skip") or too_large_environment(
        variables_of(common) | variables_of(own)
    )
    if problem:
        raise UsageProblem(f"{path}: {problem}")


def _described(
    outcome: Outcome, change: Change, properties: Mapping[str, Any], layer: Any
) -> Outcome:
    variables = {**change.variables, **properties["Environment"]["Variables"]}
    return replace(
        outcome,
        mode=str(variables.get(env.PROCESSOR_MODE, env.default_text("mode"))),
        service=str(variables.get(env.SERVICE_NAME, "")),
        overridden=change.overridden,
        layer=layer["Ref"] if isinstance(layer, dict) else layer or "",
    )


def _forward(
    resources: MutableMapping[str, Any], wanted: Wanted, logical_id: str, own: Mapping[str, Any]
) -> bool:
    """Subscribe a function's log group if the template has it; return whether it does."""
    group = _log_group(resources, logical_id, own)
    if group is None:
        return False
    name = f"{group}TelemetryFilter"
    properties = {
        "LogGroupName": {"Ref": group},
        "FilterPattern": RECORD_PATTERN,
        "DestinationArn": wanted.forward_to,
        **({"RoleArn": wanted.role} if wanted.role else {}),
    }
    made = {"Type": "AWS::Logs::SubscriptionFilter", "Properties": properties}
    if expression(resources.get(name)) != made:
        resources[name] = made
    return True


def _log_group(resources: Mapping[str, Any], logical_id: str, own: Mapping[str, Any]) -> str | None:
    """Return the logical id of the log group that a function writes to."""
    groups = {
        name: expression(resource).get("Properties", {}).get("LogGroupName")
        for name, resource in resources.items()
        if isinstance(resource, dict) and resource.get("Type") == "AWS::Logs::LogGroup"
    }
    match own.get("LoggingConfig", {}).get("LogGroup"):
        case {"Ref": str(name)} if name in groups:
            return name
        case str(named):
            return next((one for one, given in groups.items() if given == named), None)
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
    usual = tuple(_usual_names(logical_id, own.get("FunctionName")))
    return next((one for one, given in groups.items() if given in usual), None)


def _usual_names(logical_id: str, name: object) -> Iterator[Any]:
    yield {"Fn::Sub": f"/aws/lambda/${{{logical_id}}}"}
    yield {"Fn::Join": ["", ["/aws/lambda/", {"Ref": logical_id}]]}
    if isinstance(name, str):
        yield f"/aws/lambda/{name}"
