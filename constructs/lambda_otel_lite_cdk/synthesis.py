"""What happens when an app is synthesized: collect, resolve, apply, check, report.

Until then construct, injector, mixin and scope only note what is wanted. Each step takes data and
returns data; what an app set itself, before or after, wins.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsii
from aws_cdk import (
    Annotations,
    Aspects,
    IAspect,
    IPropertyInjector,
    PropertyInjectors,
    Stack,
    Stage,
)
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IValidation

from lambda_otel_lite_cdk.checks.collect import collect_facts
from lambda_otel_lite_cdk.checks.resources import too_many_resources
from lambda_otel_lite_cdk.checks.rules import Severity, check
from lambda_otel_lite_cdk.errors import InstrumentationError
from lambda_otel_lite_cdk.functions.outcome import REPORT_ENTRY, write_report
from lambda_otel_lite_cdk.functions.reasons import Reason
from lambda_otel_lite_cdk.functions.rendered import render
from lambda_otel_lite_cdk.instrumentation.apply import Applied, apply
from lambda_otel_lite_cdk.instrumentation.collect import collect
from lambda_otel_lite_cdk.instrumentation.log_groups import LogGroups
from lambda_otel_lite_cdk.instrumentation.report import report
from lambda_otel_lite_cdk.instrumentation.requests import Requests
from lambda_otel_lite_cdk.instrumentation.resolve import Failed, LeftAlone, Plan, resolve
from lambda_otel_lite_cdk.layer.construct import Layers
from lambda_otel_lite_cdk.pipelines import (
    Deployed,
    is_imported,
    pipeline_stages,
    synthesize_again,
)
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from constructs import IConstruct

#: Where the construct of an app or stage is among its children; no stack of a user's is named so.
_ID = "@lambda-otel-lite--synthesis"
#: Priority after that of every other aspect: the largest number that is exact in JavaScript.
_LAST = 2**53 - 1


def requests_of(construct: IConstruct) -> Requests:
    """Return the requests of the app or stage that a construct is in.

    The first call makes sure that they are met when the app is synthesized.

    Raises:
        InstrumentationError: The construct is not in an app.
        SettingsError: A default in CDK context is out of range.
    """
    stage = _stage_of(construct)
    if stage is None:
        raise InstrumentationError(
            f"{construct.node.path}: it is not in an app. Make it in an App, a Stage or a Stack."
        )
    return _requests_in(stage)


def reach_stages(scope: IConstruct) -> None:
    """Make sure that requests are met in the stages in a scope, those that are made later too.

    Aspects end at stages, so that each needs requests of its own, which ask those around it.

    Args:
        scope: A scope for which something is asked.
    """
    for one in scope.node.find_all():
        if isinstance(one, Stage):
            requests_of(one)
    injectors = PropertyInjectors.of(scope.node.root)
    # Not without pipelines: it is called for every function, which takes time.
    if is_imported() and injectors.for_(lambda_.Function.PROPERTY_INJECTION_ID) is None:
        injectors.add(_Reach())


def _stage_of(construct: IConstruct) -> Stage | None:
    # Of a stage, `Stage.of` returns the one around it.
    return construct if isinstance(construct, Stage) else Stage.of(construct)


def _requests_in(stage: Stage) -> Requests:
    found = stage.node.try_find_child(_ID)
    if isinstance(found, _Synthesis):
        return found.requests
    outer = _outer_of(stage)
    if outer is not None and (deployed := pipeline_stages(stage).get(stage.node.path)):
        return outer.requests_later(stage, deployed)
    return _Synthesis(stage, outer).requests


def _outer_of(stage: Stage) -> _Synthesis | None:
    around = _stage_of(stage.node.scope) if stage.node.scope is not None else None
    if around is None:
        return None
    found = around.node.try_find_child(_ID)
    return found if isinstance(found, _Synthesis) else _Synthesis(around, _outer_of(around))


@jsii.implements(IPropertyInjector)
class _Reach:
    """Reach a stage as soon as a function is made in it, before a pipeline synthesizes it."""

    @property
    def construct_unique_id(self) -> str:
        return lambda_.Function.PROPERTY_INJECTION_ID

    def inject(
        self,
        original_props: Any,
        *,
        scope: Construct,
        id: str,  # noqa: A002, ARG002 - the interface's name
    ) -> Any:
        requests_of(scope)
        return original_props


@jsii.implements(IAspect)
class _BeforePipeline:
    """Synthesize a stage again before a pipeline that has deployed it already is built.

    Args:
        outer: What the stage is in.
        stage: The stage.
        requests: What is asked in it.
        deployed: How pipelines deploy it.
    """

    def __init__(
        self, outer: _Synthesis, stage: Stage, requests: Requests, deployed: list[Deployed]
    ) -> None:
        self.requests = requests
        self._outer = outer
        self._stage = stage
        self._deployed = deployed
        for one in deployed:
            # A pipeline is built by an aspect on itself, of the priority MUTATING.
            Aspects.of(one.pipeline).add(self, priority=0)

    def visit(self, _node: IConstruct) -> None:
        if self._stage.node.try_find_child(_ID) is None:
            _Synthesis(self._stage, self._outer, self.requests)
            synthesize_again(self._stage, self._deployed)


@jsii.implements(IAspect, IValidation)
class _Synthesis(Construct):
    """Instrument and check the functions of an app or stage, without the stages in it.

    Aspects do not reach into stages, so that each stage has one of these. It is an aspect on
    itself and on the last construct, so that the CDK calls it twice. On the app it would be called
    for every construct, which for a fleet takes longer than all that it does.

    Args:
        stage: The app or stage.
        outer: That of the app or stage around it.
        requests: What is asked in it already. Default: nothing.

    Attributes:
        requests: What is asked in it.
        layers: The telemetry layers of the whole app.
    """

    def __init__(
        self, stage: Stage, outer: _Synthesis | None, requests: Requests | None = None
    ) -> None:
        # Before the construct is made: the next call must not find one that is half made.
        defaults = TelemetrySettings.from_context(stage.node.get_all_context())
        defaults.check("CDK context")
        super().__init__(stage, _ID)
        self._stage = stage
        self._defaults = defaults
        self.requests: Requests = requests or Requests(
            stage.node.path, outer.requests if outer else None
        )
        self._too_many: tuple[str, ...] = ()
        self._marked: Stack | None = None
        self._later: dict[str, _BeforePipeline] = {}
        self.layers: Layers = outer.layers if outer else Layers(Path(stage.asset_outdir))
        self._results: Sequence[LeftAlone | Applied | Failed] = ()
        self._awaited = self.node.path
        Aspects.of(self).add(self, priority=_LAST)
        stage.node.add_validation(self)

    def requests_later(self, stage: Stage, deployed: list[Deployed]) -> Requests:
        """Return what is asked in a stage in this one that has been synthesized already."""
        path = stage.node.path
        if path not in self._later:
            requests = Requests(path, self.requests)
            self._later[path] = _BeforePipeline(self, stage, requests, deployed)
        return self._later[path].requests

    def visit(self, node: IConstruct) -> None:
        """Give every function what is asked for it; called by the CDK when it invokes aspects.

        Other aspects may change functions and make new ones, so that this waits for the last
        construct that they come to.
        """
        path = node.node.path
        if path != self._awaited:
            return
        last = _last_in(self._stage)
        self._awaited = last.node.path
        if self._awaited.startswith(f"{path}/"):
            # What an aspect is added to hands it on to what is in it.
            return
        if self._awaited != path:
            Aspects.of(last).add(self, priority=_LAST)
        # Later on, the CDK may not come to what was made in a scope that it has been to.
        if self._awaited == path or path != self.node.path:
            self._instrument()

    def _reach_late_stages(self, stages: Mapping[str, Stage]) -> None:
        """Synthesize the stages again that were made after somebody asked for their functions."""
        for path, one in stages.items():
            # By now a pipeline has been told what to publish, so that the check stops the synth.
            if (
                self.requests.of(path)
                and not self.requests.reaches(path)
                and path not in pipeline_stages(one)
            ):
                _Synthesis(one, self)
                one.synth(force=True)

    def _instrument(self) -> None:
        found = collect(self._stage, self.requests)
        self._reach_late_stages(found.stages)
        self._marked = next(iter(found.stacks.values()), None)
        done = {one.site.path: one for one in self._results if isinstance(one, Applied)}
        candidates = [one for one in found.candidates if one.path not in done]
        templates = render(found.stacks) if candidates else {}
        assets = Path(self._stage.asset_outdir)
        plans = resolve(candidates, found.stacks, self._defaults, templates, assets)
        groups = LogGroups(found, templates)
        results = [
            apply(one, self.layers, groups) if isinstance(one, Plan) else one for one in plans
        ]
        self._results = [*done.values(), *results]
        applied = [one for one in results if isinstance(one, Applied)]
        self._too_many = tuple(too_many_resources(found.stacks, templates, applied))

    def validate(self) -> list[str]:
        """Return what stops the synth, one message each; called by the CDK before it writes."""
        if self._too_many:
            # The CDK would not write such a template, nor render it.
            return sorted(self._too_many)
        collected = collect_facts(self._stage, self._results, self.requests)
        errors = [said for one in self._results for said in _errors_of(one)]
        errors += [
            f"{path}: {one.why.text}."
            for one in collected.others
            if one.why.reason is Reason.MADE_TOO_LATE and self.requests.of(path := one.site.path)
        ]
        acknowledged: dict[str, dict[str, str]] = {}
        for finding in check(collected.facts):
            one, facts = finding.check, finding.facts
            accepted = self.requests.acknowledged(facts.path)
            if one.id in accepted:
                acknowledged.setdefault(facts.path, {})[one.id] = accepted[one.id]
            elif one.severity is Severity.ERROR:
                errors.append(f"{finding.message} [{one.id}]")
            else:
                Annotations.of(facts.construct).add_warning_v2(one.id, finding.message)
        outcomes = report([*self._results, *collected.others], collected.layer_ids, acknowledged)
        report_id = write_report(Path(self._stage.outdir), outcomes)
        if self._marked is not None:
            self._marked.node.add_metadata(REPORT_ENTRY, report_id)
        return sorted(errors)


def _last_in(stage: Stage) -> IConstruct:
    """Return the construct that aspects of an app or stage come to last."""
    last: IConstruct = stage
    while inner := [one for one in last.node.children if not isinstance(one, Stage)]:
        last = inner[-1]
    return last


def _errors_of(result: LeftAlone | Applied | Failed) -> tuple[str, ...]:
    if isinstance(result, Failed):
        return result.errors
    return result.conflicts if isinstance(result, Applied) else ()
