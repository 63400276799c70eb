"""Send the record lines of a log group to where they are turned into OTLP requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from aws_cdk import ArnFormat, Names, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs

if TYPE_CHECKING:
    from constructs import IConstruct

#: Matches record lines and nothing else. `FilterPattern.exists` would render ``= "*"``, which
#: matches a literal asterisk. Source: CloudWatch Logs user guide, "Filter pattern syntax".
RECORD_PATTERN = "{ $.__otel_otlp_stdout = * }"
#: Ids in the template. They must not change with order, number or destination: CloudFormation
#: would create the new filter before it deletes the old one, and hit the quota of the log group.
_FILTER_ID = "TelemetryFilter"
_PERMISSION_ID = "TelemetryLogs"


class ForwardingError(ValueError):
    """A log group cannot be forwarded as asked; the message names it and says what to do."""


class Forwarding:
    """Subscribe log groups to one destination.

    Make it with `to_function` or `to_arn`, then give it to functions or call `subscribe`.
    """

    def __init__(self, destination_arn: str, function: lambda_.IFunction | None = None) -> None:
        self._destination_arn = destination_arn
        self._function = function

    @classmethod
    def to_function(cls, function: lambda_.IFunction) -> Self:
        """Forward to a function, which is permitted to be called by this account's log groups.

        Args:
            function: The forwarder, such as an `OtlpForwarder`.
        """
        return cls(function.function_arn, function)

    @classmethod
    def to_arn(cls, arn: str) -> Self:
        """Forward to a function that is looked after elsewhere.

        No permission is made: its owner must let CloudWatch Logs (``logs.amazonaws.com``) of this
        account and region call it.

        Args:
            arn: The function's ARN.
        """
        return cls(arn)

    def subscribe(self, log_group: logs.ILogGroup) -> None:
        """Subscribe a log group; doing so again changes nothing.

        Args:
            log_group: The log group of an instrumented function.

        Raises:
            ForwardingError: The log group is the destination's own, or it is forwarded elsewhere.
        """
        stack = Stack.of(log_group)
        filter_id = _FILTER_ID + Names.node_unique_id(log_group.node)
        present = stack.node.try_find_child(filter_id)
        if isinstance(present, logs.CfnSubscriptionFilter):
            if stack.resolve(present.destination_arn) != stack.resolve(self._destination_arn):
                raise ForwardingError(
                    f"{log_group.node.path}: its telemetry is already forwarded to "
                    f"{stack.resolve(present.destination_arn)}; a log group has one destination. "
                    f"Remove one of the two Forwarding objects."
                )
            return
        if self._function is not None and _logs_to(self._function, log_group):
            raise ForwardingError(
                f"{log_group.node.path} is the log group of the forwarder "
                f"{self._function.node.path}: it would be fed its own log lines without end. "
                f"Leave the forwarder out of what is forwarded."
            )
        subscription = logs.CfnSubscriptionFilter(
            # Not in the log group: an imported one cannot be a scope from Python.
            stack,
            filter_id,
            log_group_name=log_group.log_group_name,
            destination_arn=self._destination_arn,
            filter_pattern=RECORD_PATTERN,
        )
        # CloudWatch Logs makes a test call when the filter is created.
        if permission := self._permission():
            subscription.node.add_dependency(permission)

    def _permission(self) -> IConstruct | None:
        """Return the one permission of the destination, making it at the first call.

        One for each log group, as `LambdaDestination` makes them, overflows the function's policy
        of 20,480 bytes at about 44 log groups.
        """
        function = self._function
        if function is None:
            return None
        made = function.permissions_node.try_find_child(_PERMISSION_ID)
        if made is None:
            stack = Stack.of(function)
            function.add_permission(
                _PERMISSION_ID,
                principal=iam.ServicePrincipal("logs.amazonaws.com"),
                source_account=stack.account,
                source_arn=stack.format_arn(
                    service="logs",
                    resource="log-group",
                    resource_name="*",
                    arn_format=ArnFormat.COLON_RESOURCE_NAME,
                ),
            )
            made = function.permissions_node.try_find_child(_PERMISSION_ID)
        return made


def _logs_to(function: lambda_.IFunction, log_group: logs.ILogGroup) -> bool:
    """Tell whether a function of this app is configured to log to a log group."""
    resource = function.node.default_child
    if not isinstance(resource, lambda_.CfnFunction):
        return False
    stack = Stack.of(function)
    # The one way to read back what was given to an L2; it is resolved, never written to.
    configured = stack.resolve(resource._cfn_properties).get("loggingConfig", {})  # noqa: SLF001
    return bool(configured.get("logGroup") == stack.resolve(log_group.log_group_name))
