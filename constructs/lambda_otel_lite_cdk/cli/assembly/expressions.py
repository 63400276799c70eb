"""Resolve the CloudFormation expressions in a template's values.

Only those that CDK writes into environment variables and layer lists are known here: ``Ref``,
``Fn::GetAtt``, ``Fn::Join``, ``Fn::Sub``, ``Fn::Select`` and ``Fn::Split``. Source: AWS
CloudFormation template reference, "Intrinsic function reference".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_SUBSTITUTION = re.compile(r"\$\{([^!}][^}]*)\}")


class UnresolvedError(Exception):
    """Name an expression whose value is not known.

    Args:
        expression: The expression as the template has it.
        parameter: Name of the parameter that would give the value, or None if none can.
    """

    def __init__(self, expression: Any, parameter: str | None = None) -> None:
        super().__init__(json.dumps(expression, sort_keys=True))
        self.parameter = parameter


def resolve(value: Any, parameters: Mapping[str, str]) -> str:  # noqa: PLR0911 - one per function
    """Return the text that a template's value stands for.

    Args:
        value: Text, number, truth value or intrinsic function of a template.
        parameters: Values of ``Ref`` by logical id or pseudo parameter (``"AWS::Region"``), and
            of ``Fn::GetAtt`` by ``"LogicalId.Attribute"``.

    Raises:
        UnresolvedError: A parameter is missing, or the function is not known.
    """
    match value:
        case bool():
            return str(value).lower()
        case str() | int() | float():
            return str(value)
        case {"Ref": str(name)}:
            return _look_up(name, value, parameters)
        case {"Fn::GetAtt": [str(resource), str(attribute)]}:
            return _look_up(f"{resource}.{attribute}", value, parameters)
        case {"Fn::GetAtt": str(name)}:
            return _look_up(name, value, parameters)
        case {"Fn::Join": [str(delimiter), list(parts)]}:
            return delimiter.join(resolve(part, parameters) for part in parts)
        case {"Fn::Sub": str(text)}:
            return _substitute(text, value, parameters)
        case {"Fn::Sub": [str(text), dict(local)]}:
            named = {name: resolve(part, parameters) for name, part in local.items()}
            return _substitute(text, value, {**parameters, **named})
        case {"Fn::Select": [index, choices]}:
            return _select(index, choices, value, parameters)
    raise UnresolvedError(value)


def _look_up(name: str, expression: Any, parameters: Mapping[str, str]) -> str:
    if name not in parameters:
        raise UnresolvedError(expression, name)
    return parameters[name]


def _substitute(text: str, expression: Any, parameters: Mapping[str, str]) -> str:
    replaced = _SUBSTITUTION.sub(lambda m: _look_up(m[1], expression, parameters), text)
    return replaced.replace("${!", "${")


def _select(index: Any, choices: Any, expression: Any, parameters: Mapping[str, str]) -> str:
    match choices:
        case {"Fn::Split": [str(delimiter), source]}:
            parts: Sequence[Any] = resolve(source, parameters).split(delimiter)
        case list():
            parts = choices
        case _:
            raise UnresolvedError(expression)
    try:
        return resolve(parts[int(index)], parameters)
    except (IndexError, TypeError, ValueError) as error:
        raise UnresolvedError(expression) from error
