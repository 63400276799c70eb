"""Settle, once at synth, what was asked for the functions of an app.

Construct, injector, mixin and aspect only note what is wanted, each under its own rank. When the
app is synthesized, every function is looked at once and given what all notes together say: so that
neither the order of the notes nor their number shows in the template, and what the app itself set,
before or after, wins.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsii
from aws_cdk import AspectPriority, Aspects, CfnResource, IAspect, Stack, Stage
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk.application import apply, forward
from lambda_otel_lite_cdk.bundling import BundlingError
from lambda_otel_lite_cdk.environment import PROCESSOR_MODE, SERVICE_NAME
from lambda_otel_lite_cdk.forwarding import ForwardingError
from lambda_otel_lite_cdk.layer import Layers, published_layer
from lambda_otel_lite_cdk.outcome import INSTRUMENTED, MISSING, SKIPPED, Outcome
from lambda_otel_lite_cdk.requests import Requests, left_out, waits
from lambda_otel_lite_cdk.selection import (
    is_made_by_cdk,
    python_of,
    variables_of,
    why_unsupported,
)
from lambda_otel_lite_cdk.settings import TelemetrySettings

if TYPE_CHECKING:
    from constructs import IConstruct

    from lambda_otel_lite_cdk.requests import Request


@jsii.implements(IAspect)
class Registry:
    """Hold what was asked for the functions of an app or stage, and settle it.

    Attributes:
        stage: The app or stage; aspects do not reach into the stages in it.
        requests: What was asked.
        outcomes: What became of each function, by construct path.
        instrumented: Resource and stack of each instrumented function, by construct path.
        layers: The layers of the app.
        errors: What stood against it.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        outer = found_registry(stage.node.scope)
        self.requests: Requests = Requests(outer.requests if outer else None)
        self.outcomes: dict[str, Outcome] = {}
        self.instrumented: dict[str, tuple[lambda_.CfnFunction, Stack]] = {}
        self.errors: list[str] = []
        self.layers: Layers = outer.layers if outer else Layers()
        self._defaults = TelemetrySettings.from_context(stage.node.get_all_context())
        self._defaults.check("CDK context")

    def visit(self, node: IConstruct) -> None:
        """Settle what was asked for a function; called by the CDK for every construct."""
        if isinstance(node, lambda_.Function):
            self._settle(node)
        elif isinstance(node, lambda_.CfnFunction) or type(node) is CfnResource:
            self._note_resource(node)

    def _settle(self, function: lambda_.Function) -> None:
        path = function.node.path
        requests = self.requests.of(path)
        stack = Stack.of(function)
        if is_made_by_cdk(path):
            self._leave(path, stack, SKIPPED, "made by the CDK for itself")
        elif reason := self.requests.opted_out(path) or self.requests.tagged_off(path, function):
            self._leave(path, stack, SKIPPED, reason)
        elif not requests:
            self._leave(path, stack, MISSING, "nothing asks for it to be instrumented")
        elif reason := left_out(function, requests):
            self._leave(path, stack, SKIPPED, reason)
        elif reason := waits(path, requests):
            self._leave(path, stack, MISSING, reason)
        else:
            try:
                self._instrument(path, function, stack, requests)
            except (BundlingError, ForwardingError) as error:
                said = str(error)
                self.errors.append(said if said.startswith(path) else f"{path}: {said}")

    def _instrument(
        self, path: str, function: lambda_.Function, stack: Stack, requests: list[Request]
    ) -> None:
        resource = function.node.default_child
        if not isinstance(resource, lambda_.CfnFunction):
            self._leave(path, stack, SKIPPED, "it holds no AWS::Lambda::Function")
            return
        properties: dict[str, Any] = stack.resolve(resource._cfn_properties)  # noqa: SLF001
        if reason := why_unsupported(properties):
            self._leave(path, stack, MISSING, reason)
            return
        settings = self._defaults
        for request in requests:
            settings = settings.merge(request.settings)
        self.errors += [f"{path}: {problem}" for problem in settings.conflicts()]
        layer, name, size = self._layer(stack, properties, settings)
        variables = settings.environment()
        overridden = apply(function, resource, properties, variables, layer)
        effective = {**variables, **variables_of(properties)}
        self.instrumented[path] = (resource, stack)
        self.outcomes[path] = Outcome(
            function=path,
            stack=stack.stack_name,
            status=INSTRUMENTED,
            mode=str(effective.get(PROCESSOR_MODE, "sync")),
            service=str(effective.get(SERVICE_NAME, "")),
            overridden=overridden,
            layer=name,
            layer_bytes=size,
        )
        # The nearest one that says where to.
        for forwarding in [one.forwarding for one in requests if one.forwarding][-1:]:
            forward(function, resource, properties, forwarding)

    def _layer(
        self, stack: Stack, properties: dict[str, Any], settings: TelemetrySettings
    ) -> tuple[lambda_.ILayerVersion, str, int]:
        """Return a function's layer, what it is called in the template, and its size in bytes."""
        if settings.layer_arn:
            return published_layer(stack, settings.layer_arn), settings.layer_arn, 0
        architecture = properties.get("architectures", ["x86_64"])[0]
        package_for = architecture if settings.exporter == "package" else None
        python = python_of(properties)
        layer = self.layers.layer_of(stack, python, package_for)
        return layer, layer.node.id, self.layers.size(python, package_for)

    def _note_resource(self, node: IConstruct) -> None:
        path = node.node.path
        known = path.removesuffix("/Resource") in self.outcomes or path in self.outcomes
        if known or not isinstance(node, CfnResource):
            return
        if node.cfn_resource_type == "AWS::Lambda::Function":
            if is_made_by_cdk(path):
                self._leave(path, Stack.of(node), SKIPPED, "made by the CDK for itself")
            else:
                reason = "a CfnFunction is not instrumented; make it a Function"
                self._leave(path, Stack.of(node), MISSING, reason)

    def _leave(self, path: str, stack: Stack, status: str, reason: str) -> None:
        self.outcomes[path] = Outcome(
            function=path, stack=stack.stack_name, status=status, reason=reason
        )


def found_registry(construct: IConstruct | None) -> Registry | None:
    """Return the registry of the app or stage that a construct is in, if it has one."""
    stage = stage_of(construct) if construct is not None else None
    if stage is None:
        return None
    return next((one for one in Aspects.of(stage).all if isinstance(one, Registry)), None)


def stage_of(construct: IConstruct) -> Stage | None:
    """Return the app or stage that a construct is in, or is itself."""
    return construct if isinstance(construct, Stage) else Stage.of(construct)


def add_registry(stage: Stage) -> Registry:
    """Give an app or stage a registry."""
    registry = Registry(stage)
    Aspects.of(stage).add(registry, priority=AspectPriority.MUTATING)
    return registry
