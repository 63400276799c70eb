"""Say what the checks find: as errors, as warnings of the app, or as what is acknowledged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Annotations

from lambda_otel_lite_cdk.checks.rules import Severity, check

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lambda_otel_lite_cdk.checks.facts import Facts
    from lambda_otel_lite_cdk.instrumentation.requests import Requests

#: The checks that were acknowledged, with the reasons, by construct path.
type Acknowledged = dict[str, dict[str, str]]


def judge(facts: Iterable[Facts], requests: Requests) -> tuple[list[str], Acknowledged]:
    """Check an app or stage, add the warnings to it, and return the errors.

    Args:
        facts: What is known of it.
        requests: What is asked in it, and which checks are acknowledged.

    Returns:
        What stops the synth, one message each, and what is acknowledged.
    """
    errors: list[str] = []
    acknowledged: Acknowledged = {}
    for finding in check(facts):
        one, path = finding.check, finding.facts.path
        accepted = requests.acknowledged(path)
        if one.id in accepted:
            acknowledged.setdefault(path, {})[one.id] = accepted[one.id]
        elif one.severity is Severity.ERROR:
            errors.append(f"{finding.message} [{one.id}]")
        elif (construct := finding.facts.construct) is not None:
            Annotations.of(construct).add_warning_v2(one.id, finding.message)
    return errors, acknowledged
