"""Send the log records of log groups to a forwarder."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Self

from aws_cdk import Names, Stack
from aws_cdk import aws_logs as logs

from lambda_otel_lite_cdk.errors import ForwardingError
from lambda_otel_lite_cdk.forwarding import facts
from lambda_otel_lite_cdk.forwarding._destination import (
    arn_destination,
    function_destination,
    stream_destination,
)
from lambda_otel_lite_cdk.forwarding.pattern import RECORD_PATTERN
from lambda_otel_lite_cdk.forwarding.reach import OnePolicy, why_out_of_reach
from lambda_otel_lite_cdk.settings.tokens import is_token

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aws_cdk import aws_kinesis as kinesis
    from aws_cdk import aws_lambda as lambda_
    from constructs import IConstruct

    from lambda_otel_lite_cdk.forwarding._destination import Destination

#: Ids in the template. They must not change with order, number or destination: CloudFormation
#: creates the new filter before it deletes the old one, which would exceed the log group's quota.
_FILTER_ID = "TelemetryFilter"
#: Characters of a log group's name in an id, which has 255 at most.
_READABLE = 100
_ACCOUNT_POLICY_ID = "TelemetryAccountPolicy"


class Forwarding:
    """Subscribe log groups to one destination.

    Make it with `to_function`, `to_arn` or `to_kinesis`. Then give it to functions or to a fleet,
    call `subscribe` for single log groups, or `account_level` once for all of an account.
    """

    def __init__(self, destination: Destination) -> None:
        self._destination = destination
        self._out_of_reach: dict[Stack, str | None] = {}

    @classmethod
    # To pyright a `Function` is no `IFunction`: some of its parameters have other names.
    def to_function(cls, function: lambda_.IFunction | lambda_.Function) -> Self:
        """Forward to a function, and permit this account's log groups to call it.

        Args:
            function: The forwarder, such as an `OtlpForwarder`.
        """
        return cls(function_destination(function))

    @classmethod
    def to_arn(cls, arn: str) -> Self:
        """Forward to a function of another app.

        No permission is made: its owner must permit CloudWatch Logs (``logs.amazonaws.com``) of
        this account and region to call it.

        Args:
            arn: The function's ARN.
        """
        return cls(arn_destination(arn))

    @classmethod
    def to_kinesis(cls, stream: kinesis.IStream) -> Self:
        """Forward to a data stream, and give CloudWatch Logs a role to write to it.

        Args:
            stream: The stream; it will hold compressed batches of log events.
        """
        return cls(stream_destination(stream))

    @property
    def destination(self) -> Destination:
        """Where log records are sent."""
        return self._destination

    def subscribe(self, log_group: logs.ILogGroup) -> None:
        """Subscribe a log group; to subscribe it again changes nothing.

        Args:
            log_group: The log group of an instrumented function.

        Raises:
            ForwardingError: The log group is the destination's own, it is forwarded elsewhere, or
                the destination is in another region, account or stage.
        """
        self.subscribe_named(log_group, log_group.log_group_name)

    def subscribe_named(self, owner: IConstruct, name: str) -> None:
        """Subscribe the log group with a name, for which a construct of the app stands.

        Args:
            owner: The log group, or the function whose log group it is; the filter's id comes
                from its path, unless the name is known at synth.
            name: The log group's name.

        Raises:
            ForwardingError: The log group is the destination's own, it is forwarded elsewhere, or
                the destination is in another region, account or stage.
        """
        stack = Stack.of(owner)
        filter_id = _FILTER_ID + _id_of(owner, name)
        destination = self._destination
        if why := self._why_not(stack):
            raise ForwardingError(f"{owner.node.path}: {why}")
        present = stack.node.try_find_child(filter_id)
        if isinstance(present, logs.CfnSubscriptionFilter):
            if stack.resolve(present.destination_arn) != stack.resolve(destination.arn):
                raise ForwardingError(
                    f"{owner.node.path}: its telemetry is already forwarded to "
                    f"{stack.resolve(present.destination_arn)}; a log group has one destination. "
                    f"Remove one of the two Forwarding objects. To send its spans to both, forward "
                    f"it to an OtlpForwarder with via=Kinesis(), and make the other one with "
                    f"via=Kinesis(stream=first.stream)."
                )
            return
        if name in destination.own_log_groups():
            raise ForwardingError(
                f"{owner.node.path}: it is the log group of the forwarder {destination.path}, "
                f"which would get its own log lines without end. Do not forward the forwarder's "
                f"log group."
            )
        subscription = logs.CfnSubscriptionFilter(
            # Not in the log group: an imported one cannot be a scope from Python.
            stack,
            filter_id,
            log_group_name=name,
            destination_arn=destination.arn,
            role_arn=destination.role_arn,
            filter_pattern=RECORD_PATTERN,
        )
        self._wait_for_grant(subscription)

    def account_level(
        self, scope: IConstruct, *, exclude: Iterable[logs.ILogGroup] = ()
    ) -> logs.CfnAccountPolicy:
        """Forward all log groups of the account and region by one policy, without any filter.

        The log groups of the destination itself are left out, so that it never gets its own lines.
        CloudWatch Logs keeps one such policy for each account and region; to ask again in the same
        stack returns the policy that is there.

        Args:
            scope: Any construct in the stack that will hold the policy.
            exclude: Other log groups to leave out. For a data stream, the log group of the function
                that reads it must be among them.

        Raises:
            ForwardingError: The stack's policy has another destination or leaves out other groups,
                or the destination is in another region, account or stage.
        """
        stack = Stack.of(scope)
        destination = self._destination
        if why := self._why_not(stack):
            raise ForwardingError(f"{stack.node.path}: {why}")
        names = {*destination.own_log_groups(), *(group.log_group_name for group in exclude)}
        # Most names are known at deployment only, so they are ordered by their references.
        ordered = sorted(names, key=lambda name: json.dumps(stack.resolve(name), sort_keys=True))
        listed = ", ".join(f'"{name}"' for name in ordered)
        policy = {
            "DestinationArn": destination.arn,
            **({"RoleArn": destination.role_arn} if destination.role_arn else {}),
            "FilterPattern": RECORD_PATTERN,
        }
        wanted = {
            "policy_name": facts.POLICY_NAME,
            "policy_type": facts.POLICY_TYPE,
            "scope": "ALL",
            "policy_document": stack.to_json_string(policy),
            "selection_criteria": f"LogGroupName NOT IN [{listed}]",
        }
        present = stack.node.try_find_child(_ACCOUNT_POLICY_ID)
        if isinstance(present, logs.CfnAccountPolicy):
            made = stack.resolve([present.policy_document, present.selection_criteria])
            asked = stack.resolve([wanted["policy_document"], wanted["selection_criteria"]])
            if made != asked:
                raise ForwardingError(
                    f"{stack.node.path}: its account-level policy is {made}, and now {asked} is "
                    f"wanted; CloudWatch Logs keeps one for each account and region. Call "
                    f"account_level once, with one destination and everything to exclude."
                )
            return present
        made_now = logs.CfnAccountPolicy(stack, _ACCOUNT_POLICY_ID, **wanted)
        made_now.node.add_validation(OnePolicy(made_now))
        self._wait_for_grant(made_now)
        return made_now

    def _why_not(self, stack: Stack) -> str | None:
        if stack not in self._out_of_reach:
            self._out_of_reach[stack] = why_out_of_reach(self._destination, stack)
        return self._out_of_reach[stack]

    def _wait_for_grant(self, resource: IConstruct) -> None:
        # CloudWatch Logs makes a test call when a filter is created.
        if (grant := self._destination.grant()) is not None:
            resource.node.add_dependency(grant)


def _id_of(owner: IConstruct, name: str) -> str:
    """Return what tells a log group from others in the template of its stack.

    One that is not of the app may have any number of constructs that stand for it.
    """
    if is_token(name):
        return Names.node_unique_id(owner.node)
    readable = re.sub("[^A-Za-z0-9]", "", name)[-_READABLE:]
    return readable + hashlib.sha256(name.encode()).hexdigest()[:8].upper()
