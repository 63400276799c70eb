"""When the steps of a synth are made, and in which stages.

Until then construct, injector, mixin and scope only note what is wanted.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsii
from aws_cdk import (
    Aspects,
    IAspect,
    IPropertyInjector,
    PropertyInjectors,
    Stage,
)
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IValidation

from lambda_otel_lite_cdk.errors import InstrumentationError
from lambda_otel_lite_cdk.instrumentation.requests import Requests
from lambda_otel_lite_cdk.layer.construct import Layers
from lambda_otel_lite_cdk.pipelines import (
    is_deployed,
    is_imported,
    path_of_stage,
    pipeline_stages,
    synthesize_again,
)
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings
from lambda_otel_lite_cdk.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from constructs import IConstruct

#: Where the construct of an app or stage is among its children; no stack of a user's is named so.
_ID = "@lambda-otel-lite--synthesis"
_BUILT = (
    "build_pipeline() of its pipeline was called before Telemetry.of(…).instrument(…), so that "
    "nothing would publish its telemetry layer. Call build_pipeline() after that, or not at all."
)
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
    if is_imported():
        if injectors.for_(lambda_.Function.PROPERTY_INJECTION_ID) is None:
            injectors.add(_Reach())
        # Where functions have another injector, the CDK does not call that one.
        around = _stage_of(scope)
        if around is not None and not is_deployed(around):
            _synthesis_in(around).watch_pipelines()


def _stage_of(construct: IConstruct) -> Stage | None:
    # Of a stage, `Stage.of` returns the one around it.
    return construct if isinstance(construct, Stage) else Stage.of(construct)


def _requests_in(stage: Stage) -> Requests:
    found = stage.node.try_find_child(_ID)
    if isinstance(found, _Synthesis):
        return found.requests
    around = _around(stage)
    if around is not None and is_deployed(stage):
        return _synthesis_outside(stage).requests_later(stage.node.path, _requests_in(around))
    return _synthesis_in(stage).requests


def _synthesis_in(stage: Stage, requests: Requests | None = None) -> _Synthesis:
    found = stage.node.try_find_child(_ID)
    if isinstance(found, _Synthesis):
        return found
    around = _around(stage)
    return _Synthesis(stage, _synthesis_in(around) if around else None, requests)


def _synthesis_outside(stage: Stage) -> _Synthesis:
    """Return that of the nearest stage around one that no pipeline deploys, or of the app."""
    around = _around(stage)
    if around is None:
        return _synthesis_in(stage)
    return _synthesis_outside(around) if is_deployed(around) else _synthesis_in(around)


def _around(stage: Stage) -> Stage | None:
    return _stage_of(stage.node.scope) if stage.node.scope is not None else None


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
class _BeforePipelines:
    """Reach the stages that pipelines have synthesized already, before the pipelines are built.

    A pipeline is built by an aspect on itself, of the priority MUTATING.

    Args:
        outer: What the pipelines are in.
    """

    def __init__(self, outer: _Synthesis) -> None:
        self._waits: _Synthesis | None = outer

    def visit(self, _node: IConstruct) -> None:
        outer, self._waits = self._waits, None
        if outer is not None:
            outer.reach_deployed()


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
        later: What is asked in stages of the whole app that pipelines have synthesized already, by
            their construct paths.
    """

    def __init__(
        self, stage: Stage, outer: _Synthesis | None, requests: Requests | None = None
    ) -> None:
        # Before the construct is made: the next call must not find one that is half made.
        defaults = TelemetrySettings.from_context(stage.node.get_all_context())
        defaults.check("CDK context")
        super().__init__(stage, _ID)
        self._stage = stage
        self.requests: Requests = requests or Requests(
            stage.node.path, outer.requests if outer else None
        )
        self.later: dict[str, Requests] = outer.later if outer else {}
        self._before_pipelines: _BeforePipelines | None = None
        self._unpublished: list[str] = []
        self.layers: Layers = outer.layers if outer else Layers(Path(stage.asset_outdir))
        self._steps = Steps(stage, defaults, self.layers)
        self._awaited = self.node.path
        Aspects.of(self).add(self, priority=_LAST)
        stage.node.add_validation(self)

    def requests_later(self, path: str, outer: Requests) -> Requests:
        """Return what is asked in a stage in this one that has been synthesized already.

        Args:
            path: Construct path of the stage.
            outer: What is asked in the stage around it.
        """
        self.watch_pipelines()
        if path not in self.later:
            self.later[path] = Requests(path, outer)
        return self.later[path]

    def watch_pipelines(self) -> None:
        """Reach the stages of pipelines that nobody knows yet, before the pipelines are built."""
        if self._before_pipelines is None:
            self._before_pipelines = _BeforePipelines(self)
            Aspects.of(self._stage).add(self._before_pipelines, priority=0)

    def reach_deployed(self) -> None:
        """Synthesize stages again that pipelines in this stage have synthesized already."""
        own = self._stage.node.path
        late = {
            path: ours
            for path, deployed in pipeline_stages(self._stage).items()
            if (ours := [one for one in deployed if path_of_stage(one.pipeline) == own])
            and ours[0].stage.node.try_find_child(_ID) is None
            and (self.requests.of(path) or path in self.later)
        }
        for path, deployed in late.items():
            if any(one.is_built() for one in deployed):
                self._unpublished.append(path)
                self.requests.note_stage(path)
                continue
            for one in deployed[0].stage.node.find_all():
                if isinstance(one, Stage):
                    _synthesis_in(one, self.later.get(one.node.path))
        for path, deployed in late.items():
            if path not in self._unpublished:
                synthesize_again(deployed[0].stage, deployed)

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
        found = self._steps.collect(self.requests)
        self._reach_late_stages(found.stages)
        self._steps.instrument(found)

    def validate(self) -> list[str]:
        """Return what stops the synth, one message each; called by the CDK before it writes."""
        errors = self._steps.check(self.requests)
        return sorted([*errors, *(f"{path}: {_BUILT}" for path in self._unpublished)])


def _last_in(stage: Stage) -> IConstruct:
    """Return the construct that aspects of an app or stage come to last."""
    last: IConstruct = stage
    while inner := [one for one in last.node.children if not isinstance(one, Stage)]:
        last = inner[-1]
    return last
