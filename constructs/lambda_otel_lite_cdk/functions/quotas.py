"""What Lambda takes of a function, and CloudWatch Logs of its log group.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_LAYERS = 5
#: All environment variables together, in bytes.
MOST_ENVIRONMENT_BYTES = 4096
#: Code and layers together, unzipped: 250 MB.
MOST_UNZIPPED_BYTES = 262_144_000
#: In a stack. Source:
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MOST_RESOURCES = 500


def too_many_layers(count: int, leave_out: str) -> str | None:
    """Return what is wrong with a number of layers, None if nothing is.

    Args:
        count: All layers of a function, the telemetry layer among them.
        leave_out: How the function can be left out.
    """
    if count <= MOST_LAYERS:
        return None
    return (
        f"it has {count} layers with the telemetry layer; Lambda takes at most {MOST_LAYERS}. "
        f"Merge two of its layers, or leave the function out with {leave_out}."
    )


def too_large_environment(variables: Mapping[str, object]) -> str | None:
    """Return what is wrong with the size of environment variables, None if nothing is.

    Args:
        variables: All of a function; what is known at deployment only counts as nothing.
    """
    # As the service measures it: the variables as a JSON object.
    known = {name: value if isinstance(value, str) else "" for name, value in variables.items()}
    size = len(json.dumps(known, separators=(",", ":"), ensure_ascii=False).encode())
    if size <= MOST_ENVIRONMENT_BYTES:
        return None
    return (
        f"its environment variables take {size} bytes; Lambda takes at most "
        f"{MOST_ENVIRONMENT_BYTES}. Move long values into a parameter store or a file."
    )


def too_many_filters(name: str, count: int, quota: int, fix: str) -> str | None:
    """Return what is wrong with a number of subscription filters, None if nothing is.

    Args:
        name: The log group.
        count: All of its filters, that of the telemetry among them.
        quota: How many it takes.
        fix: What to do about it.
    """
    if count <= quota:
        return None
    return (
        f"the log group {name} has {count} subscription filters with it; CloudWatch Logs takes "
        f"{quota}. {fix}."
    )


def takes_no_filter(name: str, of_class: object) -> str | None:
    """Return what is wrong with the class of a log group, None if it takes filters.

    Args:
        name: The log group.
        of_class: Its class; one that is known at deployment only is not known here.
    """
    if of_class == "STANDARD" or not isinstance(of_class, str):
        return None
    return (
        f"the log group {name} is of the class {of_class}, which takes no subscription filter. "
        f"Make it a log group of the class STANDARD."
    )
