"""Publish the versions of a function again when the function has changed.

CloudFormation publishes a version when its resource is made, and never again: what an alias of it
calls would stay as it was. The CDK gives a version a new logical id for each change, and so does
this. Source:
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-version.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

from ruamel.yaml.comments import CommentedMap, TaggedScalar

from lambda_otel_lite_cdk.cli.rewrite.documents import expression
from lambda_otel_lite_cdk.functions.resources import key

_VERSION = "AWS::Lambda::Version"
#: What the CDK, and this, put at the end of a version's id.
_HASH = re.compile(r"[0-9a-f]{32}$")
_SUBSTITUTED = re.compile(r"\$\{([^!.}]+)")
_LONGEST_ID = 255 - 32


def versions_of(resources: Mapping[str, Any], function: str) -> Iterator[str]:
    """Yield the logical ids of the versions of a function that a template publishes."""
    for logical_id, resource in resources.items():
        if isinstance(resource, dict) and resource.get("Type") == _VERSION:
            match expression(resource.get("Properties", {})).get("FunctionName"):
                case {"Ref": name} | {"Fn::GetAtt": [name, "Arn"]} if name == function:
                    yield logical_id


def renew_versions(body: MutableMapping[str, Any], changed: Mapping[str, Any]) -> None:
    """Give the versions of changed functions new logical ids, wherever a template names them.

    Args:
        body: The template.
        changed: What makes each function that has changed, by its logical id.
    """
    resources = body["Resources"]
    names: dict[str, str] = {}
    for function, made_of in changed.items():
        for version in versions_of(resources, function):
            digest = hashlib.sha256(f"{version} {key(made_of)}".encode()).hexdigest()
            names[version] = _HASH.sub("", version)[:_LONGEST_ID] + digest[:32]
    for old, new in names.items():
        _rename(resources, old, new)
    if names:
        _replace(body, names)


def _rename(resources: MutableMapping[str, Any], old: str, new: str) -> None:
    """Rename a resource in its place."""
    if isinstance(resources, CommentedMap):
        place, comment = list(resources).index(old), resources.ca.items.pop(old, None)
        resources.insert(place, new, resources.pop(old))
        if comment is not None:
            resources.ca.items[new] = comment
        return
    items = [(new if name == old else name, item) for name, item in resources.items()]
    resources.clear()
    resources.update(items)


def _replace(value: Any, names: Mapping[str, str]) -> None:
    """Replace logical ids in every expression of a value."""
    if isinstance(value, TaggedScalar):
        value.value = _replaced(value.tag.value, value.value, names)
    elif isinstance(value, dict):
        for name, item in value.items():
            value[name] = _replaced(name, item, names)
            _replace(value[name], names)
    elif isinstance(value, list):
        tag = getattr(getattr(value, "tag", None), "value", None)
        if tag and value:
            value[0] = _replaced(tag, value[0], names)
        for item in value:
            _replace(item, names)


def _replaced(function: str, argument: Any, names: Mapping[str, str]) -> Any:
    """Return the argument of a function of CloudFormation with other logical ids."""
    match function.removeprefix("!").removeprefix("Fn::"), argument:
        case "Sub", [str(text), *_]:
            argument[0] = _substituted(text, names)
        case "Sub", str(text):
            return _substituted(text, names)
        case (("GetAtt" | "DependsOn"), list()):
            argument[:] = [names.get(one, one) if isinstance(one, str) else one for one in argument]
        case (("Ref" | "GetAtt" | "DependsOn"), str(text)):
            logical_id, dot, attribute = text.partition(".")
            return f"{names[logical_id]}{dot}{attribute}" if logical_id in names else argument
    return argument


def _substituted(text: str, names: Mapping[str, str]) -> str:
    return _SUBSTITUTED.sub(lambda one: "${" + names.get(one[1], one[1]), text)
