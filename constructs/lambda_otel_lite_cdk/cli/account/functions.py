"""Read the functions of an account and region, and find those that a template has made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambda_otel_lite_cdk.cli.account.explained import explained
from lambda_otel_lite_cdk.cli.errors import UsageProblem

if TYPE_CHECKING:
    from lambda_otel_lite_cdk.cli.assembly.templates import Template

_NEEDED = "lambda:ListFunctions and, with CDK_OUT, cloudformation:ListStackResources"


@dataclass(frozen=True, kw_only=True)
class DeployedFunction:
    """What the Lambda API says of a function.

    Args:
        name: Its name.
        properties: What it runs with, as the properties of ``AWS::Lambda::Function`` have it.
            They hold all its environment variables: print none but this project's own.
        updated: When its code or configuration was last changed, as ISO 8601.
    """

    name: str
    properties: Mapping[str, Any]
    updated: str


class Account:
    """The functions and stacks of an account and region.

    Args:
        region: An AWS region, or None for that of the profile or of the environment.
        profile: A profile of the AWS configuration, or None for the usual credentials.

    Raises:
        UsageProblem: There is no such profile or no region.
    """

    def __init__(self, region: str | None = None, profile: str | None = None) -> None:
        import boto3  # noqa: PLC0415 - it takes long to import

        with explained(_NEEDED):
            session = boto3.Session(region_name=region, profile_name=profile)
            if not session.region_name:
                raise UsageProblem("no region is set; give --region, or set AWS_REGION")
            self._lambda = session.client("lambda")
            self._cloudformation = session.client("cloudformation")

    def functions(self) -> dict[str, DeployedFunction]:
        """Return every function by its name.

        Raises:
            UsageProblem: The API refuses or cannot be reached.
        """
        with explained(_NEEDED):
            pages = self._lambda.get_paginator("list_functions").paginate()
            return {one["FunctionName"]: _read(one) for page in pages for one in page["Functions"]}

    def made(self, template: Template) -> dict[str, str]:
        """Return the physical ids of what a template made, by the logical ids.

        Args:
            template: A stack's template; a stack that is not deployed has made none.

        Raises:
            UsageProblem: The API refuses or cannot be reached.
        """
        with explained(_NEEDED):
            made = self._made_by(template.root)
            for logical_id in template.nested_in:
                made = self._made_by(made[logical_id]) if logical_id in made else {}
            return made

    def _made_by(self, stack: str) -> dict[str, str]:
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        try:
            return {
                one["LogicalResourceId"]: one["PhysicalResourceId"]
                for page in pages
                for one in page["StackResourceSummaries"]
                if "PhysicalResourceId" in one
            }
        except self._cloudformation.exceptions.ClientError as error:
            # The API has no error of its own for a stack that does not exist:
            # https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStackResources.html
            if "does not exist" in str(error):
                return {}
            raise


def _read(function: Mapping[str, Any]) -> DeployedFunction:
    properties = {name: function.get(name) for name in ("Handler", "Runtime", "PackageType")}
    properties["Environment"] = {"Variables": function.get("Environment", {}).get("Variables", {})}
    properties["Layers"] = [layer["Arn"] for layer in function.get("Layers", [])]
    return DeployedFunction(
        name=function["FunctionName"], properties=properties, updated=function["LastModified"]
    )
