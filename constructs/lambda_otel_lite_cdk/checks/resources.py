"""Say that a stack has too many resources before the CDK or CloudFormation does."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from aws_cdk import CfnResource, Stack

from lambda_otel_lite_cdk.functions.quotas import MOST_RESOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from lambda_otel_lite_cdk.functions.resources import Resources
    from lambda_otel_lite_cdk.instrumentation.apply import Applied

#: Of a function: its log group and the filter. Of a stack: layers, a permission, a role.
_MOST_OF_A_FUNCTION, _MOST_OF_A_STACK = 2, 12


def too_many_resources(
    stacks: Mapping[str, Stack], before: Mapping[str, Resources], applied: Iterable[Applied]
) -> Iterator[str]:
    """Yield what is wrong with stacks that exceed the limit by what was added to them.

    Args:
        stacks: The stacks by their construct paths.
        before: The resources that they had.
        applied: The functions that were instrumented since then.
    """
    for path, functions in Counter(one.site.stack_path for one in applied).items():
        had = len(before[path])
        if had + functions * _MOST_OF_A_FUNCTION + _MOST_OF_A_STACK <= MOST_RESOURCES:
            continue
        has = _count(stacks[path])
        if has > MOST_RESOURCES >= had:
            yield (
                f"{path}: it has {has} resources, {has - had} of them for the telemetry of "
                f"{functions} functions; CloudFormation takes at most {MOST_RESOURCES}. Forward "
                f"with account_level, which needs no log group and no filter for each function, or "
                f"move functions to a stack of their own."
            )


def _count(stack: Stack) -> int:
    inner = [f"{one.node.path}/" for one in stack.node.find_all()[1:] if isinstance(one, Stack)]
    return sum(
        isinstance(one, CfnResource) and not one.node.path.startswith(tuple(inner))
        for one in stack.node.find_all()
    )
