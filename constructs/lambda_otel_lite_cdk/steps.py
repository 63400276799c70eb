"""The steps of a synth: collect, resolve, apply, check, report.

Each step takes data and returns data; what an app set itself, before or after, wins.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lambda_otel_lite_cdk.checks.collect import collect_facts
from lambda_otel_lite_cdk.checks.resources import too_many_resources
from lambda_otel_lite_cdk.checks.verdict import judge
from lambda_otel_lite_cdk.functions.outcome import REPORT_ENTRY, write_report
from lambda_otel_lite_cdk.functions.reasons import Reason
from lambda_otel_lite_cdk.instrumentation.apply import Applied, apply
from lambda_otel_lite_cdk.instrumentation.collect import collect
from lambda_otel_lite_cdk.instrumentation.log_groups import LogGroups
from lambda_otel_lite_cdk.instrumentation.report import report
from lambda_otel_lite_cdk.instrumentation.resolve import Failed, LeftAlone, Plan, resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import Stack, Stage

    from lambda_otel_lite_cdk.instrumentation.collect import Found
    from lambda_otel_lite_cdk.instrumentation.requests import Requests
    from lambda_otel_lite_cdk.layer.construct import Layers
    from lambda_otel_lite_cdk.settings.settings import TelemetrySettings


class Steps:
    """Instrument and check the functions of an app or stage, without the stages in it.

    Args:
        stage: The app or stage.
        defaults: The settings that hold where nobody asks for others.
        layers: Makes the telemetry layers of the app.
    """

    def __init__(self, stage: Stage, defaults: TelemetrySettings, layers: Layers) -> None:
        self._stage = stage
        self._defaults = defaults
        self._layers = layers
        self._too_many: tuple[str, ...] = ()
        self._marked: Stack | None = None
        self._results: Sequence[LeftAlone | Applied | Failed] = ()

    def collect(self, requests: Requests) -> Found:
        """Return the functions that have not been given yet what is asked for them.

        Args:
            requests: What is asked in the app or stage.
        """
        return collect(self._stage, requests, [one.site.path for one in self._done])

    def instrument(self, found: Found) -> None:
        """Give every function what is asked for it.

        Args:
            found: The functions, and what is asked for them.
        """
        self._marked = next(iter(found.stacks.values()), None)
        plans = resolve(found, self._defaults, Path(self._stage.asset_outdir))
        groups = LogGroups(found)
        results = [
            apply(one, self._layers, groups) if isinstance(one, Plan) else one for one in plans
        ]
        self._results = [*self._done, *results]
        applied = [one for one in results if isinstance(one, Applied)]
        self._too_many = tuple(too_many_resources(found.stacks, found.templates, applied))

    @property
    def _done(self) -> list[Applied]:
        return [one for one in self._results if isinstance(one, Applied)]

    def check(self, requests: Requests) -> list[str]:
        """Write the report, and return what stops the synth, one message each.

        Args:
            requests: What is asked in the app or stage.
        """
        if self._too_many:
            # The CDK would not write such a template, nor render it.
            return [*self._too_many]
        collected = collect_facts(self._stage, self._results, requests)
        errors, acknowledged = judge(collected.facts, requests)
        errors += [said for one in self._results for said in _errors_of(one)]
        errors += [
            f"{path}: {one.why.text}."
            for one in collected.others
            if one.why.reason is Reason.MADE_TOO_LATE and requests.of(path := one.site.path)
        ]
        outcomes = report([*self._results, *collected.others], collected.layer_ids, acknowledged)
        report_id = write_report(Path(self._stage.outdir), outcomes)
        if self._marked is not None:
            self._marked.node.add_metadata(REPORT_ENTRY, report_id)
        return errors


def _errors_of(result: LeftAlone | Applied | Failed) -> tuple[str, ...]:
    if isinstance(result, Failed):
        return result.errors
    return result.conflicts if isinstance(result, Applied) else ()
