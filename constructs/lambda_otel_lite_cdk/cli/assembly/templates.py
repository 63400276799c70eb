"""Read the templates of a cloud assembly (``cdk.out``), those of nested stacks included.

Source of the layout: AWS CDK developer guide, "Cloud assemblies", and the package
``cloud-assembly-schema``; of nested stacks: AWS CloudFormation template reference,
``AWS::CloudFormation::Stack``.
"""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lambda_otel_lite_cdk.cli.errors import UsageProblem

_NESTED = "AWS::CloudFormation::Stack"
#: What holds the address of a template that others deploy, as stacks of their own.
_APART = ("AWS::ServiceCatalog::CloudFormationProduct", "AWS::CloudFormation::StackSet")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """Hold one stack's resources and where its assets are.

    Args:
        stack: Name of the stack.
        file: The template's file.
        resources: The template's ``Resources``. Values that come from the parent stack or from a
            nested one are filled in as the expressions that they have there.
        assets: Path of each file asset by the object key under which it is published.
        paths: Construct path of each resource by its logical id.
        family: The resources of the stack, its parent and the stacks nested in them.
        root: Name of the stack that is deployed: its own, or that of the one it is nested in.
        artifact: What the manifest calls that stack. Two of an app may have one name, in two
            regions.
        nested_in: Logical ids by which it is nested in that stack, the outermost first.
        apart: Whether it is of a product or a StackSet, and not deployed with the app.
    """

    stack: str
    file: Path
    resources: Mapping[str, Any]
    assets: Mapping[str, Path]
    paths: Mapping[str, str]
    family: Mapping[str, Any]
    root: str
    nested_in: tuple[str, ...]
    artifact: str = ""
    apart: bool = False

    def of_type(self, resource_type: str) -> Iterator[str]:
        """Yield the logical ids of the resources of one CloudFormation type."""
        for logical_id, resource in self.resources.items():
            if resource.get("Type") == resource_type:
                yield logical_id


def read_templates(directory: Path, *, apart: bool = False) -> list[Template]:
    """Return the templates of an assembly and of the assemblies nested in it.

    Args:
        directory: The folder that ``cdk synth`` wrote.
        apart: Whether those of products (Service Catalog) and of StackSets are among them, which
            are not deployed with the app.

    Raises:
        UsageProblem: The folder is not a cloud assembly that can be read.
    """
    try:
        return [one for one in _read_assembly(directory) if apart or not one.apart]
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise UsageProblem(
            f"{directory} is not a cloud assembly ({type(error).__name__}: {error}); "
            f"run `cdk synth` and give its output folder"
        ) from error


def _read_assembly(directory: Path) -> Iterator[Template]:
    artifacts = _read_json(directory / "manifest.json").get("artifacts", {})
    for name, artifact in artifacts.items():
        properties = artifact.get("properties", {})
        if artifact["type"] == "cdk:cloud-assembly":
            yield from _read_assembly(directory / properties["directoryName"])
        elif artifact["type"] == "aws:cloudformation:stack":
            assets = _read_assets(directory, artifact, artifacts)
            named = _read_paths(directory, artifact)
            file = directory / properties["templateFile"]
            stack = _read_stack(properties.get("stackName", name), file, "", assets, named)
            yield from _templates(stack, assets, name)
            for template in _apart(stack.body, assets):
                # Of what is in it, the manifest does not name the paths.
                own = _read_stack(template.name.partition(".")[0], template, "", assets, [])
                yield from (replace(one, apart=True) for one in _templates(own, assets, name))


@dataclass(slots=True)
class _Stack:
    """Hold a stack before the values that it shares with its parent and children are filled in."""

    name: str
    file: Path
    body: Mapping[str, Any]
    paths: Mapping[str, str]
    nested: dict[str, _Stack] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    parent: _Stack | None = None
    logical_id: str = ""

    def nested_in(self) -> tuple[str, ...]:
        """Return the logical ids by which it is nested in the stack that is deployed."""
        return (*self.parent.nested_in(), self.logical_id) if self.parent else ()


def _read_stack(
    name: str,
    file: Path,
    scope: str,
    assets: Mapping[str, Path],
    named: list[tuple[str, str]],
) -> _Stack:
    """Read a stack and those nested in it.

    Args:
        name: What to call it.
        file: Its template.
        scope: Construct path of a nested stack, with a slash at its end; empty for the others.
        assets: The assets by object key; a nested stack's template is one.
        named: Construct path and logical id of each resource.
    """
    body = _read_json(file)
    own = {id_: path for path, id_ in named if path.startswith(scope)}
    stack = _Stack(name, file, body, own)
    inner: list[str] = []
    for logical_id, resource in body.get("Resources", {}).items():
        properties = resource.get("Properties", {})
        template = _template_of(properties.get("TemplateURL"), assets)
        if resource.get("Type") != _NESTED or template is None:
            continue
        # The resource is beside the construct that the user named: Shop/Jobs.NestedStack/....
        path = own.get(logical_id, f"{name}/{logical_id}").partition(".NestedStack/")[0]
        inner.append(f"{path}/")
        child = _read_stack(path, template, inner[-1], assets, named)
        child.parameters, child.parent = properties.get("Parameters", {}), stack
        child.logical_id = logical_id
        stack.nested[logical_id] = child
    # Ids are unique within one template only.
    stack.paths = {
        id_: path
        for path, id_ in named
        if path.startswith(scope) and not path.startswith(tuple(inner))
    }
    return stack


def _templates(root: _Stack, assets: Mapping[str, Path], artifact: str) -> list[Template]:
    stacks = [root]
    for stack in stacks:
        stacks += stack.nested.values()
    resources = [_filled_in(stack.body.get("Resources", {}), stack) for stack in stacks]
    return [
        Template(
            stack=stack.name,
            file=stack.file,
            resources=own,
            assets=assets,
            paths=stack.paths,
            family=ChainMap(own, *resources),
            root=root.name,
            artifact=artifact,
            nested_in=stack.nested_in(),
        )
        for stack, own in zip(stacks, resources, strict=True)
    ]


def _filled_in(value: Any, stack: _Stack) -> Any:
    """Return a value of a stack with its parent's and its children's own expressions in it."""
    match value:
        case {"Ref": str(name)} if stack.parent and name in stack.parameters:
            return _filled_in(stack.parameters[name], stack.parent)
        case {"Fn::GetAtt": [str(nested), str(attribute)]} if nested in stack.nested:
            child = stack.nested[nested]
            output = child.body["Outputs"][attribute.removeprefix("Outputs.")]
            return _filled_in(output["Value"], child)
        case dict():
            return {name: _filled_in(item, stack) for name, item in value.items()}
        case list():
            return [_filled_in(item, stack) for item in value]
    return value


def _apart(body: Mapping[str, Any], assets: Mapping[str, Path]) -> Iterator[Path]:
    """Yield the templates of products and StackSets whose addresses a template holds."""
    for resource in body.get("Resources", {}).values():
        if resource.get("Type") in _APART:
            text = json.dumps(resource)
            for key, path in assets.items():
                if path.suffix == ".json" and key in text:
                    yield path


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
        manifest = _read_json(directory / artifact["properties"]["file"])
        for file in manifest.get("files", {}).values():
            source = file.get("source", {}).get("path")
            for destination in file.get("destinations", {}).values() if source else ():
                assets[destination["objectKey"]] = (directory / source).resolve()
    return assets


def _read_paths(directory: Path, stack: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return construct path and logical id of each resource, nested stacks' included.

    The manifest's metadata always has them; a template has them only if the command line
    synthesized it. Newer versions of CDK write the metadata to a file of its own.
    """
    metadata = dict(stack.get("metadata", {}))
    if separate := stack.get("additionalMetadataFile"):
        metadata |= _read_json(directory / separate)
    return [
        # The entry names the CloudFormation resource inside the construct that the user wrote.
        (path.removeprefix("/").removesuffix("/Resource"), entry["data"])
        for path, entries in metadata.items()
        for entry in entries
        if entry["type"] == "aws:cdk:logicalId"
    ]


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path.name} is not JSON: {error}") from error
