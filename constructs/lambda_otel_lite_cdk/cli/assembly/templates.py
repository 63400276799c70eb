"""Read the templates of a synthesized cloud assembly (``cdk.out``), nested stacks included.

Source of the layout: AWS CDK developer guide, "Cloud assemblies", and the package
``cloud-assembly-schema``; of nested stacks: AWS CloudFormation template reference,
``AWS::CloudFormation::Stack``.
"""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lambda_otel_lite_cdk.cli.errors import UsageProblem

_NESTED = "AWS::CloudFormation::Stack"


@dataclass(frozen=True, slots=True)
class Template:
    """Hold one stack's resources and where its assets lie.

    Args:
        stack: Name of the stack.
        resources: The template's ``Resources``; what a nested stack is given by its parent stands
            in place of its parameters, and what it gives in place of its outputs.
        assets: Path of each file asset by the object key under which it is published.
        paths: Construct path of each resource by its logical id.
        family: The resources of the stack, its parent and the stacks nested in them. Default: none.
    """

    stack: str
    resources: Mapping[str, Any]
    assets: Mapping[str, Path]
    paths: Mapping[str, str]
    family: Mapping[str, Any] = field(default_factory=dict)

    def of_type(self, resource_type: str) -> Iterator[str]:
        """Yield the logical ids of the resources of one CloudFormation type."""
        for logical_id, resource in self.resources.items():
            if resource.get("Type") == resource_type:
                yield logical_id


def read_templates(directory: Path) -> list[Template]:
    """Return the templates of an assembly and of the assemblies nested in it.

    Args:
        directory: The folder that ``cdk synth`` wrote.

    Raises:
        UsageProblem: Where the folder holds no readable assembly.
    """
    manifest = _read_json(directory / "manifest.json", directory)
    templates: list[Template] = []
    for name, artifact in manifest.get("artifacts", {}).items():
        properties = artifact.get("properties", {})
        if artifact["type"] == "cdk:cloud-assembly":
            templates += read_templates(directory / properties["directoryName"])
        elif artifact["type"] == "aws:cloudformation:stack":
            body = _read_json(directory / properties["templateFile"], directory)
            assets = _read_assets(directory, artifact, manifest["artifacts"])
            named = _read_paths(directory, artifact)
            stack = _read_stack(properties.get("stackName", name), body, "", assets, named)
            templates += _templates(stack, assets)
    return templates


@dataclass(slots=True)
class _Stack:
    """Hold a stack before what it shares with its parent and children has been put in place."""

    name: str
    body: Mapping[str, Any]
    paths: Mapping[str, str]
    nested: dict[str, _Stack] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    parent: _Stack | None = None


def _read_stack(
    name: str,
    body: Mapping[str, Any],
    scope: str,
    assets: Mapping[str, Path],
    named: list[tuple[str, str]],
) -> _Stack:
    """Read a stack and those nested in it.

    Args:
        name: What to call it.
        body: Its template.
        scope: Construct path under which a nested stack's resources stand, with a slash.
        assets: The assets by object key; a nested stack's template is one.
        named: Construct path and logical id of each resource.
    """
    own = {id_: path for path, id_ in named if path.startswith(scope)}
    stack = _Stack(name, body, own)
    inner: list[str] = []
    for logical_id, resource in body.get("Resources", {}).items():
        properties = resource.get("Properties", {})
        template = _template_of(properties.get("TemplateURL"), assets)
        if resource.get("Type") != _NESTED or template is None:
            continue
        # The resource is made beside the construct that the user named: Shop/Jobs.NestedStack/....
        path = own.get(logical_id, f"{name}/{logical_id}").partition(".NestedStack/")[0]
        inner.append(f"{path}/")
        child_body = _read_json(template, template.parent)
        child = _read_stack(path, child_body, inner[-1], assets, named)
        child.parameters, child.parent = properties.get("Parameters", {}), stack
        stack.nested[logical_id] = child
    # Ids are unique within one template only.
    stack.paths = {
        id_: path
        for path, id_ in named
        if path.startswith(scope) and not path.startswith(tuple(inner))
    }
    return stack


def _templates(root: _Stack, assets: Mapping[str, Path]) -> list[Template]:
    stacks = [root]
    for stack in stacks:
        stacks += stack.nested.values()
    resources = [_shared(stack.body.get("Resources", {}), stack) for stack in stacks]
    return [
        Template(stack.name, own, assets, stack.paths, ChainMap(own, *resources))
        for stack, own in zip(stacks, resources, strict=True)
    ]


def _shared(value: Any, stack: _Stack) -> Any:
    """Return a value of a stack with its parent's and its children's own expressions in place."""
    match value:
        case {"Ref": str(name)} if stack.parent and name in stack.parameters:
            return _shared(stack.parameters[name], stack.parent)
        case {"Fn::GetAtt": [str(nested), str(attribute)]} if nested in stack.nested:
            child = stack.nested[nested]
            output = child.body.get("Outputs", {}).get(attribute.removeprefix("Outputs."), {})
            return _shared(output.get("Value", value), child)
        case dict():
            return {name: _shared(item, stack) for name, item in value.items()}
        case list():
            return [_shared(item, stack) for item in value]
    return value


def _template_of(url: Any, assets: Mapping[str, Path]) -> Path | None:
    """Return the asset that a template's address ends in, whatever expression it is in."""
    text = json.dumps(url)
    return next((path for key, path in assets.items() if f"/{key}" in text), None)


def _read_assets(
    directory: Path, stack: Mapping[str, Any], artifacts: Mapping[str, Any]
) -> dict[str, Path]:
    """Map object keys to files: a template names a published key, the manifest its source."""
    assets: dict[str, Path] = {}
    for name in stack.get("dependencies", []):
        artifact = artifacts.get(name, {})
        if artifact.get("type") != "cdk:asset-manifest":
            continue
        manifest = _read_json(directory / artifact["properties"]["file"], directory)
        for file in manifest.get("files", {}).values():
            source = file.get("source", {}).get("path")
            for destination in file.get("destinations", {}).values() if source else ():
                assets[destination["objectKey"]] = (directory / source).resolve()
    return assets


def _read_paths(directory: Path, stack: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return construct path and logical id of each resource, nested stacks' included.

    The manifest's metadata has them always; a template has them only where the command line
    synthesized it. Newer versions of CDK write the metadata to a file of its own.
    """
    metadata = dict(stack.get("metadata", {}))
    if separate := stack.get("additionalMetadataFile"):
        metadata |= _read_json(directory / separate, directory)
    return [
        # The entry names the CloudFormation resource inside the construct that the user wrote.
        (path.removeprefix("/").removesuffix("/Resource"), entry["data"])
        for path, entries in metadata.items()
        for entry in entries
        if entry["type"] == "aws:cdk:logicalId"
    ]


def _read_json(path: Path, directory: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageProblem(
            f"{directory} is no cloud assembly: {path.name} cannot be read "
            f"({type(error).__name__}); run `cdk synth` and give its output folder"
        ) from error
