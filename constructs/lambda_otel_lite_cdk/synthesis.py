"""What happens when an app is synthesized: collect, resolve, apply, check, report.

Until then construct, injector, mixin and scope only note what is wanted. Each step takes data and
returns data; what an app set itself, before or after, wins.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import jsii
from aws_cdk import Annotations, Aspects, IAspect, Stage
from constructs import Construct, IValidation

from lambda_otel_lite_cdk.checks.collect import collect_facts
from lambda_otel_lite_cdk.checks.rules import Severity, check
from lambda_otel_lite_cdk.errors import InstrumentationError
from lambda_otel_lite_cdk.functions.outcome import write_report
from lambda_otel_lite_cdk.functions.rendered import render
from lambda_otel_lite_cdk.instrumentation.apply import Applied, apply
from lambda_otel_lite_cdk.instrumentation.collect import collect
from lambda_otel_lite_cdk.instrumentation.log_groups import LogGroups
from lambda_otel_lite_cdk.instrumentation.report import report
from lambda_otel_lite_cdk.instrumentation.requests import Requests
from lambda_otel_lite_cdk.instrumentation.resolve import Failed, LeftAlone, Plan, resolve
from lambda_otel_lite_cdk.layer.construct import Layers
from lambda_otel_lite_cdk.settings.settings import TelemetrySettings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from constructs import IConstruct

#: Where the construct of an app or stage is among its children.
_ID = "LambdaOtelLite"
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
    return _synthesis_of(stage).requests


def _stage_of(construct: IConstruct) -> Stage | None:
    # Of a stage, `Stage.of` returns the one around it.
    return construct if isinstance(construct, Stage) else Stage.of(construct)


def _synthesis_of(stage: Stage) -> _Synthesis:
    found = stage.node.try_find_child(_ID)
    if isinstance(found, _Synthesis):
        return found
    around = _stage_of(stage.node.scope) if stage.node.scope is not None else None
    return _Synthesis(stage, _synthesis_of(around) if around is not None else None)


@jsii.implements(IAspect, IValidation)
class _Synthesis(Construct):
    """Instrument and check the functions of an app or stage, without the stages in it.

    Aspects do not reach into stages, so that each stage has one of these. It is an aspect on
    itself and on the last construct, so that the CDK calls it twice. On the app it would be called
    for every construct, which for a fleet takes longer than all that it does.

    Args:
        stage: The app or stage.
        outer: That of the app or stage around it.

    Attributes:
        requests: What is asked in it.
        layers: The telemetry layers of the whole app.
    """

    def __init__(self, stage: Stage, outer: _Synthesis | None) -> None:
        # Before the construct is made: the next call must not find one that is half made.
        defaults = TelemetrySettings.from_context(stage.node.get_all_context())
        defaults.check("CDK context")
        super().__init__(stage, _ID)
        self._stage = stage
        self._defaults = defaults
        self.requests: Requests = Requests(stage.node.path, outer.requests if outer else None)
        self.layers: Layers = outer.layers if outer else Layers(Path(stage.asset_outdir))
        self._results: Sequence[LeftAlone | Applied | Failed] = ()
        self._awaited = self.node.path
        Aspects.of(self).add(self, priority=_LAST)
        stage.node.add_validation(self)

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

    def _instrument(self) -> None:
        found = collect(self._stage, self.requests)
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

    def validate(self) -> list[str]:
        """Return what stops the synth, one message each; called by the CDK before it writes."""
        collected = collect_facts(self._stage, self._results, self.requests)
        errors = [said for one in self._results for said in _errors_of(one)]
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
        write_report(Path(self._stage.outdir), outcomes)
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
