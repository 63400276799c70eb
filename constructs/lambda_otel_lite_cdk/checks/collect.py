"""Look at an app after everything has been applied, and put together the facts for the checks."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import CfnResource, Stack, Stage
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from lambda_otel_lite_cdk.checks.facts import (
    Facts,
    FunctionFacts,
    LayerFacts,
    LogGroupFacts,
    StageFacts,
)
from lambda_otel_lite_cdk.forwarding.pattern import RECORD_PATTERN
from lambda_otel_lite_cdk.functions.eligibility import is_made_by_cdk
from lambda_otel_lite_cdk.functions.properties import (
    configurations,
    given_of,
    resolved,
    with_resources,
)
from lambda_otel_lite_cdk.functions.reasons import Reason
from lambda_otel_lite_cdk.instrumentation.apply import Applied, Failed
from lambda_otel_lite_cdk.instrumentation.collect import Site
from lambda_otel_lite_cdk.instrumentation.resolve import LeftAlone
from lambda_otel_lite_cdk.layer.archive import asset_size
from lambda_otel_lite_cdk.settings.settings import DEFAULT_QUOTA, QUOTA_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from constructs import IConstruct

    from lambda_otel_lite_cdk.instrumentation.requests import Requests
    from lambda_otel_lite_cdk.layer.construct import TelemetryLayer

#: What is read of an app besides its functions.
_KINDS = (
    lambda_.CfnVersion | lambda_.CfnLayerVersion | logs.CfnSubscriptionFilter | logs.CfnLogGroup
)
#: A reference as text, and the stack that it is in: logical ids are unique in one stack only.
type _Reference = tuple[Stack, str]


@dataclass(frozen=True, kw_only=True)
class Collected:
    """What is known of an app or stage.

    Args:
        facts: What the checks look at.
        layer_ids: Logical ids of the telemetry layers.
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
    resources = [
        one
        for one in found
        if isinstance(one, _KINDS) and not (inner and one.node.path.startswith(inner))
    ]
    applied = [one for one in results if isinstance(one, Applied)]
    owned = with_resources(found, lambda_.LayerVersion, lambda_.CfnLayerVersion)
    owners = {resource: layer for layer, resource in owned}
    layers = _read_layers(resources if applied else (), owners)
    return Collected(
        facts=(
            *stages,
            *_log_groups(stage, resources),
            *_telemetry_layers(applied),
            *_functions(stage, applied, layers, resources),
        ),
        layer_ids={
            one.layer: json.loads(layers.references[one.layer.version][1])["Ref"]
            for one in applied
            if one.layer.version in layers.references
        },
        others=tuple(_others(found, {one.site.path for one in results}, inner)),
    )


def _functions(
    stage: Stage,
    applied: Iterable[Applied],
    layers: _DeployedLayers,
    resources: Sequence[CfnResource],
) -> Iterator[FunctionFacts]:
    size = _sizes(Path(stage.asset_outdir))
    versioned = {
        _key(stack, properties.get("functionName"))
        for stack, every in _of_kind(lambda_.CfnVersion, resources)
        for _, properties in every
    }
    by_stack: dict[Stack, list[Applied]] = {}
    for one in applied:
        by_stack.setdefault(one.site.stack, []).append(one)
    for stack, of_stack in by_stack.items():
        given = [one.given or given_of(one.site.resource) for one in of_stack]
        for one, configuration in zip(of_stack, resolved(stack, given), strict=True):
            properties = configuration.properties
            references = [_key(stack, layer) for layer in properties.get("layers", [])]
            code = properties.get("code", {}).get("s3Key")
            yield FunctionFacts(
                construct=one.site.resource,
                path=one.site.path,
                properties=properties,
                layer=one.layer,
                has_layer=layers.references.get(one.layer.version) in references,
                size=size(code) + sum(size(layers.assets.get(each)) for each in references),
                has_version="snapStart" in properties
                and _key(stack, stack.resolve(one.site.resource.ref)) in versioned,
            )


@dataclass(frozen=True)
class _DeployedLayers:
    """The layers that an app deploys.

    Args:
        references: How functions refer to a layer, by its construct.
        assets: Object key of a layer's asset, by its reference.
    """

    references: Mapping[object, _Reference]
    assets: Mapping[_Reference, object]


def _read_layers(
    resources: Sequence[CfnResource], owners: Mapping[lambda_.CfnLayerVersion, object]
) -> _DeployedLayers:
    references: dict[object, _Reference] = {}
    assets: dict[_Reference, object] = {}
    for stack, every in _of_kind(lambda_.CfnLayerVersion, resources):
        refs = stack.resolve([one.ref for one, _ in every])
        for (one, properties), ref in zip(every, refs, strict=True):
            reference = _key(stack, ref)
            assets[reference] = properties.get("content", {}).get("s3Key")
            if one in owners:
                references[owners[one]] = reference
    return _DeployedLayers(references, assets)


def _telemetry_layers(applied: Iterable[Applied]) -> Iterator[LayerFacts]:
    stack_paths = {one.layer: one.site.stack_path for one in applied if one.layer.is_deployed}
    for layer, stack_path in stack_paths.items():
        yield LayerFacts(construct=layer.version, path=f"{stack_path}/{layer.name}", layer=layer)


def _log_groups(stage: Stage, resources: Sequence[CfnResource]) -> Iterator[LogGroupFacts]:
    """Yield the log groups whose log records are forwarded."""
    filters: dict[_Reference, list[tuple[CfnResource, Mapping[str, Any]]]] = {}
    for stack, every in _of_kind(logs.CfnSubscriptionFilter, resources):
        for one, properties in every:
            group = _key(stack, properties.get("logGroupName"))
            filters.setdefault(group, []).append((one, properties))
    if not filters:
        return
    quota = int(stage.node.try_get_context(QUOTA_KEY) or DEFAULT_QUOTA)
    groups: dict[_Reference, tuple[CfnResource, Mapping[str, Any]]] = {}
    for stack, of_stack in _of_kind(logs.CfnLogGroup, resources):
        refs = stack.resolve([one.ref for one, _ in of_stack])
        for known, ref in zip(of_stack, refs, strict=True):
            groups[_key(stack, ref)] = known
    for reference, subscriptions in filters.items():
        owner, properties = groups.get(reference, (None, {}))
        for ours in [one for one, given in subscriptions if _is_ours(given)][:1]:
            name = owner.node.path if owner else reference[1]
            yield LogGroupFacts(
                construct=ours,
                path=ours.node.path,
                name=name.removesuffix("/Resource"),
                filters=len(subscriptions),
                quota=quota,
                properties=properties,
            )


def _others(
    constructs: Iterable[IConstruct], known: set[str], inner: tuple[str, ...]
) -> Iterator[LeftAlone]:
    """Yield the functions that are no `Function`, written as resources by the app or the CDK."""
    functions = [
        one
        for one in constructs
        if isinstance(one, lambda_.CfnFunction) or type(one) is CfnResource
    ]
    if len(functions) == len(known):
        return
    for one in functions:
        path = one.node.path
        if path.removesuffix("/Resource") in known or (inner and path.startswith(inner)):
            continue
        if one.cfn_resource_type == "AWS::Lambda::Function":
            stack = Stack.of(one)
            reason = Reason.MADE_BY_CDK if is_made_by_cdk(path) else Reason.CFN_FUNCTION
            site = Site(path=path, resource=one, stack=stack, stack_path=stack.node.path)
            yield LeftAlone(site=site, why=reason.because())


def _of_kind[T: CfnResource](
    kind: type[T], resources: Iterable[CfnResource]
) -> Iterator[tuple[Stack, list[tuple[T, Mapping[str, Any]]]]]:
    """Yield the resources of a kind with their properties, by stack."""
    by_stack: dict[Stack, list[T]] = {}
    for one in resources:
        if isinstance(one, kind):
            by_stack.setdefault(Stack.of(one), []).append(one)
    for stack, found in by_stack.items():
        read = configurations(stack, found)
        yield stack, [(one, each.properties) for one, each in zip(found, read, strict=True)]


def _is_ours(subscription: Mapping[str, Any]) -> bool:
    return bool(subscription.get("filterPattern") == RECORD_PATTERN)


def _key(stack: Stack, reference: object) -> _Reference:
    return stack, json.dumps(reference, sort_keys=True)


def _sizes(folder: Path) -> Callable[[object], int]:
    """Return what tells the size of an asset in a folder, by its key."""
    return cache(lambda key: asset_size(folder, key))
