"""Look at an app after everything has been applied, and put together the facts for the checks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import Aspects, CfnResource, Stack, Stage, Tag
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite.configuration.variables import ENTRY_POINT, HANDLER
from lambda_otel_lite_cdk.checks.facts import (
    Facts,
    FunctionFacts,
    LayerFacts,
    StageFacts,
)
from lambda_otel_lite_cdk.checks.log_groups import log_groups
from lambda_otel_lite_cdk.functions.eligibility import is_made_by_cdk, python_of, variables_of
from lambda_otel_lite_cdk.functions.outcome import name_of
from lambda_otel_lite_cdk.functions.properties import configurations, with_resources
from lambda_otel_lite_cdk.functions.reasons import Reason
from lambda_otel_lite_cdk.functions.rendered import render
from lambda_otel_lite_cdk.functions.resources import (
    FUNCTION,
    SAM_FUNCTION,
    as_given,
    key,
    of_type,
)
from lambda_otel_lite_cdk.instrumentation.apply import Applied
from lambda_otel_lite_cdk.instrumentation.collect import Site, stacks_in
from lambda_otel_lite_cdk.instrumentation.resolve import Failed, LeftAlone
from lambda_otel_lite_cdk.layer.archive import asset_path, asset_size
from lambda_otel_lite_cdk.layer.opentelemetry import opentelemetry_of_code, opentelemetry_of_layer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from constructs import IConstruct

    from lambda_otel_lite_cdk.instrumentation.requests import Requests
    from lambda_otel_lite_cdk.layer.construct import TelemetryLayer

_OWN = __name__.partition(".")[0]
_OVERRIDES = "an override (add_property_override, add_property_deletion_override, add_override)"
#: Why a function that is written as a resource is not instrumented, by the resource's type.
_REASONS = {FUNCTION: Reason.CFN_FUNCTION, SAM_FUNCTION: Reason.SAM_FUNCTION}


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What is known of an app or stage.

    Args:
        facts: What the checks look at.
        layer_ids: Logical ids of the telemetry layers, and ARNs of those that are published.
        others: The functions that were not seen before, because they are no `Function`.
    """

    facts: tuple[Facts, ...]
    layer_ids: Mapping[TelemetryLayer, str]
    others: tuple[LeftAlone, ...]


def collect_facts(
    stage: Stage, results: Sequence[LeftAlone | Applied | Failed], requests: Requests
) -> Collected:
    """Return what is known of an app or stage, without the stages in it.

    Args:
        stage: The app or stage.
        results: What was done with each function.
        requests: What is asked in it.
    """
    found = stage.node.find_all()[1:]
    stages = [
        StageFacts(
            construct=one,
            path=(path := one.node.path),
            asked=bool(requests.of(path)),
            reached=requests.reaches(path),
        )
        for one in found
        if isinstance(one, Stage)
    ]
    inner = tuple(f"{one.path}/" for one in stages)
    stacks = stacks_in(found, inner)
    applied = [one for one in results if isinstance(one, Applied)]
    layers = _references(applied)
    return Collected(
        facts=(
            *stages,
            *log_groups(stage, found, stacks, inner),
            *_telemetry_layers(applied),
            *_functions(stage, applied, layers),
        ),
        layer_ids={layer: name_of(reference) for layer, reference in layers.items()},
        others=tuple(_others(found, {one.site.path for one in results}, inner, requests)),
    )


def _references(applied: Iterable[Applied]) -> dict[TelemetryLayer, Any]:
    """Return how functions in a template refer to each telemetry layer."""
    stacks = {one.layer: one.site.stack for one in applied}
    return {
        layer: stack.resolve(layer.version.layer_version_arn) for layer, stack in stacks.items()
    }


def _functions(
    stage: Stage, applied: Sequence[Applied], layers: Mapping[TelemetryLayer, Any]
) -> Iterator[FunctionFacts]:
    assets = Path(stage.asset_outdir)
    size = cache(lambda of: asset_size(assets, of))
    versions = cache(lambda of, python: _opentelemetry(assets, of, python))
    templates = render({one.site.stack_path: one.site.stack for one in applied})
    for stack_path, resources in templates.items():
        versioned = {
            key(properties.get("FunctionName"))
            for _, properties in of_type(resources, "AWS::Lambda::Version")
        }
        contents = {
            key({"Ref": logical_id}): properties.get("Content", {}).get("S3Key")
            for logical_id, properties in of_type(resources, "AWS::Lambda::LayerVersion")
        }
        for one in applied:
            site = one.site
            if site.stack_path != stack_path:
                continue
            properties = as_given(resources.get(site.logical_id, {}).get("Properties", {}))
            references = [key(layer) for layer in properties.get("layers") or ()]
            code = properties.get("code", {}).get("s3Key")
            python = python_of(properties)
            # Of two layers that have a file, the later one's is there.
            own = [key(layers[one.layer])]
            others = [contents.get(each) for each in reversed(references) if each not in own]
            yield FunctionFacts(
                construct=site.resource,
                path=site.path,
                properties=properties,
                layer=one.layer,
                mode=one.mode,
                undone=_undone(one, properties, references, key(layers[one.layer])),
                size=_size(size, [code, *(contents.get(each) for each in references)]),
                has_version=key({"Ref": site.logical_id}) in versioned,
                opentelemetry=[versions(code, None), *(versions(one, python) for one in others)],
            )


def _opentelemetry(assets: Path, code: object, python: str | None) -> Mapping[str, str]:
    """Return what a layer holds for a Python version, or what a function's own code holds."""
    asset = asset_path(assets, code)
    if asset is None:
        return {}
    return opentelemetry_of_layer(asset, python) if python else opentelemetry_of_code(asset)


def _size(of: Callable[[object], int], keys: Iterable[object]) -> int:
    # In a nested stack a key may be an expression.
    return sum(of(each) for each in keys if isinstance(each, str))


def _undone(
    applied: Applied, properties: Mapping[str, Any], references: Sequence[str], layer: str
) -> str:
    """Return what of the instrumentation the template does not have, empty if it has all of it."""
    if properties.get("handler") != ENTRY_POINT:
        name = "handler"
    elif not variables_of(properties).get(HANDLER):
        name = "environment"
    elif layer not in references:
        name = "layers"
    else:
        return ""
    if name == "environment":
        # Without the values: they may be secrets.
        return f"Environment has no {HANDLER}, removed by {_OVERRIDES} or by {_writers(applied)}"
    (read,) = configurations(applied.site.stack, [applied.site.resource])
    found, said = properties.get(name), read.get(name)
    if found != said:
        return f"{name.capitalize()} is {found!r}, written by {_OVERRIDES}"
    return f"{name.capitalize()} is {found!r}, written by {_writers(applied)}"


def _writers(applied: Applied) -> str:
    """Return the names of the aspects that come by a function."""
    names = {
        type(aspect).__name__
        for scope in applied.site.resource.node.scopes
        for aspect in Aspects.of(scope).all
        # Tags change no function, and our own would not undo what we have done.
        if not isinstance(aspect, Tag) and not type(aspect).__module__.startswith(_OWN)
    }
    return f"one of the aspects {', '.join(sorted(names))}" if names else "code that ran later"


def _telemetry_layers(applied: Iterable[Applied]) -> Iterator[LayerFacts]:
    stack_paths = {one.layer: one.site.stack_path for one in applied if one.layer.is_deployed}
    for layer, stack_path in stack_paths.items():
        yield LayerFacts(construct=layer.version, path=f"{stack_path}/{layer.name}", layer=layer)


def _others(
    constructs: Sequence[IConstruct], known: set[str], inner: tuple[str, ...], requests: Requests
) -> Iterator[LeftAlone]:
    """Yield the functions that have not been seen, most of which are no `Function`."""
    functions = [
        one
        for one in constructs
        # By name, because importing aws_sam, which has one too, takes long.
        if type(one).__name__ == "CfnFunction" or type(one) is CfnResource
    ]
    if len(functions) == len(known):
        return
    late = {
        resource.node.path
        for function, resource in with_resources(constructs, lambda_.Function, lambda_.CfnFunction)
        if function.to_string() not in known
    }
    for one in functions:
        path = one.node.path
        if path.removesuffix("/Resource") in known or (inner and path.startswith(inner)):
            continue
        if isinstance(one, CfnResource) and one.cfn_resource_type in _REASONS:
            stack = Stack.of(one)
            reason = Reason.MADE_TOO_LATE if path in late else _REASONS[one.cfn_resource_type]
            site = Site(
                path=path.removesuffix("/Resource") if path in late else path,
                resource=one,
                stack=stack,
                stack_path=stack.node.path,
                logical_id=stack.resolve(one.logical_id),
            )
            if is_made_by_cdk(path):
                reason = Reason.MADE_BY_CDK
            why = requests.opted_out(path) or reason.because()
            yield LeftAlone(site=site, why=why)
