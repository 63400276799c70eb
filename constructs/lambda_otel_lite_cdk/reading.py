"""Read back what an app gave to its constructs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Stack

if TYPE_CHECKING:
    from aws_cdk import aws_lambda as lambda_


def configured(resource: lambda_.CfnFunction) -> dict[str, Any]:
    """Return the properties that an app gave to a function, by their names in CloudFormation.

    Names begin with a small letter, as the CDK keeps them: ``loggingConfig``. What was written
    past the construct by ``add_property_override`` is not among them.
    """
    # Typed access reads lazy values back as empty (aws/jsii#4153); resolving them does not.
    properties: dict[str, Any] = Stack.of(resource).resolve(
        resource._cfn_properties  # noqa: SLF001 - the one way; it is read, never written to
    )
    return properties
