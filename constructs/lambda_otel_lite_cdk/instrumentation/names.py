"""Names that a template writes as expressions, as texts that can be compared."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from aws_cdk import Token
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk.functions.resources import key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_cdk import Stack

    from lambda_otel_lite_cdk.functions.resources import Resources

_REFERENCE = re.compile(r"\$\{(?P<literal>!?)(?P<name>[^}]*)\}")
#: Pseudo parameters that are the same in all stacks of an environment. Source:
#: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/pseudo-parameter-reference.html
_SHARED = ("AWS::AccountId", "AWS::Partition", "AWS::Region", "AWS::URLSuffix")


class Names:
    """Read the names in some stacks' templates; equal names have equal texts.

    Args:
        stacks: The stacks by their construct paths.
        templates: Their resources by the same paths.
    """

    def __init__(self, stacks: Mapping[str, Stack], templates: Mapping[str, Resources]) -> None:
        self._stacks = stacks
        self._templates = templates
        self._pseudo: dict[str, dict[str, str]] = {}

    def of_function(self, path: str, logical_id: str) -> str:
        """Return a function's name: the one that it is given, or a reference to it.

        Args:
            path: Construct path of its stack.
            logical_id: Its logical id there.
        """
        resource = self._templates[path].get(logical_id, {})
        given = resource.get("Properties", {}).get("FunctionName")
        return self.text(given, path) if given else _unknown(path, logical_id)

    def text(self, value: Any, path: str) -> str:
        """Return an expression as a text.

        Args:
            value: A text, or a ``Ref``, ``Fn::Join`` or ``Fn::Sub``; of any other expression the
                text is its own.
            path: Construct path of the stack that it is in.
        """
        match value:
            case str():
                return value
            case {"Ref": str(name)}:
                return self._referred(name, path)
            case {"Fn::Join": [str(between), list(parts)]}:
                return between.join(self.text(part, path) for part in parts)
            case {"Fn::Sub": str(text)}:
                return self._substituted(text, {}, path)
            case {"Fn::Sub": [str(text), dict(values)]}:
                return self._substituted(text, values, path)
        return key(value)

    def _substituted(self, text: str, values: Mapping[str, Any], path: str) -> str:
        def replaced(found: re.Match[str]) -> str:
            name = found["name"]
            if found["literal"]:
                return f"${{{name}}}"
            return self.text(values[name], path) if name in values else self._referred(name, path)

        return _REFERENCE.sub(replaced, text)

    def _referred(self, name: str, path: str) -> str:
        if name.startswith("AWS::"):
            if path not in self._pseudo:
                self._pseudo[path] = _pseudo(self._stacks[path])
            shared = f"${{{name}}}" if name in _SHARED else _unknown(path, name)
            return self._pseudo[path].get(name, shared)
        kind = self._templates[path].get(name, {}).get("Type")
        if kind == lambda_.CfnFunction.CFN_RESOURCE_TYPE_NAME:
            return self.of_function(path, name)
        return _unknown(path, name)


def _pseudo(stack: Stack) -> dict[str, str]:
    """Return the pseudo parameters of a stack whose values are known at synth."""
    found = {
        "AWS::AccountId": stack.account,
        "AWS::Region": stack.region,
        "AWS::StackName": stack.stack_name,
    }
    return {name: value for name, value in found.items() if not Token.is_unresolved(value)}


def _unknown(path: str, name: str) -> str:
    return f"${{{path}/{name}}}"
