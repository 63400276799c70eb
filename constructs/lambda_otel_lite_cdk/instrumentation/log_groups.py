"""Find the log group that a function writes to, so that nobody's logs move."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aws_cdk import CfnResource
from aws_cdk import aws_logs as logs

from lambda_otel_lite_cdk.functions.properties import given_of, path_of
from lambda_otel_lite_cdk.functions.rendered import logical_ids
from lambda_otel_lite_cdk.functions.resources import of_type
from lambda_otel_lite_cdk.instrumentation.circles import deployed_before
from lambda_otel_lite_cdk.instrumentation.names import Names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_cdk import Stack
    from constructs import IConstruct

    from lambda_otel_lite_cdk.instrumentation.collect import Found
    from lambda_otel_lite_cdk.instrumentation.resolve import Plan

_GROUP = "AWS::Logs::LogGroup"
#: In a function. CloudFormation shows it, and no user would choose it.
_ID = "LambdaOtelLiteLogs"


@dataclass(frozen=True, kw_only=True)
class LogGroup:
    """The log group of a function.

    Args:
        owner: The construct that stands for it: the log group, or the function.
        name: Its name.
    """

    owner: IConstruct
    name: str


class LogGroups:
    """Find the log groups of the functions of an app or stage.

    Args:
        found: The constructs of the app or stage, and its templates.
    """

    def __init__(self, found: Found) -> None:
        self._found = found
        self._templates = found.templates
        self._owners: dict[str, dict[str, IConstruct]] = {}
        self._before: dict[Stack, set[str]] = {}
        self._names = Names(found.stacks, found.templates)
        #: Where each name of an account and region is a log group's: path of its stack and logical
        #: id.
        self._by_name = {
            self._named(properties["LogGroupName"], path): (path, logical_id)
            for path, resources in found.templates.items()
            for logical_id, properties in of_type(resources, _GROUP)
            if "LogGroupName" in properties
        }
        #: The same of log groups that are not of the app, each as the first function has it.
        self._others: dict[tuple[str, str], LogGroup] = {}

    def of(self, plan: Plan) -> LogGroup:
        """Return the log group that a function has.

        Only if it has none, one is made under the name that Lambda would give it at the first
        invocation, and keeps lines as long as that would: without end. Source:
        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-loggroups.html
        """
        site = plan.site
        written = plan.properties.get("loggingConfig", {}).get("logGroup")
        if written is not None:
            return self._configured(plan, written)
        if site.function.node.try_find_child("LogRetention"):
            return _of_construct(site.function.log_group)
        name = self._names.of_function(site.stack_path, site.logical_id)
        if known := self._by_name.get(self._named(f"/aws/lambda/{name}", site.stack_path)):
            return self._made(*known)
        return _of_construct(_make(plan))

    def is_before(self, plan: Plan, home: Stack) -> bool:
        """Tell whether the stack of a function is deployed before another one."""
        if home not in self._before:
            path = home.node.path
            self._before[home] = deployed_before(path, self._found.stacks, self._templates)
        return plan.site.stack_path in self._before[home]

    def _named(self, name: Any, path: str) -> tuple[str, str]:
        """Return the account and region that a name is in, and the name as a text."""
        return self._found.stacks[path].environment, self._names.text(name, path)

    def _configured(self, plan: Plan, written: Any) -> LogGroup:
        path = plan.site.stack_path
        if isinstance(written, dict) and isinstance(written.get("Ref"), str):
            # One of another stack is still named by its logical id there.
            for other in (path, *self._templates):
                if self._templates[other].get(written["Ref"], {}).get("Type") == _GROUP:
                    return self._made(other, written["Ref"])
        elif known := self._by_name.get(self._named(written, path)):
            return self._made(*known)
        given = given_of(plan.site.resource).get("loggingConfig")
        token = given.get("logGroup") if isinstance(given, dict) else None
        name = token if isinstance(token, str) else written
        group = LogGroup(owner=plan.site.function, name=name)
        # A filter in each stack would send what all of them write once for each.
        return self._others.setdefault(self._named(written, path), group)

    def _made(self, path: str, logical_id: str) -> LogGroup:
        if path not in self._owners:
            self._owners[path] = dict(self._owners_in(path))
        owner = self._owners[path][logical_id]
        if isinstance(owner, CfnResource):
            return LogGroup(owner=owner, name=owner.ref)
        return _of_construct(owner)

    @cached_property
    def _groups(self) -> list[tuple[str, tuple[logs.LogGroup | None, CfnResource]]]:
        """The log groups with their construct paths."""
        return [(path_of(one[1]), one) for one in self._found.log_groups]

    def _owners_in(self, path: str) -> Iterator[tuple[str, IConstruct]]:
        stack, template = self._found.stacks[path], self._templates[path]
        inside = {group: one for group, one in self._groups if group.startswith(f"{path}/")}
        resources = {group: resource for group, (_, resource) in inside.items()}
        for group, logical_id in logical_ids(stack, resources, template).items():
            if logical_id in template:
                owner, resource = inside[group]
                yield logical_id, owner or resource


def _of_construct(group: Any) -> LogGroup:
    return LogGroup(owner=group, name=group.log_group_name)


def _make(plan: Plan) -> logs.LogGroup:
    function = plan.site.function
    group = logs.LogGroup(
        function,
        _ID,
        log_group_name=f"/aws/lambda/{function.function_name}",
        retention=logs.RetentionDays.INFINITE,
    )
    resource = group.node.default_child
    if isinstance(resource, logs.CfnLogGroup):
        # Tags are aspects, which may have been to the function's scopes by now.
        for tag in plan.properties.get("tags", ()):
            resource.tags.set_tag(tag["Key"], tag["Value"])
    return group
