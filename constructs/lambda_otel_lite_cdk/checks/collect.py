"""Look at a settled app and hand what is known of it to the checks."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import CfnResource, Stack, Stage
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from lambda_otel_lite_cdk.checks.rules import ERROR, Facts, Finding, check_function, unzipped_size
from lambda_otel_lite_cdk.forwarding.subscription import RECORD_PATTERN
from lambda_otel_lite_cdk.functions.outcome import INSTRUMENTED
from lambda_otel_lite_cdk.functions.properties import configurations, given_of, resolved
from lambda_otel_lite_cdk.instrumentation.resolver import Registry, found_registry
from lambda_otel_lite_cdk.settings.settings import DEFAULT_QUOTA, QUOTA_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Inspection:
    """Find what is wrong in an app or stage.

    Args:
        registry: Its registry, after everything has been settled.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._stage = registry.stage
        found = list(self._stage.node.find_all())[1:]
        self._functions = [
            one for one in found if isinstance(one, lambda_.CfnFunction) or type(one) is CfnResource
        ]
        self._stages = [one for one in found if isinstance(one, Stage)]
        inner = tuple(f"{one.node.path}/" for one in self._stages)
        self._inner = inner
        self._resources: list[CfnResource] = [
            one
            for one in found
            if isinstance(
                one,
                lambda_.CfnVersion
                | lambda_.CfnLayerVersion
                | logs.CfnSubscriptionFilter
                | logs.CfnLogGroup,
            )
            and not (inner and one.node.path.startswith(inner))
        ]
        self._sizes: dict[object, int] = {}

    def findings(self) -> Iterator[Finding]:
        """Yield everything that is wrong."""
        yield from self._unreached_stages()
        yield from self._log_groups()
        for facts in self._facts():
            yield from check_function(facts)

    def unsettled(self) -> Iterator[tuple[str, CfnResource]]:
        """Yield the functions, with their paths, that are no `Function` of the constructs."""
        known = self._registry.resources
        if len(self._functions) == len(known):
            return
        for one in self._functions:
            path = one.node.path
            if path.removesuffix("/Resource") in known or path.startswith(self._inner or "//"):
                continue
            if one.cfn_resource_type == "AWS::Lambda::Function":
                yield path, one

    def _facts(self) -> Iterator[Facts]:
        versioned = {
            _key(stack, properties.get("functionName"))
            for stack, _, properties in self._of_type(lambda_.CfnVersion)
        }
        for path, (resource, stack, properties) in self._instrumented():
            outcome = self._registry.outcomes[path]
            layers = [self._layer_size(stack, one) for one in properties.get("layers", [])]
            code = properties.get("code", {}).get("s3Key")
            yield Facts(
                construct=resource,
                path=path,
                properties=properties,
                layer_is_published=outcome.layer.startswith("arn:"),
                size=self._size(code) + sum(layers),
                has_version="snapStart" in properties
                and _key(stack, stack.resolve(resource.ref)) in versioned,
            )

    def _instrumented(self) -> Iterator[tuple[str, tuple[CfnResource, Stack, Mapping[str, Any]]]]:
        by_stack: dict[Stack, dict[str, CfnResource]] = {}
        for path, outcome in self._registry.outcomes.items():
            if outcome.status == INSTRUMENTED:
                resource, stack = self._registry.resources[path]
                by_stack.setdefault(stack, {})[path] = resource
        for stack, resources in by_stack.items():
            unchanged = self._registry.unchanged
            given = [unchanged.get(path) or given_of(one) for path, one in resources.items()]
            for (path, one), found in zip(resources.items(), resolved(stack, given), strict=True):
                yield path, (one, stack, found.properties)

    def _layer_size(self, stack: Stack, reference: object) -> int:
        return self._size(self._layer_keys.get(_key(stack, reference)))

    @cached_property
    def _layer_keys(self) -> dict[tuple[Stack, str], object]:
        return {
            _key(stack, stack.resolve(layer.ref)): properties.get("content", {}).get("s3Key")
            for stack, layer, properties in self._of_type(lambda_.CfnLayerVersion)
        }

    def _size(self, key: object) -> int:
        if not isinstance(key, str):
            return 0
        if key not in self._sizes:
            self._sizes[key] = unzipped_size(Path(self._stage.asset_outdir), key)
        return self._sizes[key]

    def _log_groups(self) -> Iterator[Finding]:
        """Check the log groups whose log records are forwarded."""
        if not (subscriptions := list(self._of_type(logs.CfnSubscriptionFilter))):
            return
        quota = int(self._stage.node.try_get_context(QUOTA_KEY) or DEFAULT_QUOTA)
        groups = {
            _key(stack, stack.resolve(group.ref)): (group.node.path, properties)
            for stack, group, properties in self._of_type(logs.CfnLogGroup)
        }
        filters: dict[tuple[Stack, str], list[tuple[CfnResource, Mapping[str, Any]]]] = {}
        for stack, one, properties in subscriptions:
            group = _key(stack, properties.get("logGroupName"))
            filters.setdefault(group, []).append((one, properties))
        for group, all_of_it in filters.items():
            for ours in [one for one, given in all_of_it if _is_ours(given)][:1]:
                path = ours.node.path
                owner, given = groups.get(group, (group[1], {}))
                named = f"the log group {owner.removesuffix('/Resource')}"
                if len(all_of_it) > quota:
                    yield Finding(
                        check="lambda-otel-lite:subscription-quota",
                        severity=ERROR,
                        construct=ours,
                        path=path,
                        message=(
                            f"{named} has {len(all_of_it)} subscription filters with it; "
                            f"CloudWatch Logs takes {quota}. Remove one, forward with "
                            f"account_level, or set the context {QUOTA_KEY} where your account "
                            f"takes more."
                        ),
                    )
                if given.get("logGroupClass") == "INFREQUENT_ACCESS":
                    yield Finding(
                        check="lambda-otel-lite:infrequent-access",
                        severity=ERROR,
                        construct=ours,
                        path=path,
                        message=(
                            f"{named} is of the class INFREQUENT_ACCESS, which takes no "
                            f"subscription filter. Make it a log group of the class STANDARD."
                        ),
                    )

    def _unreached_stages(self) -> Iterator[Finding]:
        """Find stages that were made after their app was instrumented: aspects end at stages."""
        for stage in self._stages:
            path = stage.node.path
            if found_registry(stage) is None and self._registry.requests.of(path):
                yield Finding(
                    check="lambda-otel-lite:stage-not-reached",
                    severity=ERROR,
                    construct=stage,
                    path=path,
                    message=(
                        "the stage was made after Telemetry.of(…).instrument(…) of what it is in, "
                        "and its functions are not instrumented. Call that after the stage is "
                        "made, or Telemetry.of(stage).instrument(…) for the stage itself."
                    ),
                )

    def _of_type[T: CfnResource](
        self, kind: type[T]
    ) -> Iterator[tuple[Stack, T, Mapping[str, Any]]]:
        by_stack: dict[Stack, list[T]] = {}
        for one in self._resources:
            if isinstance(one, kind):
                by_stack.setdefault(Stack.of(one), []).append(one)
        for stack, found in by_stack.items():
            for one, configuration in zip(found, configurations(stack, found), strict=True):
                yield stack, one, configuration.properties


def _is_ours(subscription: Mapping[str, Any]) -> bool:
    return bool(subscription.get("filterPattern") == RECORD_PATTERN)


def _key(stack: Stack, reference: object) -> tuple[Stack, str]:
    """Tell references of different stacks apart: logical ids are unique in a stack only."""
    return stack, json.dumps(reference, sort_keys=True)
