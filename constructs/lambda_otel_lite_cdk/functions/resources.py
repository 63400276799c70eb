"""Read the resources of a template, whoever wrote it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FUNCTION = "AWS::Lambda::Function"
#: A function of the Serverless Application Model, whose transform makes one of the above.
SAM_FUNCTION = "AWS::Serverless::Function"
#: Their own keys are names that a user chose.
_NESTED = ("Code", "Environment", "LoggingConfig", "SnapStart")

type Resources = Mapping[str, Any]


def of_type(resources: Resources, kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield logical id and properties of the resources of a type."""
    for logical_id, resource in resources.items():
        if resource.get("Type") == kind:
            yield logical_id, resource.get("Properties", {})


def as_given(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties of a template under the names by which an app gives them.

    Args:
        properties: As a template has them: ``{"Code": {"S3Key": ...}}``.

    Returns:
        As `Configuration` has them: ``{"code": {"s3Key": ...}}``.
    """
    return {
        _small(name): {_small(inner): content for inner, content in value.items()}
        if name in _NESTED and isinstance(value, dict)
        else value
        for name, value in properties.items()
    }


def key(reference: object) -> str:
    """Return a value of a template as a text, so that equal values have equal texts."""
    return json.dumps(reference, sort_keys=True)


def _small(name: str) -> str:
    return name[:1].lower() + name[1:]
