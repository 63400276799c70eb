"""Tell from an app's templates which functions are instrumented, and why others are not.

A template is what is deployed: where it disagrees with what became of a function at synth, such as
after `add_property_override`, the template is right.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_otel_lite.configuration.variables import ENTRY_POINT, HANDLER
from lambda_otel_lite_cdk.functions.eligibility import is_made_by_cdk, why_never
from lambda_otel_lite_cdk.functions.outcome import (
    INSTRUMENTED,
    MADE_BY_CDK,
    MISSING,
    NOT_ASKED,
    SKIPPED,
    Outcome,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FUNCTION = "AWS::Lambda::Function"


def functions_of(
    template: Path, outcomes: Mapping[tuple[str, str], Outcome]
) -> Iterator[tuple[str, Outcome]]:
    """Yield the logical id of each function of a template, and what became of it.

    Args:
        template: The template's file.
        outcomes: The coverage report beside it.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no template.
    """
    for logical_id, resource in (
        json.loads(template.read_text("utf-8")).get("Resources", {}).items()
    ):
        if resource.get("Type") == _FUNCTION:
            known = outcomes.get((template.name, logical_id)) or _unreported(
                template.name.partition(".")[0], logical_id, resource
            )
            yield logical_id, _as_deployed(known, resource.get("Properties", {}))


def _unreported(stack: str, logical_id: str, resource: Mapping[str, Any]) -> Outcome:
    # The path is there where the CDK's command line synthesized.
    path = resource.get("Metadata", {}).get("aws:cdk:path", f"{stack}/{logical_id}")
    path = path.removesuffix("/Resource")
    if resource.get("Properties", {}).get("Handler") == ENTRY_POINT:
        return Outcome(function=path, stack=stack, status=INSTRUMENTED)
    if is_made_by_cdk(path):
        return Outcome(function=path, stack=stack, status=SKIPPED, reason=MADE_BY_CDK)
    return Outcome(function=path, stack=stack, status=MISSING, reason=NOT_ASKED)


def _as_deployed(known: Outcome, properties: Mapping[str, Any]) -> Outcome:
    if known.status == MISSING and (other := why_never(properties)):
        return replace(known, status=SKIPPED, reason=other)
    if known.status == INSTRUMENTED and (reason := _overridden(known, properties)):
        return replace(known, status=MISSING, reason=reason)
    return known


def _overridden(known: Outcome, properties: Mapping[str, Any]) -> str | None:
    """Return what undoes the instrumentation, or None."""
    handler = properties.get("Handler")
    if handler != ENTRY_POINT:
        return f"its Handler is overridden in the template: {handler!r} in place of {ENTRY_POINT!r}"
    if not properties.get("Environment", {}).get("Variables", {}).get(HANDLER):
        return f"{HANDLER} is overridden in the template: the function's own handler is not known"
    layers = properties.get("Layers", [])
    if known.layer and not any(_is_layer(known.layer, one) for one in layers):
        return f"its Layers are overridden in the template: {known.layer} is not among them"
    return None


def _is_layer(layer: str, reference: Any) -> bool:
    if isinstance(reference, dict):
        # The logical id is the construct's id and a hash; a token's ARN cannot be compared.
        target = str(reference.get("Ref", ""))
        return target.startswith(layer) or "${Token[" in layer
    return bool(reference == layer)
