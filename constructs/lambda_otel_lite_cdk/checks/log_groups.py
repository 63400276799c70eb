"""Put together what is known of the log groups whose log records are forwarded.

A fleet has as many of them as functions, so that few calls are made for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import CfnResource
from aws_cdk import aws_logs as logs

from lambda_otel_lite_cdk.checks.facts import LogGroupFacts
from lambda_otel_lite_cdk.forwarding.pattern import RECORD_PATTERN
from lambda_otel_lite_cdk.functions.properties import configurations, path_of
from lambda_otel_lite_cdk.functions.resources import key
from lambda_otel_lite_cdk.instrumentation.collect import stack_of
from lambda_otel_lite_cdk.settings.settings import DEFAULT_QUOTA, QUOTA_KEY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from aws_cdk import Stack, Stage
    from constructs import IConstruct

#: The path of a stack and a reference as text: logical ids are unique in one stack only.
type _Reference = tuple[str, str]
type _Resource = tuple[str, CfnResource, Mapping[str, Any]]


def log_groups(
    stage: Stage,
    constructs: Sequence[IConstruct],
    stacks: Mapping[str, Stack],
    inner: tuple[str, ...],
) -> Iterator[LogGroupFacts]:
    """Yield the log groups whose log records are forwarded.

    Args:
        stage: The app or stage.
        constructs: What is in it.
        stacks: Its stacks by their construct paths.
        inner: How the paths begin of what is in the stages in it.
    """
    filters: dict[_Reference, list[_Resource]] = {}
    for stack, found in _of_kind(logs.CfnSubscriptionFilter, constructs, stacks, inner):
        for one in found:
            filters.setdefault((stack, key(one[2].get("logGroupName"))), []).append(one)
    if not filters:
        return
    quota = int(stage.node.try_get_context(QUOTA_KEY) or DEFAULT_QUOTA)
    groups: dict[_Reference, _Resource] = {}
    for stack, found in _of_kind(logs.CfnLogGroup, constructs, stacks, inner):
        refs = stacks[stack].resolve([one.ref for _, one, _ in found])
        groups |= {(stack, key(ref)): one for one, ref in zip(found, refs, strict=True)}
    for reference, subscriptions in filters.items():
        name, _, properties = groups.get(reference, (reference[1], None, {}))
        for path, ours, _ in [one for one in subscriptions if _is_ours(one)][:1]:
            yield LogGroupFacts(
                construct=ours,
                path=path,
                name=name.removesuffix("/Resource"),
                filters=len(subscriptions),
                quota=quota,
                properties=properties,
            )


def _of_kind(
    kind: type[CfnResource],
    constructs: Iterable[IConstruct],
    stacks: Mapping[str, Stack],
    inner: tuple[str, ...],
) -> Iterator[tuple[str, list[_Resource]]]:
    """Yield the resources of a kind by their stack, with their paths and properties."""
    by_stack: dict[str, list[tuple[str, CfnResource]]] = {}
    for one in constructs:
        if isinstance(one, kind) and not (path := path_of(one)).startswith(inner):
            by_stack.setdefault(stack_of(path, stacks), []).append((path, one))
    for stack, found in by_stack.items():
        read = configurations(stacks[stack], [one for _, one in found])
        yield stack, [(*one, of) for one, of in zip(found, read, strict=True)]


def _is_ours(subscription: _Resource) -> bool:
    return bool(subscription[2].get("filterPattern") == RECORD_PATTERN)
