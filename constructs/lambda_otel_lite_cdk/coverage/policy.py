"""Make it a rule for an app that every Python function in it is instrumented."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk
import jsii

from lambda_otel_lite_cdk.coverage.templates import functions_of
from lambda_otel_lite_cdk.functions.outcome import read_report
from lambda_otel_lite_cdk.functions.reasons import Reason, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Before about 2.260 the CDK had these under trial names.
_NEW = hasattr(aws_cdk, "IPolicyValidationPlugin")
_PLUGIN: Any = getattr(aws_cdk, f"IPolicyValidationPlugin{'' if _NEW else 'Beta1'}")
_REPORT: Any = getattr(aws_cdk, f"PolicyValidationPluginReport{'' if _NEW else 'Beta1'}")
_VIOLATION: Any = getattr(aws_cdk, f"PolicyViolation{'' if _NEW else 'Beta1'}")
_RESOURCE: Any = getattr(aws_cdk, f"PolicyViolatingResource{'' if _NEW else 'Beta1'}")
#: What is in a stack beside its template, as the CDK names it.
_WITHIN = ("nested", "product", "stackset")
_INSTRUMENTED = "python-function-instrumented"
_NOT_OVERRIDDEN = "instrumentation-not-overridden"
_RULES = {
    _INSTRUMENTED: "Every Python function is instrumented.",
    _NOT_OVERRIDDEN: "Nothing in a template undoes the instrumentation.",
}
#: The property of a template that undoes the instrumentation, by the reason that says so.
_OVERRIDES = {
    Reason.HANDLER_OVERRIDDEN: "Properties/Handler",
    Reason.VARIABLE_OVERRIDDEN: "Properties/Environment",
    Reason.LAYERS_OVERRIDDEN: "Properties/Layers",
}


@jsii.implements(_PLUGIN)
class TelemetryPolicy:
    """Validate the templates of an app: every Python function is instrumented.

    Functions that were opted out with a reason, those that the CDK makes for itself and those that
    are not Python do not violate it. Give it to ``Validations.of(app).add_plugins``, or to the
    app's ``policy_validation_beta1`` if the CDK does not have that yet.
    """

    @property
    def name(self) -> str:
        """The policy's name in the CDK's validation report."""
        return "lambda-otel-lite"

    @property
    def version(self) -> str:
        """The policy's version."""
        return "1.0.0"

    @property
    def rule_ids(self) -> list[str]:
        """The ids of the rules."""
        return list(_RULES)

    def validate(self, context: Any) -> Any:
        """Return what violates the policy; called by the CDK when templates are written."""
        found: dict[str, list[tuple[str, Any]]] = {}
        for template in map(Path, context.template_paths):
            name = template.name.partition(".")[0]
            inner = [
                one
                for kind in _WITHIN
                for one in sorted(template.parent.glob(f"{name}*.{kind}.template.json"))
            ]
            for one in (template, *inner):
                for rule, violation in _violations(one):
                    found.setdefault(rule, []).append(violation)
        violations = [
            _VIOLATION(
                rule_name=rule,
                description=f"{_RULES[rule]} {' '.join(reason for reason, _ in resources)}",
                fix="Instrument the functions, or opt them out with Telemetry.of(…).opt_out(…).",
                severity="error",
                violating_resources=[resource for _, resource in resources],
            )
            for rule, resources in found.items()
        ]
        return _REPORT(success=not violations, violations=violations)


def _violations(template: Path) -> Iterator[tuple[str, tuple[str, Any]]]:
    for logical_id, outcome in functions_of(template, read_report(template.parent)):
        if outcome.status is Status.MISSING:
            override = _OVERRIDES.get(outcome.code) if outcome.code else None
            resource = _RESOURCE(
                resource_logical_id=logical_id,
                locations=[override or "Properties/Handler"],
                template_path=str(template),
            )
            rule = _NOT_OVERRIDDEN if override else _INSTRUMENTED
            yield rule, (f"{outcome.function}: {outcome.reason}.", resource)
