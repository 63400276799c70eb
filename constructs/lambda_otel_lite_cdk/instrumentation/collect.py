"""First step: find the functions of an app, and what is asked for each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import Aspects, Stack, Stage, Tag
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk.functions.eligibility import (
    OPT_OUT_TAG,
    is_edge_function,
    is_made_by_cdk,
)
from lambda_otel_lite_cdk.functions.properties import with_resources
from lambda_otel_lite_cdk.functions.reasons import Explanation, Reason
from lambda_otel_lite_cdk.instrumentation.requests import from_the_top

if TYPE_CHECKING:
    from aws_cdk import CfnResource
    from constructs import IConstruct

    from lambda_otel_lite_cdk.instrumentation.requests import Request, Requests


@dataclass(frozen=True, kw_only=True)
class Site:
    """Where a function is.

    Args:
        path: Its construct path.
        resource: Its CloudFormation resource.
        stack: Its stack.
        stack_path: Construct path of its stack.
    """

    path: str
    resource: CfnResource
    stack: Stack
    stack_path: str


@dataclass(frozen=True, kw_only=True)
class Candidate(Site):
    """A function of the app, and what is asked for it.

    Args:
        function: The function.
        requests: What is asked for it; what holds over the others comes last.
        exempt: Why it is to be left alone whatever is asked, None if it is not.
        may_change: Whether an aspect comes by that may change it later.
    """

    function: lambda_.Function
    resource: lambda_.CfnFunction
    requests: tuple[Request, ...]
    exempt: Explanation | None
    may_change: bool


def collect(stage: Stage, requests: Requests) -> list[Candidate]:
    """Return the functions of an app or stage, without those of the stages in it.

    Args:
        stage: The app or stage.
        requests: What is asked in it.
    """
    found = stage.node.find_all()
    inner = tuple(f"{one.node.path}/" for one in found[1:] if isinstance(one, Stage))
    edges = [one.node.default_child for one in found if is_edge_function(one)]
    at_edge = {one.node.path for one in edges if one is not None}
    stacks, aspects = _Stacks(), _Aspects()
    candidates: list[Candidate] = []
    for function, resource in with_resources(found, lambda_.Function, lambda_.CfnFunction):
        # In one call, where `function.node.path` takes two.
        path = function.to_string()
        if inner and path.startswith(inner):
            continue
        exempt = (
            (Reason.AT_EDGE.because() if path in at_edge else None)
            or (Reason.MADE_BY_CDK.because() if is_made_by_cdk(path) else None)
            or requests.opted_out(path)
        )
        # Who is exempt already is not asked for tags: that takes calls.
        tagged = None if exempt else aspects.tagged_off(path, function)
        stack, stack_path = stacks.of(path, function)
        candidates.append(
            Candidate(
                path=path,
                function=function,
                resource=resource,
                stack=stack,
                stack_path=stack_path,
                requests=requests.of(path),
                exempt=exempt or tagged,
                may_change=aspects.may_change(path),
            )
        )
    return candidates


class _Stacks:
    """Find the stacks of constructs, with one call for all that are in the same scope."""

    def __init__(self) -> None:
        self._by_scope: dict[str, tuple[Stack, str]] = {}
        self._paths: dict[Stack, str] = {}

    def of(self, path: str, construct: IConstruct) -> tuple[Stack, str]:
        """Return the stack that a construct is in, and the stack's path."""
        scope = path.rpartition("/")[0]
        if scope not in self._by_scope:
            stack = Stack.of(construct)
            if stack not in self._paths:
                self._paths[stack] = stack.node.path
            self._by_scope[scope] = stack, self._paths[stack]
        return self._by_scope[scope]


class _Aspects:
    """Read the aspects of scopes, each once. Tags are aspects too, and may not be applied yet."""

    def __init__(self) -> None:
        self._by_path: dict[str, _ScopeAspects] = {}

    def tagged_off(self, path: str, function: lambda_.Function) -> Explanation | None:
        """Return where a function is tagged to be left alone, or None; the nearest tag decides."""
        above = list(from_the_top(path))
        if above[-2] in self._by_path:
            # Its neighbours have been asked about the scopes that they share.
            self._by_path[path] = _read_aspects(function)
        else:
            for one, scope in zip(above, function.node.scopes, strict=True):
                self._by_path[one] = _read_aspects(scope)
        for one in reversed(above):
            if (value := self._by_path[one].tag) is not None:
                off = value == "off"
                return Reason.TAGGED_OFF.because(tag=OPT_OUT_TAG, scope=one) if off else None
        return None

    def may_change(self, path: str) -> bool:
        """Tell whether an aspect that is no tag comes by a function that was asked for tags."""
        above = from_the_top(path)
        return any(self._by_path[one].others for one in above if one in self._by_path)


@dataclass(frozen=True)
class _ScopeAspects:
    """What the aspects of a scope mean for the functions in it.

    Args:
        tag: Value of the tag by which functions are left alone, None if there is none.
        others: Whether there are aspects that are no tags.
    """

    tag: str | None
    others: bool


def _read_aspects(scope: IConstruct) -> _ScopeAspects:
    every = Aspects.of(scope).all
    tags = [one for one in every if isinstance(one, Tag)]
    values = [tag.value for tag in tags if tag.key == OPT_OUT_TAG]
    return _ScopeAspects(values[-1] if values else None, others=len(tags) < len(every))
