"""Know which destinations a log group can be sent to, before CloudFormation finds out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import jsii
from aws_cdk import Stack, Stage, Token
from aws_cdk import aws_logs as logs
from constructs import IValidation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lambda_otel_lite_cdk.forwarding._destination import Destination

#: Positions in ``arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE``.
_SERVICE, _REGION, _ACCOUNT = 2, 3, 4
_WAY_OUT = (
    "Deploy an OtlpForwarder to each account and region that has functions and give each function "
    "that of its own, or leave it out with Telemetry.of(…).opt_out(…)"
)
_POLICY_TYPE = "SUBSCRIPTION_FILTER_POLICY"


def why_out_of_reach(destination: Destination, stack: Stack) -> str | None:
    """Return why log groups of a stack cannot be sent to a destination, None if they can.

    A log group and what it is subscribed to are in one account and region. Source:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html

    Args:
        destination: The destination.
        stack: The stack of the log group.
    """
    home = destination.home()
    if home is not None:
        return _why_not_from(home, destination, stack)
    parts = [] if Token.is_unresolved(destination.arn) else destination.arn.split(":")
    if len(parts) <= _ACCOUNT:
        return None
    compared = [("region", parts[_REGION], stack.region)]
    # A logical destination is there to be sent to from other accounts.
    if parts[_SERVICE] != "logs":
        compared.append(("account", parts[_ACCOUNT], stack.account))
    for name, theirs, ours in compared:
        if not Token.is_unresolved(ours) and theirs != ours:
            return (
                f"its log group is in the {name} {ours!r} and the forwarder {destination.path} in "
                f"{theirs!r}; both must be in one account and region. {_WAY_OUT}."
            )
    return None


def _why_not_from(home: Stack, destination: Destination, stack: Stack) -> str | None:
    if home.environment != stack.environment:
        return (
            f"its log group is in {stack.environment!r} and the forwarder {destination.path} in "
            f"{home.environment!r}; both must be in one account and region. {_WAY_OUT}."
        )
    ours, theirs = (_path_of(one) for one in (stack, home))
    if ours != theirs:
        return (
            f"it is in {ours or 'the app'!r} and the forwarder {destination.path} in "
            f"{theirs or 'the app'!r}, and one stage cannot refer to another. Make a forwarder in "
            f"each stage, or give the forwarder a function_name and name it by "
            f"Forwarding.to_arn(...)."
        )
    return None


def _path_of(stack: Stack) -> str:
    stage = Stage.of(stack)
    return stage.node.path if stage is not None else ""


@jsii.implements(IValidation)
class OnePolicy:
    """Find a second account-level policy of an account and region.

    CloudWatch Logs keeps one such policy for each. Source:
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters-AccountLevel.html

    Args:
        policy: The first one.
    """

    def __init__(self, policy: logs.CfnAccountPolicy) -> None:
        self._policy = policy

    def validate(self) -> list[str]:
        """Return what stops the synth; called by the CDK before it writes."""
        others = [one.node.path for one in self._others()]
        if not others:
            return []
        own = Stack.of(self._policy)
        said = (
            f"{self._policy.node.path}: {own.environment} has another account-level subscription "
            f"policy, {', '.join(others)}; CloudWatch Logs keeps one for each account and region. "
            f"Ask for account_level in one stack, or give the stacks environments of their own."
        )
        return [said]

    def _others(self) -> Iterator[logs.CfnAccountPolicy]:
        own = Stack.of(self._policy)
        path, stage = self._policy.node.path, _path_of(own)
        for one in self._policy.node.root.node.find_all():
            if (
                isinstance(one, logs.CfnAccountPolicy)
                and one.policy_type == _POLICY_TYPE
                and one.node.path != path
                and (other := Stack.of(one)).environment == own.environment
                # Stages without an environment may be deployed to one account each.
                and ("unknown" not in own.environment or _path_of(other) == stage)
            ):
                yield one
