"""Find the functions that run at the edge, by what makes them run there.

Source:
https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/lambda-edge-permissions.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lambda_otel_lite_cdk.functions.resources import (
    FUNCTION,
    SAM_FUNCTION,
    SUBSTITUTION,
    of_type,
    references,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lambda_otel_lite_cdk.functions.resources import Resources

_FUNCTIONS = (FUNCTION, SAM_FUNCTION)
_PRINCIPAL = "edgelambda.amazonaws.com"
_DISTRIBUTIONS = ("AWS::CloudFront::Distribution", "AWS::CloudFront::StreamingDistribution")
#: ``arn:aws:lambda:REGION:ACCOUNT:function:NAME:VERSION``.
_NAME_IN_ARN = 6


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
    named = [(stack, one) for stack in templates for one in _associated(templates[stack])]
    roles = dict(_trusting(templates))
    found: set[tuple[str, str]] = set()
    for stack, resources in templates.items():
        # Logical ids are unique in one stack only.
        here = {one for home, one in named if home == stack or one not in templates[home]}
        here |= {
            one
            for version, properties in of_type(resources, "AWS::Lambda::Version")
            if version in here
            for one in references(properties.get("FunctionName"))
        }
        for kind in _FUNCTIONS:
            for function, properties in of_type(resources, kind):
                if (
                    _has_role(properties.get("Role"), stack, resources, roles)
                    or _trusts(properties.get("AssumeRolePolicyDocument"))
                    or function in here
                    # As SAM names what it makes of a function.
                    or f"{function}.Version" in here
                    or _text(properties.get("FunctionName")) in here
                ):
                    found.add((stack, function))
    return found


def _trusting(templates: Mapping[str, Resources]) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the roles that trust the service, by stack and logical id, with their names."""
    for stack, resources in templates.items():
        for role, properties in of_type(resources, "AWS::IAM::Role"):
            if _trusts(properties.get("AssumeRolePolicyDocument")):
                yield (stack, role), _text(properties.get("RoleName"))


def _has_role(
    role: Any, stack: str, resources: Resources, roles: Mapping[tuple[str, str], str]
) -> bool:
    """Tell whether what a function has as its role is one of some roles."""
    ids = set(references(role))
    name = _text(role).rpartition("/")[2]
    return any(
        (one in ids and (home == stack or one not in resources)) or (name and name == called)
        for (home, one), called in roles.items()
    )


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
                yield from references(inner)
                yield from _name_in(_text(inner))


def _name_in(arn: str) -> Iterator[str]:
    """Yield the function's name in the ARN of a version, as far as it is written out."""
    parts = arn.split(":")
    if len(parts) > _NAME_IN_ARN + 1 and parts[_NAME_IN_ARN]:
        yield parts[_NAME_IN_ARN]


def _text(value: Any) -> str:
    """Return what is written out of an expression."""
    match value:
        case str():
            return value
        case {"Fn::Sub": [str(text), dict()]} | {"Fn::Sub": str(text)}:
            return SUBSTITUTION.sub("", text)
        case {"Fn::Join": ["", list(parts)]}:
            return "".join(part for part in parts if isinstance(part, str))
    return ""
