"""Find the log groups of functions and stacks."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from lambda_otel_lite_cdk.cli.account.explained import explained
from lambda_otel_lite_cdk.cli.account.log_events import LogEvents
from lambda_otel_lite_cdk.cli.assembly.templates import Template, read_templates
from lambda_otel_lite_cdk.cli.errors import UsageProblem

_NEEDED = (
    "logs:FilterLogEvents, lambda:GetFunctionConfiguration for a function's name, and "
    "cloudformation:ListStackResources and DescribeStackResource for a stack's or an app's"
)


class AccountLogs:
    """The log groups that names stand for.

    Args:
        names: Names of functions, stacks and log groups, and what an app calls its functions and
            stacks.
        region: An AWS region, or None for that of the profile or of the environment.
        profile: A profile of the AWS configuration, or None for the usual credentials.
        app: The app's cloud assembly, or None.

    Raises:
        UsageProblem: A name is nobody's, or the APIs refuse or cannot be reached.
    """

    def __init__(
        self,
        names: Iterable[str],
        region: str | None = None,
        profile: str | None = None,
        app: Path | None = None,
    ) -> None:
        import boto3  # noqa: PLC0415 - it takes long to import
        from botocore.config import Config  # noqa: PLC0415

        self._templates = read_templates(app) if app else []
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

    @property
    def events(self) -> LogEvents:
        """The lines in them."""
        return LogEvents(self._logs, self.names)

    def _groups(self, name: str) -> list[str]:
        if groups := self._of_app(name):
            return groups
        if "/" in name and not name.startswith("arn:"):
            return [name]
        if group := self._of_function(name):
            return [group]
        if groups := self._of_stack(name):
            return groups
        known = sorted({path for one in self._templates for path in _functions_of(one).values()})
        more = f", or one of the app's: {', '.join(known)}" if known else ""
        raise UsageProblem(
            f"{name} is no function, and no stack with functions, in this account and region; give "
            f"the name of one or of a log group, such as /aws/lambda/{name}{more}; or check "
            f"--region and --profile"
        )

    def _of_app(self, name: str) -> list[str]:
        """Return the log groups of what the app calls so: its stacks, else functions."""
        stacks = {one.root for one in self._templates if name in (one.artifact, one.stack)}
        if stacks:
            return [group for stack in stacks for group in self._of_stack(stack)]
        groups = []
        for template in self._templates:
            for logical_id, path in _functions_of(template).items():
                if name == path or path.endswith(f"/{name}"):
                    made = self._made(template, logical_id)
                    groups += [group] if made and (group := self._of_function(made)) else []
        return groups

    def _made(self, template: Template, logical_id: str) -> str | None:
        """Return the name of what was deployed of a template, in whatever stack it is nested."""
        found: str | None = template.root
        for step in (*template.nested_in, logical_id):
            try:
                answer = self._cloudformation.describe_stack_resource(
                    StackName=found, LogicalResourceId=step
                )
            except self._cloudformation.exceptions.ClientError as error:
                if "does not exist" not in str(error):
                    raise
                return None
            found = answer["StackResourceDetail"].get("PhysicalResourceId")
            if not found:
                return None
        return found

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


def _functions_of(template: Template) -> dict[str, str]:
    """Return the construct path of each function of a template, by its logical id."""
    return {
        logical_id: template.paths[logical_id].removesuffix("/Resource")
        for logical_id, resource in template.resources.items()
        if resource.get("Type") == "AWS::Lambda::Function" and logical_id in template.paths
    }
