"""Settle, once at synth, what was asked for the functions of an app.

Construct, injector, mixin and aspect only note what is wanted, each under its own rank. When the
app is synthesized, every function is looked at once and given what all notes together say: so that
neither the order of the notes nor their number shows in the template, and what the app itself set,
before or after, wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import jsii
from aws_cdk import AspectPriority, Aspects, CfnResource, IAspect, Stack, Stage
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from lambda_otel_lite_cdk.errors import BundlingError, ForwardingError
from lambda_otel_lite_cdk.functions.eligibility import (
    AT_EDGE,
    IS_FORWARDER,
    is_edge_function,
    is_forwarder,
    is_made_by_cdk,
    python_of,
    variables_of,
    why_unsupported,
)
from lambda_otel_lite_cdk.functions.outcome import (
    INSTRUMENTED,
    MADE_BY_CDK,
    MISSING,
    NOT_ASKED,
    SKIPPED,
    Outcome,
)
from lambda_otel_lite_cdk.functions.properties import Configuration, configurations
from lambda_otel_lite_cdk.instrumentation.apply import apply, forward, is_held
from lambda_otel_lite_cdk.instrumentation.requests import Requests, left_out, waits
from lambda_otel_lite_cdk.layer.construct import Layers, published_layer
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings
from lambda_otel_lite_cdk.settings.variables import PROCESSOR_MODE, SERVICE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from constructs import IConstruct

    from lambda_otel_lite_cdk.instrumentation.requests import Request


#: Where the registry of an app or stage is among its constructs.
_ID = "LambdaOtelLite"


@dataclass(frozen=True)
class _Candidate:
    """A function that is to be instrumented, if it can be."""

    path: str
    function: lambda_.Function
    resource: lambda_.CfnFunction
    stack: Stack
    requests: list[Request]


@jsii.implements(IAspect)
class Registry(Construct):
    """Hold what was asked for the functions of an app or stage, and settle it.

    It is an aspect on itself: the CDK calls it once. On the app it would be called for every
    construct, which for a fleet takes longer than all that it does.

    Attributes:
        stage: The app or stage; aspects do not reach into the stages in it.
        requests: What was asked.
        outcomes: What became of each function, by construct path.
        resources: Resource and stack of each function, by construct path.
        unchanged: What functions were given, where nothing but the construct may change it.
        layers: The layers of the app.
        errors: What stood against it.
    """

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage, _ID)
        self.stage = stage
        outer = found_registry(stage.node.scope)
        self.requests: Requests = Requests(outer.requests if outer else None)
        self.outcomes: dict[str, Outcome] = {}
        self.resources: dict[str, tuple[CfnResource, Stack]] = {}
        self.unchanged: dict[str, Mapping[str, Any]] = {}
        self.errors: list[str] = []
        self._stacks: dict[Stack, str] = {}
        self._scopes: dict[str, Stack] = {}
        self._at_edge: set[str] = set()
        self.layers: Layers = outer.layers if outer else Layers()
        self._defaults = TelemetrySettings.from_context(stage.node.get_all_context())
        self._defaults.check("CDK context")

    def visit(self, _node: IConstruct) -> None:
        """Settle what was asked; called by the CDK when it invokes aspects."""
        found = self.stage.node.find_all()
        inner = tuple(f"{one.node.path}/" for one in found[1:] if isinstance(one, Stage))
        edges = [one.node.default_child for one in found if is_edge_function(one)]
        self._at_edge = {one.node.path for one in edges if one is not None}
        by_stack: dict[Stack, list[_Candidate]] = {}
        for function, resource in _with_resources(found):
            for candidate in self._wanted(function, resource, inner):
                by_stack.setdefault(candidate.stack, []).append(candidate)
        for stack, candidates in by_stack.items():
            read = configurations(stack, [one.resource for one in candidates])
            for candidate, configuration in zip(candidates, read, strict=True):
                self._settle(candidate, configuration)

    def note_resource(self, path: str, resource: CfnResource) -> None:
        """Note a function that the constructs have no part in."""
        stack = Stack.of(resource)
        own = is_made_by_cdk(path)
        self.resources[path] = (resource, stack)
        self.outcomes[path] = Outcome(
            function=path,
            stack=stack.node.path,
            status=SKIPPED if own else MISSING,
            reason=MADE_BY_CDK if own else "a CfnFunction is not instrumented; make it a Function",
        )

    def _wanted(
        self,
        function: lambda_.Function,
        resource: lambda_.CfnFunction,
        inner_stages: tuple[str, ...],
    ) -> Iterator[_Candidate]:
        """Yield a function that is to be instrumented now; note why another one is not."""
        # In one call, where `function.node.path` takes two.
        path = function.to_string()
        if path.startswith(inner_stages or "//"):
            return
        stack = self._stack_of(path, function)
        self.resources[path] = (resource, stack)
        requests = self.requests.of(path)
        left = partial(Outcome, function=path, stack=self._stacks[stack])
        if reason := self._exempt(path, function, requests):
            self.outcomes[path] = left(status=SKIPPED, reason=reason)
        elif reason := waits(path, requests) if requests else NOT_ASKED:
            self.outcomes[path] = left(status=MISSING, reason=reason)
        else:
            yield _Candidate(path, function, resource, stack, requests)

    def _stack_of(self, path: str, construct: IConstruct) -> Stack:
        """Return a construct's stack, which is that of its neighbours."""
        scope = path.rpartition("/")[0]
        if scope not in self._scopes:
            stack = self._scopes[scope] = Stack.of(construct)
            self._stacks[stack] = stack.node.path
        return self._scopes[scope]

    def _settle(self, one: _Candidate, configuration: Configuration) -> None:
        left = partial(Outcome, function=one.path, stack=self._stacks[one.stack])
        if is_forwarder(configuration.properties):
            self.outcomes[one.path] = left(status=SKIPPED, reason=IS_FORWARDER)
        elif reason := why_unsupported(configuration.properties):
            self.outcomes[one.path] = left(status=MISSING, reason=reason)
        else:
            try:
                self.outcomes[one.path] = self._instrument(one, configuration, left)
            except (BundlingError, ForwardingError) as error:
                said = str(error)
                self.errors.append(said if said.startswith(one.path) else f"{one.path}: {said}")

    def _instrument(
        self, one: _Candidate, configuration: Configuration, outcome: Callable[..., Outcome]
    ) -> Outcome:
        properties = configuration.properties
        settings = self._defaults
        for request in one.requests:
            settings = settings.merge(request.settings)
        self.errors += [f"{one.path}: {problem}" for problem in settings.conflicts()]
        layer, name, size = self._layer(one.stack, properties, settings)
        variables = settings.environment()
        if is_held(configuration.given, properties) and not self.requests.may_change(one.path):
            self.unchanged[one.path] = configuration.given
        overridden = apply(one.function, one.resource, configuration, variables, layer)
        # The nearest one that says where to.
        for forwarding in [asked.forwarding for asked in one.requests if asked.forwarding][-1:]:
            forward(one.function, one.resource, properties, forwarding)
        effective = {**variables, **variables_of(properties)}
        return outcome(
            status=INSTRUMENTED,
            mode=str(effective.get(PROCESSOR_MODE, "sync")),
            service=str(effective.get(SERVICE_NAME, "")),
            overridden=overridden,
            layer=name,
            layer_bytes=size,
        )

    def _exempt(self, path: str, function: lambda_.Function, requests: list[Request]) -> str | None:
        """Return why somebody wants a function to be left alone, or None."""
        if path in self._at_edge:
            return AT_EDGE
        if is_made_by_cdk(path):
            return MADE_BY_CDK
        return (
            self.requests.opted_out(path)
            or self.requests.tagged_off(path, function)
            or (left_out(function, requests) if requests else None)
        )

    def _layer(
        self, stack: Stack, properties: Mapping[str, Any], settings: TelemetrySettings
    ) -> tuple[lambda_.ILayerVersion, str, int]:
        """Return a function's layer, what it is called in the template, and its size in bytes."""
        if settings.layer_arn:
            return published_layer(stack, settings.layer_arn), settings.layer_arn, 0
        architecture = properties.get("architectures", ["x86_64"])[0]
        package_for = architecture if settings.exporter == "package" else None
        python = python_of(properties)
        layer, name = self.layers.layer_of(stack, python, package_for)
        return layer, name, self.layers.size(python, package_for)


def _with_resources(
    constructs: list[IConstruct],
) -> Iterator[tuple[lambda_.Function, lambda_.CfnFunction]]:
    """Yield the functions and the resource of each, which is the first one to come after it.

    Asking each function for its resource would take a call.

    Args:
        constructs: As they lie in the tree, parents first.
    """
    last: lambda_.Function | None = None
    for one in constructs:
        if isinstance(one, lambda_.Function):
            last = one
        elif last is not None and isinstance(one, lambda_.CfnFunction):
            yield last, one
            last = None


def found_registry(construct: IConstruct | None) -> Registry | None:
    """Return the registry of the app or stage that a construct is in, if it has one."""
    stage = stage_of(construct) if construct is not None else None
    if stage is None:
        return None
    found = stage.node.try_find_child(_ID)
    return found if isinstance(found, Registry) else None


def stage_of(construct: IConstruct) -> Stage | None:
    """Return the app or stage that a construct is in, or is itself."""
    return construct if isinstance(construct, Stage) else Stage.of(construct)


def add_registry(stage: Stage) -> Registry:
    """Give an app or stage a registry."""
    registry = Registry(stage)
    Aspects.of(registry).add(registry, priority=AspectPriority.MUTATING)
    return registry
