"""Know which stacks depend on which, so that forwarding never closes a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambda_otel_lite_cdk.functions.resources import references

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import Stack

    from lambda_otel_lite_cdk.functions.resources import Resources


def deployed_before(
    path: str, stacks: Mapping[str, Stack], templates: Mapping[str, Resources]
) -> set[str]:
    """Return the construct paths of the stacks that a stack is deployed after.

    Args:
        path: Construct path of the stack.
        stacks: All stacks by their construct paths.
        templates: Their resources. A reference to another stack is one with a logical id of that
            stack.
    """
    homes: dict[str, set[str]] = {}
    for home, resources in templates.items():
        for logical_id in resources:
            homes.setdefault(logical_id, set()).add(home)
    seen: set[str] = set()
    ahead = [path]
    while ahead:
        one = ahead.pop()
        if one in seen or one not in templates:
            continue
        seen.add(one)
        own = templates[one]
        ahead += [dependency.node.path for dependency in stacks[one].dependencies]
        for reference in set(references(own)) - own.keys():
            # An id that several stacks have says nothing.
            if len(found := homes.get(reference, set())) == 1:
                ahead += found
    return seen - {path}
