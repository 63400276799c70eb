"""Second step: decide for each function what holds of all that is asked.

Every entry point only notes what is wanted. Here all notes are read together, so that neither
their order nor their number shows in the template.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lambda_otel_lite_cdk.functions.eligibility import (
    is_forwarder,
    is_in_rollout,
    why_unsupported,
)
from lambda_otel_lite_cdk.functions.properties import Configuration, configurations
from lambda_otel_lite_cdk.functions.reasons import Explanation, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_cdk import Stack

    from lambda_otel_lite_cdk.forwarding.subscription import Forwarding
    from lambda_otel_lite_cdk.instrumentation.collect import Candidate, Site
    from lambda_otel_lite_cdk.settings.settings import TelemetrySettings


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
class Plan:
    """What a function is to be given.

    Args:
        site: The function.
        configuration: What the app gave it.
        settings: The settings that hold for it.
        forwarding: Where its log records are sent, or None to leave them in its log group.
    """

    site: Candidate
    configuration: Configuration
    settings: TelemetrySettings
    forwarding: Forwarding | None


def resolve(candidates: Sequence[Candidate], defaults: TelemetrySettings) -> list[LeftAlone | Plan]:
    """Return what is to become of each function.

    Args:
        candidates: The functions, and what is asked for them.
        defaults: The settings that hold if nobody asks for others.
    """
    resolved: list[LeftAlone | Plan] = []
    wanted: dict[Stack, list[Candidate]] = {}
    for candidate in candidates:
        if why := _why_not_wanted(candidate):
            resolved.append(LeftAlone(site=candidate, why=why))
        else:
            wanted.setdefault(candidate.stack, []).append(candidate)
    for stack, of_stack in wanted.items():
        read = configurations(stack, [one.resource for one in of_stack])
        for candidate, configuration in zip(of_stack, read, strict=True):
            resolved.append(_planned(candidate, configuration, defaults))
    return resolved


def _why_not_wanted(candidate: Candidate) -> Explanation | None:
    """Return why nobody wants a function to be instrumented now, None if somebody does."""
    if candidate.exempt:
        return candidate.exempt
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
    candidate: Candidate, configuration: Configuration, defaults: TelemetrySettings
) -> LeftAlone | Plan:
    if is_forwarder(configuration.properties):
        return LeftAlone(site=candidate, why=Reason.FORWARDER.because())
    if why := why_unsupported(configuration.properties):
        return LeftAlone(site=candidate, why=why)
    settings = defaults
    for request in candidate.requests:
        settings = settings.merge(request.settings)
    forwardings = [asked.forwarding for asked in candidate.requests if asked.forwarding]
    return Plan(
        site=candidate,
        configuration=configuration,
        settings=settings,
        forwarding=forwardings[-1] if forwardings else None,
    )
