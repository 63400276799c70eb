"""Tell from an app's templates which functions are instrumented, and why others are not.

A template is what is deployed. If it disagrees with the report of the synth, such as after
`add_property_override`, the template is right.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lambda_otel_lite.configuration.variables import ENTRY_POINT, HANDLER
from lambda_otel_lite_cdk.functions.eligibility import is_made_by_cdk, why_never
from lambda_otel_lite_cdk.functions.outcome import Outcome, name_of
from lambda_otel_lite_cdk.functions.reasons import Explanation, Reason, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FUNCTION, _SAM_FUNCTION = "AWS::Lambda::Function", "AWS::Serverless::Function"


def functions_of(
    template: Path,
    outcomes: Mapping[tuple[str, str], Outcome],
    paths: Mapping[str, str] | None = None,
) -> Iterator[tuple[str, Outcome]]:
    """Yield the logical id of each function of a template, and what became of it.

    Args:
        template: The template's file.
        outcomes: The coverage report beside it.
        paths: Construct path of each resource by its logical id, as far as they are known.

    Raises:
        OSError: The file cannot be read.
        json.JSONDecodeError: It is not a template.
    """
    body = json.loads(template.read_text("utf-8"))
    shared = body.get("Globals", {}).get("Function", {})
    for logical_id, resource in body.get("Resources", {}).items():
        properties = resource.get("Properties", {})
        if resource.get("Type") == _SAM_FUNCTION:
            properties = {**shared, **properties}
        if resource.get("Type") in {_FUNCTION, _SAM_FUNCTION}:
            known = outcomes.get((template.name, logical_id)) or _unreported(
                template.name.partition(".")[0], logical_id, resource, (paths or {}).get(logical_id)
            )
            yield logical_id, _as_deployed(known, properties)


def _unreported(
    stack: str, logical_id: str, resource: Mapping[str, Any], path: str | None
) -> Outcome:
    # The path is there if the CDK's command line synthesized.
    path = path or resource.get("Metadata", {}).get("aws:cdk:path", f"{stack}/{logical_id}")
    path = path.removesuffix("/Resource")
    instrumented = Outcome(function=path, stack=stack, status=Status.INSTRUMENTED)
    if resource.get("Properties", {}).get("Handler") == ENTRY_POINT:
        return instrumented
    reason = Reason.MADE_BY_CDK if is_made_by_cdk(path) else Reason.NOT_ASKED
    if resource.get("Type") == _SAM_FUNCTION:
        reason = Reason.SAM_FUNCTION
    return instrumented.but(reason.because())


def _as_deployed(known: Outcome, properties: Mapping[str, Any]) -> Outcome:
    if known.status in {Status.MISSING, Status.WAITING} and (why := why_never(properties)):
        return known.but(why)
    if known.status is Status.INSTRUMENTED and (why := _overridden(known, properties)):
        return known.but(why)
    return known


def _overridden(known: Outcome, properties: Mapping[str, Any]) -> Explanation | None:
    """Return what undoes the instrumentation, or None."""
    handler = properties.get("Handler")
    if handler != ENTRY_POINT:
        return Reason.HANDLER_OVERRIDDEN.because(handler=handler, entry_point=ENTRY_POINT)
    if not properties.get("Environment", {}).get("Variables", {}).get(HANDLER):
        return Reason.VARIABLE_OVERRIDDEN.because(variable=HANDLER)
    layers = properties.get("Layers", [])
    if known.layer and known.layer not in map(name_of, layers):
        return Reason.LAYERS_OVERRIDDEN.because(layer=known.layer)
    return None
