"""Check, when an app has been settled, that what it deploys will work, and report its coverage."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import jsii
from aws_cdk import Annotations
from constructs import IValidation

from lambda_otel_lite_cdk.checks.collect import Inspection
from lambda_otel_lite_cdk.checks.rules import ERROR
from lambda_otel_lite_cdk.errors import InstrumentationError
from lambda_otel_lite_cdk.functions.outcome import write_report
from lambda_otel_lite_cdk.instrumentation.resolver import (
    Registry,
    add_registry,
    found_registry,
    stage_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_cdk import CfnResource, Stack
    from constructs import IConstruct

    from lambda_otel_lite_cdk.functions.outcome import Outcome


def registry_of(construct: IConstruct) -> Registry:
    """Return the registry of the app or stage that a construct is in, making it at the first call.

    Raises:
        InstrumentationError: The construct is in no app.
        SettingsError: A default in CDK context is out of range.
    """
    registry = found_registry(construct)
    if registry is None:
        stage = stage_of(construct)
        if stage is None:
            raise InstrumentationError(
                f"{construct.node.path}: it is in no app. Make it in an App, a Stage or a Stack."
            )
        if stage.node.scope is not None:
            # What is asked further out has to be found from here.
            registry_of(stage.node.scope)
        registry = add_registry(stage)
        stage.node.add_validation(Validation(registry))
    return registry


@jsii.implements(IValidation)
class Validation:
    """Raise errors and warnings for an app or stage, and write its coverage report."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def validate(self) -> list[str]:
        """Return what stops the synth, one message each; called by the CDK."""
        registry = self._registry
        acknowledged: dict[str, dict[str, str]] = {}
        errors = list(registry.errors)
        inspection = Inspection(registry)
        for path, resource in inspection.unsettled():
            registry.note_resource(path, resource)
        for finding in inspection.findings():
            known = registry.requests.acknowledged(finding.path)
            if finding.check in known:
                acknowledged.setdefault(finding.path, {})[finding.check] = known[finding.check]
            elif finding.severity == ERROR:
                errors.append(f"{finding.path}: {finding.message} [{finding.check}]")
            else:
                message = f"{finding.path}: {finding.message}"
                Annotations.of(finding.construct).add_warning_v2(finding.check, message)
        outcomes = [
            replace(outcome, acknowledged=acknowledged.get(outcome.function, {}))
            for outcome in self._with_logical_ids()
        ]
        write_report(Path(registry.stage.outdir), outcomes)
        return sorted(errors)

    def _with_logical_ids(self) -> Iterator[Outcome]:
        """Yield the outcomes with what their functions are called in the templates."""
        by_stack: dict[Stack, list[tuple[str, CfnResource]]] = {}
        for path, (resource, stack) in self._registry.resources.items():
            by_stack.setdefault(stack, []).append((path, resource))
        for stack, found in by_stack.items():
            # One call for each stack: a call takes a fair part of a millisecond.
            ids = stack.resolve([resource.logical_id for _, resource in found])
            template = stack.template_file
            for (path, _), logical_id in zip(found, ids, strict=True):
                if path in self._registry.outcomes:
                    outcome = self._registry.outcomes[path]
                    yield replace(outcome, template=template, logical_id=logical_id)
