"""Read back what an app gave to its constructs.

Every call into the CDK goes to another process and takes a fair part of a millisecond, which adds
up for the functions of a fleet. So what can be read in one call is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import Stack

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from aws_cdk import CfnResource
    from aws_cdk import aws_lambda as lambda_
    from constructs import IConstruct

#: The properties that somebody here reads; the others are not resolved. Of functions, of their
#: versions and layers, and of log groups and subscription filters.
_READ = (
    *("architectures", "code", "environment", "handler", "layers", "loggingConfig", "packageType"),
    *("runtime", "snapStart"),
    *("functionName", "content"),
    *("logGroupClass", "logGroupName", "filterPattern"),
)


def configured(function: lambda_.CfnFunction) -> Mapping[str, Any]:
    """Return the resolved properties that an app gave to a function."""
    (found,) = configurations(Stack.of(function), [function])
    return found


def configurations(stack: Stack, resources: Iterable[CfnResource]) -> list[Mapping[str, Any]]:
    """Return the resolved properties that an app gave to resources of a stack, in their order.

    Names begin with a small letter, as the CDK keeps them: ``loggingConfig``. What
    ``add_property_override`` writes is not among them.
    """
    # Attributes read lazy values back as empty (https://github.com/aws/jsii/issues/4153).
    found: list[Mapping[str, Any]] = stack.resolve([given_of(one) for one in resources])
    return found


def given_of(resource: CfnResource) -> Mapping[str, Any]:
    """Return what an app gave to a resource, with tokens.

    A token was given to the construct; what is no token was written to the resource.
    """
    given = resource._cfn_properties  # noqa: SLF001 - there is no other way; it is only read
    return {name: given[name] for name in _READ if name in given}


def path_of(resource: CfnResource) -> str:
    """Return the construct path of a resource, in one call where ``node.path`` takes two."""
    # Its type follows in brackets.
    return resource.to_string().rpartition(" [")[0]


def with_resources[Construct: IConstruct, Resource: IConstruct](
    constructs: Iterable[IConstruct], kind: type[Construct], resource: type[Resource]
) -> Iterator[tuple[Construct, Resource]]:
    """Yield the constructs of a kind with their resources.

    A construct's resource is the first one to come after it. Asking for it would take calls, and
    return another object each time.

    Args:
        constructs: In the order of the tree, parents first.
        kind: The constructs.
        resource: Their resources.
    """
    last: Construct | None = None
    for one in constructs:
        if isinstance(one, kind):
            last = one
        elif last is not None and isinstance(one, resource):
            yield last, one
            last = None
