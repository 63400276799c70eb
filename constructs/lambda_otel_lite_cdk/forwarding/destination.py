"""Where log groups can be sent, and the permission that CloudWatch Logs needs for it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING

from aws_cdk import ArnFormat, Fn, Names, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk.functions.properties import configured

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_cdk import aws_kinesis as kinesis
    from constructs import IConstruct

_PERMISSION_ID = "TelemetryLogs"
_ROLE_ID = "TelemetryLogsRole"
_LOGS = "logs.amazonaws.com"
#: Position of the function's name in ``arn:aws:lambda:REGION:ACCOUNT:function:NAME``.
_NAME_IN_ARN = 6


@dataclass(frozen=True)
class Destination:
    """What receives log events.

    Args:
        arn: Its ARN.
        path: Its construct path, or its ARN if it is not a construct of the app.
        role_arn: The role with which CloudWatch Logs writes to it, or None.
        own_log_groups: Returns the names of the log groups that it writes to itself.
        grant: Makes what CloudWatch Logs needs to send to it, unless it exists; returns it.
    """

    _: KW_ONLY
    arn: str
    path: str
    role_arn: str | None = None
    own_log_groups: Callable[[], tuple[str, ...]] = tuple
    grant: Callable[[], IConstruct | None] = lambda: None


def function_destination(function: lambda_.IFunction) -> Destination:
    """Return a function of the app, which permits log groups to call it."""
    return Destination(
        arn=function.function_arn,
        path=function.node.path,
        own_log_groups=lambda: (_log_group_of(function),),
        grant=lambda: _permission(function),
    )


def arn_destination(arn: str) -> Destination:
    """Return a function of another app, which grants the permission too."""
    name = Fn.select(_NAME_IN_ARN, Fn.split(":", arn))
    # If it has another log group, only its owner knows.
    return Destination(arn=arn, path=arn, own_log_groups=lambda: (f"/aws/lambda/{name}",))


def stream_destination(stream: kinesis.IStream) -> Destination:
    """Return a data stream, with a role that may write to it."""
    role = _writer(stream)
    return Destination(
        arn=stream.stream_arn, path=stream.node.path, role_arn=role.role_arn, grant=lambda: role
    )


def _log_group_of(function: lambda_.IFunction) -> str:
    resource = function.node.default_child
    if (
        isinstance(function, lambda_.Function)
        and isinstance(resource, lambda_.CfnFunction)
        # Without one, `Function.log_group` would deploy a custom resource.
        and "logGroup" in configured(resource).get("loggingConfig", {})
    ):
        return function.log_group.log_group_name
    return f"/aws/lambda/{function.function_name}"


def _permission(function: lambda_.IFunction) -> IConstruct | None:
    """Return the one permission of a function.

    One for each log group, as `LambdaDestination` makes them, would exceed the limit of the
    function's policy, 20,480 bytes, at about 44 log groups. Source:
    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    made = function.permissions_node.try_find_child(_PERMISSION_ID)
    if made is None:
        stack = Stack.of(function)
        function.add_permission(
            _PERMISSION_ID,
            principal=iam.ServicePrincipal(_LOGS),
            source_account=stack.account,
            source_arn=_any_log_group(stack),
        )
        made = function.permissions_node.try_find_child(_PERMISSION_ID)
    return made


def _writer(stream: kinesis.IStream) -> iam.Role:
    """Return the one role of a stream."""
    stack = Stack.of(stream)
    role_id = _ROLE_ID + Names.node_unique_id(stream.node)
    made = stack.node.try_find_child(role_id)
    if isinstance(made, iam.Role):
        return made
    trusted = iam.ServicePrincipal(
        _LOGS,
        conditions={
            # Only this account's log groups,
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
            "StringEquals": {"aws:SourceAccount": stack.account},
            "ArnLike": {"aws:SourceArn": _any_log_group(stack)},
        },
    )
    role = iam.Role(
        # Not in the stream: an imported one cannot be a scope from Python.
        stack,
        role_id,
        description="Lets CloudWatch Logs write log records to a data stream",
        assumed_by=trusted,
    )
    stream.grant_write(role)
    return role


def _any_log_group(stack: Stack) -> str:
    return stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name="*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
