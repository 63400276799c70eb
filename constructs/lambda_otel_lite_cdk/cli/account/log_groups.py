"""Find the log groups of functions and stacks, and read the log records in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from lambda_otel_lite_cdk.cli.account.explained import explained
from lambda_otel_lite_cdk.cli.errors import UsageProblem

_NEEDED = (
    "logs:FilterLogEvents, lambda:GetFunctionConfiguration for a function's name, and "
    "cloudformation:ListStackResources for a stack's"
)


class AccountLogs:
    """The log groups that names stand for.

    Args:
        names: Names of functions, stacks and log groups; a name with a slash is a log group's.
        region: An AWS region, or None for that of the profile or of the environment.
        profile: A profile of the AWS configuration, or None for the usual credentials.

    Raises:
        UsageProblem: A name is nobody's, or the APIs refuse or cannot be reached.
    """

    def __init__(
        self, names: Iterable[str], region: str | None = None, profile: str | None = None
    ) -> None:
        import boto3  # noqa: PLC0415 - it takes long to import
        from botocore.config import Config  # noqa: PLC0415

        with explained(_NEEDED):
            session = boto3.Session(region_name=region, profile_name=profile)
            if not session.region_name:
                raise UsageProblem("no region is set; give --region, or set AWS_REGION")
            # Reading a busy group takes many calls, of which some are refused for their number.
            patient = Config(retries={"mode": "standard", "max_attempts": 10})
            self._lambda = session.client("lambda", config=patient)
            self._cloudformation = session.client("cloudformation", config=patient)
            self._logs = session.client("logs", config=patient)
            found = [group for name in names for group in self._groups(name)]
        #: Each once, in the order of the names.
        self.names = tuple(dict.fromkeys(found))

    def lines(self, pattern: str, since_ms: int, until_ms: int) -> Iterator[bytes | None]:
        """Yield each line of a span of time, and None after each answer of the API.

        Args:
            pattern: Which lines, as a filter pattern of CloudWatch Logs; empty for all.
            since_ms: The earliest time of a line, as Unix time in milliseconds.
            until_ms: The latest.

        Raises:
            UsageProblem: The API refuses or cannot be reached.
        """
        for group in self.names:
            pages = self._logs.get_paginator("filter_log_events").paginate(
                logGroupName=group, filterPattern=pattern, startTime=since_ms, endTime=until_ms
            )
            with explained(_NEEDED):
                for page in pages:
                    yield from (_line(event) for event in page["events"])
                    yield None

    def _groups(self, name: str) -> list[str]:
        if "/" in name:
            return [name]
        if group := self._of_function(name):
            return [group]
        if groups := self._of_stack(name):
            return groups
        raise UsageProblem(
            f"{name} is no function, and no stack with functions, in this account and region; give "
            f"the name of one or of a log group, such as /aws/lambda/{name}, or check --region and "
            f"--profile"
        )

    def _of_function(self, name: str) -> str | None:
        try:
            found = self._lambda.get_function_configuration(FunctionName=name)
        except self._lambda.exceptions.ResourceNotFoundException:
            return None
        # https://docs.aws.amazon.com/lambda/latest/api/API_LoggingConfig.html
        own = found.get("LoggingConfig", {}).get("LogGroup")
        return own or f"/aws/lambda/{found['FunctionName']}"

    def _of_stack(self, name: str) -> list[str]:
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=name)
        groups = []
        try:
            for resource in (one for page in pages for one in page["StackResourceSummaries"]):
                made = resource.get("PhysicalResourceId")
                if made and resource["ResourceType"] == "AWS::Lambda::Function":
                    groups += [group] if (group := self._of_function(made)) else []
                elif made and resource["ResourceType"] == "AWS::CloudFormation::Stack":
                    groups += self._of_stack(made)
        except self._cloudformation.exceptions.ClientError as error:
            # The API has no error of its own for a stack that does not exist.
            if "does not exist" not in str(error):
                raise
        return groups


def _line(event: dict[str, Any]) -> bytes:
    """Return an event's message as a line of a log.

    Args:
        event: What ``FilterLogEvents`` returns of it.
    """
    return str(event["message"]).rstrip("\n").encode() + b"\n"
