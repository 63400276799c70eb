"""Second step: decide for each function what holds of all that is asked.

Every entry point only notes what is wanted. Here all notes are read together, so that neither
their order nor their number shows in the template.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambda_otel_lite_cdk.functions.edge import functions_at_edge
from lambda_otel_lite_cdk.functions.eligibility import (
    OPT_OUT_TAG,
    is_forwarder,
    is_in_rollout,
    why_not_added_to,
    why_not_imported,
    why_unsupported,
)
from lambda_otel_lite_cdk.functions.reasons import Explanation, Reason
from lambda_otel_lite_cdk.functions.resources import as_given
from lambda_otel_lite_cdk.instrumentation.requests import from_the_top
from lambda_otel_lite_cdk.layer.archive import asset_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lambda_otel_lite_cdk.forwarding.subscription import Forwarding
    from lambda_otel_lite_cdk.instrumentation.collect import Candidate, Found, Site
    from lambda_otel_lite_cdk.settings.settings import TelemetrySettings

#: What somebody decided for a function, even if somebody else asks for it by name.
_DECIDED = (Reason.OPTED_OUT, Reason.TAGGED_OFF)


@dataclass(frozen=True, kw_only=True)
class LeftAlone:
    """A function that is not instrumented.

    Args:
        site: Where it is.
        why: Why it is not instrumented.
    """

    site: Site
    why: Explanation


@dataclass(frozen=True, kw_only=True)
class Failed:
    """A function that could not be instrumented, which stops the synth.

    Args:
        site: The function.
        errors: What stood against it, one message each.
    """

    site: Site
    errors: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a function is to be given.

    Args:
        site: The function.
        properties: What it has in its template, as `as_given` names them.
        settings: The settings that hold for it.
        forwarding: Where its log records are sent, or None to leave them in its log group.
    """

    site: Candidate
    properties: Mapping[str, Any]
    settings: TelemetrySettings
    forwarding: Forwarding | None


def resolve(
    found: Found, defaults: TelemetrySettings, assets: Path
) -> list[LeftAlone | Failed | Plan]:
    """Return what is to become of each function.

    Args:
        found: The functions of the app or stage, and what is asked for them.
        defaults: The settings that hold if nobody asks for others.
        assets: The folder that its assets are in.
    """
    at_edge = functions_at_edge(found.templates)
    tags = {path: one.tags.tag_values().get(OPT_OUT_TAG) for path, one in found.stacks.items()}
    resolved: list[LeftAlone | Failed | Plan] = []
    for candidate in found.candidates:
        resource = found.templates[candidate.stack_path].get(candidate.logical_id, {})
        written = resource.get("Properties", {})
        properties = as_given(written)
        exempt = candidate.exempt
        if (candidate.stack_path, candidate.logical_id) in at_edge:
            exempt = Reason.AT_EDGE.because()
        # The tags of a stack are those of the stacks nested in it, too.
        above = reversed(list(from_the_top(candidate.stack_path)))
        tag = _tag_of(properties) or next((tags[one] for one in above if tags.get(one)), None)
        why = _why_not_wanted(candidate, exempt, tag)
        planned = why or _planned(candidate, written, properties, defaults, assets)
        if isinstance(planned, Plan):
            resolved.append(planned)
        elif candidate.is_named and planned.reason not in _DECIDED:
            resolved.append(Failed(site=candidate, errors=(_refused(candidate, planned),)))
        else:
            resolved.append(LeftAlone(site=candidate, why=planned))
    return resolved


def _refused(candidate: Candidate, why: Explanation) -> str:
    text = why.text.removesuffix(".")
    return (
        f"{candidate.path}: it was asked for by name, but {text}. Do not instrument it, or change "
        f"that."
    )


def _why_not_wanted(
    candidate: Candidate, exempt: Explanation | None, tag: str | None
) -> Explanation | None:
    """Return why nobody wants a function to be instrumented now, None if somebody does."""
    # Who asks for a function by name knows better whose it is.
    if exempt and not (candidate.is_named and exempt.reason is Reason.MADE_BY_CDK):
        return exempt
    if tag == "off":
        return Reason.TAGGED_OFF.because(tag=OPT_OUT_TAG)
    if not candidate.requests:
        return Reason.NOT_ASKED.because()
    # Of scopes within each other the innermost decides. A function that is asked for by name is
    # left out by no scope.
    nearest = candidate.requests[-1]
    if why := nearest.unless(candidate.function):
        return Reason.LEFT_OUT.because(why=why)
    if not is_in_rollout(candidate.path, nearest.rollout):
        return Reason.NOT_YET.because(percent=nearest.rollout)
    return None


def _planned(
    candidate: Candidate,
    written: Mapping[str, Any],
    properties: Mapping[str, Any],
    defaults: TelemetrySettings,
    assets: Path,
) -> Explanation | Plan:
    """Decide by what a template says, and by the same under the names of `as_given`."""
    if is_forwarder(properties):
        return Reason.FORWARDER.because()
    settings = defaults
    for request in candidate.requests:
        settings = settings.merge(request.settings)
    code = asset_path(assets, properties.get("code", {}).get("s3Key"))
    why = why_not_imported(properties, code) if _is_python(properties) else None
    why = why or why_unsupported(
        properties, published=bool(settings.layer_arn), newer=bool(settings.newer_python)
    )
    if why := why or why_not_added_to(written):
        return why
    forwardings = [asked.forwarding for asked in candidate.requests if asked.forwarding]
    return Plan(
        site=candidate,
        properties=properties,
        settings=settings,
        forwarding=forwardings[-1] if forwardings else None,
    )


def _is_python(properties: Mapping[str, Any]) -> bool:
    return str(properties.get("runtime")).startswith("python")


def _tag_of(properties: Mapping[str, Any]) -> str | None:
    """Return the value of the tag by which a function is left alone, None without it."""
    # Tags of the scopes around it are aspects, and have been applied by now.
    return next(
        (one.get("Value") for one in properties.get("tags", ()) if one.get("Key") == OPT_OUT_TAG),
        None,
    )
