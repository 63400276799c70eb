"""Read the resources of a template, whoever wrote it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FUNCTION = "AWS::Lambda::Function"
#: A function of the Serverless Application Model, whose transform makes one of the above.
SAM_FUNCTION = "AWS::Serverless::Function"
#: Their own keys are names that a user chose.
_NESTED = ("Code", "Environment", "LoggingConfig", "SnapStart")
#: ``${Name}`` or ``${Name.Attribute}`` in ``Fn::Sub``; ``${!Name}`` is a text. Source:
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-sub.html
SUBSTITUTION = re.compile(r"\$\{([^!}][^}]*)\}")

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
        Under names that begin with a small letter: ``{"code": {"s3Key": ...}}``.
    """
    return {
        _small(name): {_small(inner): content for inner, content in value.items()}
        if name in _NESTED and isinstance(value, dict)
        else value
        for name, value in properties.items()
    }


def is_expression(value: object) -> bool:
    """Tell whether a value is known at deployment only."""
    # A variable, too, may be called Ref.
    return isinstance(value, dict) and (
        value.keys() == {"Ref"} or any(str(name).startswith("Fn::") for name in value)
    )


def references(value: Any) -> Iterator[str]:
    """Yield the logical ids that a value of a template names, wherever in it.

    Those are of ``Ref``, ``Fn::GetAtt`` and ``Fn::Sub``. Pseudo parameters such as ``AWS::Region``
    are among them.
    """
    if isinstance(value, list):
        for one in value:
            yield from references(one)
    elif isinstance(value, dict):
        for name, inner in value.items():
            match name, inner:
                case "Ref", str():
                    yield inner
                case "Fn::GetAtt", [str(logical_id), *_]:
                    yield logical_id
                case "Fn::GetAtt", str():
                    yield inner.partition(".")[0]
                case "Fn::Sub", str():
                    yield from _substituted(inner)
                case "Fn::Sub", [str(text), inner_values]:
                    yield from _substituted(text)
                    yield from references(inner_values)
                case _:
                    yield from references(inner)


def _substituted(text: str) -> Iterator[str]:
    for found in SUBSTITUTION.finditer(text):
        yield found[1].partition(".")[0]


def key(reference: object) -> str:
    """Return a value of a template as a text, so that equal values have equal texts."""
    return json.dumps(reference, sort_keys=True)


def _small(name: str) -> str:
    return name[:1].lower() + name[1:]
