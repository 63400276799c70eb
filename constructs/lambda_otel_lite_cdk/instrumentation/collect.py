"""First step: find the functions of an app, and what is asked for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeGuard

from aws_cdk import CfnResource, Stack, Stage
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

from lambda_otel_lite_cdk.functions.edge import is_edge_function
from lambda_otel_lite_cdk.functions.eligibility import is_made_by_cdk, made_by
from lambda_otel_lite_cdk.functions.properties import with_resources
from lambda_otel_lite_cdk.functions.reasons import Explanation, Reason
from lambda_otel_lite_cdk.functions.rendered import logical_ids, render

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from constructs import IConstruct

    from lambda_otel_lite_cdk.functions.resources import Resources
    from lambda_otel_lite_cdk.instrumentation.requests import Request, Requests


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a function is.

    Args:
        path: Its construct path.
        resource: Its CloudFormation resource.
        stack: Its stack.
        stack_path: Construct path of its stack.
        logical_id: Its logical id in the stack's template.
    """

    path: str
    resource: CfnResource
    stack: Stack
    stack_path: str
    logical_id: str


@dataclass(frozen=True, kw_only=True)
class Candidate(Site):
    """A function of the app, and what is asked for it.

    Args:
        function: The function.
        requests: What is asked for it; what holds over the others comes last.
        exempt: Why it is to be left alone whatever is asked, None if it is not.
    """

    function: lambda_.Function
    resource: lambda_.CfnFunction
    requests: tuple[Request, ...]
    exempt: Explanation | None

    @property
    def is_named(self) -> bool:
        """Whether it was asked for by itself, and not as one of a scope."""
        return bool(self.requests) and self.requests[-1].is_for_one


@dataclass(frozen=True, kw_only=True)
class Found:
    """The functions of an app or stage, without those of the stages in it.

    Args:
        candidates: The functions that are not known yet.
        templates: The templates of the stacks by the same paths, as they would be written now;
            none without candidates.
        stacks: The stacks, nested ones too, by their construct paths.
        log_groups: The log groups: each as an app makes it, if it does, and its resource.
        stages: The stages in it by their construct paths.
    """

    candidates: list[Candidate]
    templates: Mapping[str, Resources]
    stacks: dict[str, Stack]
    log_groups: list[tuple[logs.LogGroup | None, CfnResource]]
    stages: dict[str, Stage]


def collect(stage: Stage, requests: Requests, known: Container[str]) -> Found:
    """Return the functions of an app or stage, without those of the stages in it.

    Args:
        stage: The app or stage.
        requests: What is asked in it.
        known: Construct paths of the functions that need not be looked at again.
    """
    every = stage.node.find_all()
    stages = {one.node.path: one for one in every[1:] if isinstance(one, Stage)}
    inner = tuple(f"{path}/" for path in stages)
    edges = [one.node.default_child for one in every if is_edge_function(one)]
    at_edge = {one.node.path for one in edges if one is not None}
    makers = [(one, children) for one in every if (children := made_by(one))]
    made_by_cdk = {
        f"{path}/{child}"
        for one, children in makers
        for path in [one.node.path]
        for child in children
    }
    aliases = _aliases(every)
    by_path = stacks_in(every, inner)
    sites: dict[str, dict[str, tuple[lambda_.Function, lambda_.CfnFunction]]] = {}
    for function, resource in with_resources(every, lambda_.Function, lambda_.CfnFunction):
        # In one call, where `function.node.path` takes two.
        path = function.to_string()
        if path in known or (inner and path.startswith(inner)):
            continue
        sites.setdefault(stack_of(path, by_path), {})[path] = (function, resource)
    templates = render(by_path) if sites else {}
    candidates = []
    for stack_path, in_stack in sites.items():
        stack = by_path[stack_path]
        resources = {f"{path}/Resource": resource for path, (_, resource) in in_stack.items()}
        ids = logical_ids(stack, resources, templates[stack_path])
        for path, (function, resource) in in_stack.items():
            paths = (*aliases.get(path, ()), path)
            asked = [request for one in paths for request in requests.of(one)]
            exempt = (
                (Reason.AT_EDGE.because() if path in at_edge else None)
                or (_made_by_cdk(path, made_by_cdk))
                or next((why for one in paths if (why := requests.opted_out(one))), None)
            )
            candidates.append(
                Candidate(
                    path=path,
                    function=function,
                    resource=resource,
                    stack=stack,
                    stack_path=stack_path,
                    logical_id=ids[f"{path}/Resource"],
                    requests=tuple(sorted(asked, key=lambda request: request.entry_point)),
                    exempt=exempt,
                )
            )
    owners: dict[CfnResource, logs.LogGroup] = {
        resource: owner
        for owner, resource in with_resources(every, logs.LogGroup, logs.CfnLogGroup)
    }
    groups = [(owners.get(one), one) for one in every if _is_log_group(one)]
    return Found(
        candidates=candidates,
        templates=templates,
        stacks=by_path,
        log_groups=groups,
        stages=stages,
    )


def _is_log_group(one: IConstruct) -> TypeGuard[CfnResource]:
    # What is asked of the CDK takes time; of resources without a class of their own there are few.
    return isinstance(one, logs.CfnLogGroup) or (
        type(one) is CfnResource
        and one.cfn_resource_type == logs.CfnLogGroup.CFN_RESOURCE_TYPE_NAME
    )


def stacks_in(every: Sequence[IConstruct], inner: tuple[str, ...]) -> dict[str, Stack]:
    """Return the stacks of an app or stage, nested ones too, by their construct paths.

    Args:
        every: Its constructs.
        inner: How the paths begin of what is in the stages in it.
    """
    stacks = {one.node.path: one for one in every if isinstance(one, Stack)}
    return {path: one for path, one in stacks.items() if not (inner and path.startswith(inner))}


def _made_by_cdk(path: str, made: set[str]) -> Explanation | None:
    return Reason.MADE_BY_CDK.because() if path in made or is_made_by_cdk(path) else None


def _aliases(constructs: Iterable[IConstruct]) -> dict[str, list[str]]:
    """Return the paths of singletons by those of their functions, which are in the stack."""
    found: dict[str, list[str]] = {}
    for one in constructs:
        if isinstance(one, lambda_.SingletonFunction):
            found.setdefault(one.permissions_node.path, []).append(one.node.path)
    return found


def stack_of(path: str, stacks: Mapping[str, Stack]) -> str:
    """Return the path of the stack that a construct is in, without a call.

    Args:
        path: Construct path of the construct.
        stacks: The stacks by their construct paths.
    """
    while path not in stacks:
        path = path.rpartition("/")[0]
    return path
