"""Find the functions that run at the edge, by what makes them run there.

Source:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-edge-permissions.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from lambda_otel_lite_cdk.functions.resources import FUNCTION, SAM_FUNCTION, of_type

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lambda_otel_lite_cdk.functions.resources import Resources

_FUNCTIONS = (FUNCTION, SAM_FUNCTION)
_PRINCIPAL = "edgelambda.amazonaws.com"
_DISTRIBUTIONS = ("AWS::CloudFront::Distribution", "AWS::CloudFront::StreamingDistribution")
#: ``arn:aws:lambda:REGION:ACCOUNT:function:NAME:VERSION``.
_NAME_IN_ARN = 6
_SUBSTITUTED = re.compile(r"\$\{[^}]*\}")


def is_edge_function(construct: object) -> bool:
    """Tell whether a construct is an `EdgeFunction`, whose default child is the function."""
    # By name, because importing aws_cloudfront takes long and most apps do not need it.
    return any(
        one.__name__ == "EdgeFunction" and one.__module__.startswith("aws_cdk.")
        for one in type(construct).__mro__
    )


def functions_at_edge(templates: Mapping[str, Resources]) -> set[tuple[str, str]]:
    """Return stack path and logical id of each function that CloudFront runs.

    That is one whose role trusts the service, or of which a distribution names a version.

    Args:
        templates: The resources of all stacks of an app or stage, by construct path.
    """
    found: set[tuple[str, str]] = set()
    named = {reference for one in templates.values() for reference in _associated(one)}
    trusting = {stack: set(_trusting(resources)) for stack, resources in templates.items()}
    for stack, resources in templates.items():
        versioned = {
            _reference(properties.get("FunctionName"))
            for version, properties in of_type(resources, "AWS::Lambda::Version")
            if version in named
        }
        for kind in _FUNCTIONS:
            for function, properties in of_type(resources, kind):
                role, name = _reference(properties.get("Role")), properties.get("FunctionName")
                # Logical ids are unique in one stack only.
                where = [stack] if role in resources else trusting
                if (
                    any(role in trusting[one] for one in where)
                    or _trusts(properties.get("AssumeRolePolicyDocument"))
                    or function in versioned
                    # As SAM names what it makes of a function.
                    or f"{function}.Version" in named
                    or (isinstance(name, str) and name in named)
                ):
                    found.add((stack, function))
    return found


def _trusting(resources: Resources) -> Iterator[str]:
    """Yield logical ids of the roles that trust the service."""
    for role, properties in of_type(resources, "AWS::IAM::Role"):
        if _trusts(properties.get("AssumeRolePolicyDocument")):
            yield role


def _trusts(policy: Any) -> bool:
    statements = policy.get("Statement", []) if isinstance(policy, dict) else []
    for statement in statements if isinstance(statements, list) else [statements]:
        principal = statement.get("Principal", {})
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        if _PRINCIPAL in (services if isinstance(services, list) else [services]):
            return True
    return False


def _associated(resources: Resources) -> Iterator[str]:
    """Yield logical ids of versions, and names of functions, that distributions refer to."""
    for kind in _DISTRIBUTIONS:
        for _, properties in of_type(resources, kind):
            yield from _named(properties)


def _named(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _named(one)
    elif isinstance(value, dict):
        for name, inner in value.items():
            if name != "LambdaFunctionARN":
                yield from _named(inner)
            else:
                yield from filter(None, (_reference(inner), _name_in(inner)))


def _name_in(arn: Any) -> str | None:
    """Return the function's name in the ARN of a version, as far as it is written out."""
    match arn:
        case {"Fn::Sub": [str(text), dict()]} | {"Fn::Sub": str(text)}:
            arn = _SUBSTITUTED.sub("", text)
        case {"Fn::Join": ["", list(parts)]}:
            arn = "".join(part if isinstance(part, str) else "" for part in parts)
    parts = arn.split(":") if isinstance(arn, str) else []
    return parts[_NAME_IN_ARN] if len(parts) > _NAME_IN_ARN + 1 else None


def _reference(value: Any) -> str | None:
    """Return the logical id that a ``Ref`` or ``Fn::GetAtt`` names, None if it is neither."""
    if not isinstance(value, dict):
        return None
    found = value.get("Ref") or value.get("Fn::GetAtt")
    return found[0] if isinstance(found, list) else found
