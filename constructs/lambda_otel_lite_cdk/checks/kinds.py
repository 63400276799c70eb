"""Find what the kind of a function rules out: SnapStart, durable, on Lambda Managed Instances."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambda_otel_lite.configuration.variables import PROCESSOR_MODE
from lambda_otel_lite_cdk.functions.eligibility import has_no_extension, variables_of

if TYPE_CHECKING:
    from lambda_otel_lite_cdk.checks.facts import FunctionFacts


def snapstart_without_version(facts: FunctionFacts) -> str | None:
    """Return what is wrong with a function that asks for SnapStart."""
    applied_on = facts.properties.get("snapStart", {}).get("applyOn", "None")
    if applied_on == "None" or facts.has_version:
        return None
    return (
        "it asks for SnapStart, which works for published versions only, and the app publishes "
        "none. Use function.current_version or an alias, or remove snap_start."
    )


def durable_without_version(facts: FunctionFacts) -> str | None:
    """Return what is wrong with a durable function.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/durable-invoking.html
    """
    if "durableConfig" not in facts.properties or facts.has_version:
        return None
    return (
        "it is a durable function, which Lambda invokes by a version, an alias or $LATEST only, "
        "and the app publishes no version: event sources, rules and permissions made for the "
        "function itself do not invoke it. Use function.current_version or an alias for them."
    )


def mode_without_extension(facts: FunctionFacts) -> str | None:
    """Return what is said of a function on Lambda Managed Instances."""
    mode = variables_of(facts.properties).get(PROCESSOR_MODE)
    if has_no_extension(facts.properties, mode):
        return (
            f"its {PROCESSOR_MODE} is {mode!r}, which needs an extension: it runs on Lambda "
            f"Managed Instances, which allow none, and is 'sync' there. Remove the variable."
        )
    if has_no_extension(facts.properties, facts.mode):
        return (
            f"its mode is 'sync' and not {facts.mode!r}, which needs an extension: it runs on "
            f"Lambda Managed Instances, which allow none. Give it TelemetrySettings(mode='sync')."
        )
    return None
