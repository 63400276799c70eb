"""Where log groups can be sent, and the permission that CloudWatch Logs needs for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from aws_cdk import ArnFormat, Fn, Names, Stack, Token
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk.forwarding import facts
from lambda_otel_lite_cdk.forwarding._nag import explain_key
from lambda_otel_lite_cdk.functions.properties import configured

if TYPE_CHECKING:
    from aws_cdk import aws_kinesis as kinesis
    from constructs import IConstruct

_PERMISSION_ID = "TelemetryLogs"
_ROLE_ID = "TelemetryLogsRole"
#: Position of the function's name in ``arn:aws:lambda:REGION:ACCOUNT:function:NAME``.
_NAME_IN_ARN = 6


@dataclass(frozen=True, kw_only=True)
class Destination:
    """What receives log events.

    Args:
        arn: Its ARN.
        path: Its construct path, or its ARN if it is not a construct of the app.
        role_arn: The role with which CloudWatch Logs writes to it, or None.
    """

    arn: str
    path: str
    role_arn: str | None = None

    def own_log_groups(self) -> tuple[str, ...]:
        """Return the names of the log groups that it writes to itself."""
        return ()

    def home(self) -> Stack | None:
        """Return the stack that it is made in, None if it is not of this app."""
        return None

    def grant(self) -> IConstruct | None:
        """Return what CloudWatch Logs needs to send to it, made at the first call."""
        return None


@dataclass(frozen=True, kw_only=True)
class _Function(Destination):
    """A function of the app, which permits log groups to call it."""

    function: lambda_.IFunction

    # Asked for each function of a fleet, and each answer takes several calls into the CDK.
    @cached_property
    def _log_group(self) -> str:
        return _log_group_of(self.function)

    @cached_property
    def _home(self) -> Stack | None:
        # An imported one is in the stack that names it.
        return Stack.of(self.function) if isinstance(self.function, lambda_.Function) else None

    @cached_property
    def _granted(self) -> IConstruct | None:
        return _permission(self.function)

    def own_log_groups(self) -> tuple[str, ...]:
        return (self._log_group,)

    def home(self) -> Stack | None:
        return self._home

    def grant(self) -> IConstruct | None:
        return self._granted


@dataclass(frozen=True, kw_only=True)
class _Foreign(Destination):
    """A function of another app, which grants the permission too."""

    log_group: str

    def own_log_groups(self) -> tuple[str, ...]:
        return (self.log_group,)


@dataclass(frozen=True, kw_only=True)
class _Stream(Destination):
    """A data stream, with a role that may write to it."""

    role: iam.Role

    @cached_property
    def _home(self) -> Stack | None:
        return Stack.of(self.role) if Token.is_unresolved(self.arn) else None

    def home(self) -> Stack | None:
        return self._home

    def grant(self) -> IConstruct | None:
        return self.role


def function_destination(function: lambda_.IFunction) -> Destination:
    """Return a function of the app as a destination."""
    return _Function(arn=function.function_arn, path=function.node.path, function=function)


def arn_destination(arn: str) -> Destination:
    """Return a function of another app as a destination."""
    name = Fn.select(_NAME_IN_ARN, Fn.split(":", arn))
    # If it has another log group, only its owner knows.
    return _Foreign(arn=arn, path=arn, log_group=f"/aws/lambda/{name}")


def stream_destination(stream: kinesis.IStream) -> Destination:
    """Return a data stream as a destination, with a role that is made for it."""
    role = _writer(stream)
    return _Stream(arn=stream.stream_arn, path=stream.node.path, role_arn=role.role_arn, role=role)


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
    """Return the one permission of a function, made at the first call.

    One for each log group, as `LambdaDestination` makes them, would exceed the limit of the
    function's policy, 20,480 bytes, at about 44 log groups. Source:
    https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    """
    made = function.permissions_node.try_find_child(_PERMISSION_ID)
    if made is None:
        stack = Stack.of(function)
        function.add_permission(
            _PERMISSION_ID,
            principal=iam.ServicePrincipal(facts.LOGS),
            source_account=stack.account,
            source_arn=any_log_group(stack),
        )
        made = function.permissions_node.try_find_child(_PERMISSION_ID)
    return made


def _writer(stream: kinesis.IStream) -> iam.Role:
    """Return the one role that writes to a stream, made at the first call."""
    stack = Stack.of(stream)
    role_id = _ROLE_ID + Names.node_unique_id(stream.node)
    made = stack.node.try_find_child(role_id)
    if isinstance(made, iam.Role):
        return made
    trusted = iam.ServicePrincipal(
        facts.LOGS,
        conditions={
            # Only this account's log groups,
            # https://docs.aws.amazon.com/IAM/latest/UserGuide/confused-deputy.html
            "StringEquals": {"aws:SourceAccount": stack.account},
            "ArnLike": {"aws:SourceArn": any_log_group(stack)},
        },
    )
    role = iam.Role(
        # Not in the stream: from Python, an imported one cannot be a scope.
        stack,
        role_id,
        description="Lets CloudWatch Logs write log records to a data stream",
        assumed_by=trusted,
    )
    stream.grant_write(role)
    if stream.encryption_key is not None:
        explain_key(role)
    return role


def any_log_group(stack: Stack) -> str:
    """Return the ARN pattern of all log groups in the account and region of a stack."""
    return stack.format_arn(
        service="logs",
        resource="log-group",
        resource_name="*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
