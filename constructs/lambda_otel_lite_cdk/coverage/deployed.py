"""Tell which deployed functions are instrumented, and what is deployed otherwise than synthesized.

Functions are given as the properties of ``AWS::Lambda::Function`` have them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite_cdk.functions.eligibility import why_never
from lambda_otel_lite_cdk.functions.outcome import Outcome
from lambda_otel_lite_cdk.functions.reasons import Reason, Status

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: What is compared. Other variables are not looked at: they may be secrets.
_PROPERTIES = ("Handler", "Runtime")
_VARIABLES = tuple(row["name"] for row in env.BY_SETTING.values())


def deployed_outcome(
    name: str, properties: Mapping[str, Any], synthesized: Outcome | None = None
) -> Outcome:
    """Return what became of a function that is deployed.

    Args:
        name: Its name.
        properties: What it runs with.
        synthesized: What became of it in the synth, which knows why it is left alone.
    """
    known = synthesized or Outcome(function=name, stack="", status=Status.INSTRUMENTED)
    variables = _variables_of(properties)
    if properties.get("Handler") == env.ENTRY_POINT and variables.get(env.HANDLER):
        return replace(
            known,
            status=Status.INSTRUMENTED,
            code=None,
            reason="",
            mode=variables.get(env.PROCESSOR_MODE, env.default_text("mode")),
            service=variables.get(env.SERVICE_NAME, ""),
        )
    if why := why_never(properties):
        return known.but(why)
    if known.status is Status.INSTRUMENTED:
        reason = Reason.NOT_DEPLOYED if synthesized else Reason.NOT_ASKED
        return known.but(reason.because())
    return known


def drift(synthesized: Mapping[str, Any], deployed: Mapping[str, Any], layer: str) -> Iterator[str]:
    """Yield what of the instrumentation is deployed otherwise than synthesized.

    Args:
        synthesized: Properties in the template; what is known at deployment only is not compared.
        deployed: What the function runs with.
        layer: ARN of its telemetry layer, empty where it has none or none is known.
    """
    for name in _PROPERTIES:
        yield from _difference(name, synthesized.get(name), deployed.get(name))
    ours, theirs = _variables_of(synthesized), _variables_of(deployed)
    for name in _VARIABLES:
        yield from _difference(name, ours.get(name), theirs.get(name))
    if layer and layer not in deployed.get("Layers", []):
        yield f"the telemetry layer {layer} is missing"


def _difference(name: str, synthesized: object, deployed: object) -> Iterator[str]:
    if synthesized != deployed and isinstance(synthesized, str | None):
        yield f"{name} is {deployed!r}, synthesized is {synthesized!r}"


def _variables_of(properties: Mapping[str, Any]) -> dict[str, Any]:
    variables: dict[str, Any] = properties.get("Environment", {}).get("Variables", {})
    return variables
