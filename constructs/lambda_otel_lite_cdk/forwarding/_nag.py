"""Tell cdk-nag why something that it finds is as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aws_cdk
from aws_cdk import Stack

if TYPE_CHECKING:
    from aws_cdk import aws_iam as iam
    from constructs import IConstruct

#: The CDK's own grants of a key name their actions so.
_KEY_ACTIONS = ("kms:ReEncrypt*", "kms:GenerateDataKey*")


def explain(construct: IConstruct, finding: str, reason: str) -> None:
    """Acknowledge what the AwsSolutions pack finds in a construct.

    Args:
        construct: The construct.
        finding: The rule, such as ``"L1"``, with what it found in brackets.
        reason: Why it is right as it is.
    """
    # Older versions of the CDK have no place for it.
    if hasattr(aws_cdk, "Validations"):
        aws_cdk.Validations.of(construct).acknowledge(
            aws_cdk.Acknowledgment(id=f"AwsSolutions::AwsSolutions-{finding}", reason=reason)
        )


def explain_key(construct: IConstruct) -> None:
    """Explain the names of actions by which the CDK grants a key to a role.

    Args:
        construct: The role.
    """
    for action in _KEY_ACTIONS:
        explain(
            construct,
            f"IAM5[Action::{action}]",
            "The CDK grants one key so; the actions of the name do the same with it.",
        )


def explain_resource(role: iam.Role, resource: str, reason: str) -> None:
    """Explain a resource with a wildcard that a role may use.

    Args:
        role: The role.
        resource: The resource, which may be known at deployment only.
        reason: Why it is right as it is.
    """
    explain(role, f"IAM5[Resource::{_flat(Stack.of(role).resolve(resource))}]", reason)


def _flat(resolved: Any) -> str:
    """Return what a template has, as cdk-nag writes it."""
    match resolved:
        case {"Ref": str(name)}:
            return f"<{name}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Fn::Join": [separator, [*each]]}:
            return str(separator).join(map(_flat, each))
        case _:
            return str(resolved)
