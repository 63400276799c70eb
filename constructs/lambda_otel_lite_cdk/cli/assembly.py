"""Read functions out of a synthesized cloud assembly (``cdk.out``).

What is run locally is what would be deployed: handler, code asset, layers and environment come
from the templates and asset manifests, never from the source tree. Source of the layout: AWS CDK
developer guide, "Cloud assemblies", and the package ``cloud-assembly-schema``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambda_otel_lite_cdk.cli.errors import UsageProblem

#: CloudFormation's defaults where a function says nothing: 3 seconds, 128 MB.
_DEFAULT_TIMEOUT_S, _DEFAULT_MEMORY_MB = 3, 128


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFunction:
    """Hold one Lambda function as its template describes it.

    Args:
        logical_id: Name of the resource in the template.
        path: Construct path, such as ``"Shop/Orders"``.
        runtime: Lambda's runtime identifier, such as ``"python3.13"``; empty for images.
        handler: ``module.function`` as deployed.
        architecture: ``"x86_64"`` or ``"arm64"``.
        memory_mb: Memory size in MB.
        timeout_s: Timeout in seconds.
        environment: Environment variables; values may be expressions.
        code: Directory or archive that holds the code, or None for inline code and images.
        inline_code: Source text of ``index.py``, or None.
        layers: Directories or archives of the layers in the order in which they are merged.
        unresolved_layers: Layers that are not part of the assembly, as expressions.
    """

    logical_id: str
    path: str
    runtime: str
    handler: str
    architecture: str
    memory_mb: int
    timeout_s: int
    environment: Mapping[str, Any]
    code: Path | None
    inline_code: str | None
    layers: tuple[Path, ...]
    unresolved_layers: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """Hold one stack's resources and where its assets lie.

    Args:
        stack: Name of the stack.
        resources: The template's ``Resources``.
        assets: Path of each file asset by the object key under which it is published.
        paths: Construct path of each resource by its logical id.
    """

    stack: str
    resources: Mapping[str, Any]
    assets: Mapping[str, Path]
    paths: Mapping[str, str]

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
            paths = _read_paths(directory, artifact)
            stack = properties.get("stackName", name)
            templates.append(Template(stack, body.get("Resources", {}), assets, paths))
    return templates


def read_functions(templates: list[Template]) -> list[TemplateFunction]:
    """Return every Lambda function of the given templates, of whatever runtime."""
    return [
        _read_function(template, logical_id)
        for template in templates
        for logical_id in template.of_type("AWS::Lambda::Function")
    ]


def find_function(functions: list[TemplateFunction], name: str) -> TemplateFunction:
    """Return the Python function of the given name.

    Args:
        functions: What ``read_functions`` gave.
        name: Logical id, construct path, or the end of a construct path (``"Orders"``).

    Raises:
        UsageProblem: Where no function or more than one has that name, or it is not Python.
    """
    matches = [
        function
        for function in functions
        if name in (function.logical_id, function.path) or function.path.endswith(f"/{name}")
    ]
    if not matches:
        known = ", ".join(sorted(function.path for function in functions)) or "none"
        raise UsageProblem(f"no function is named {name!r} in this assembly; it has: {known}")
    if len(matches) > 1:
        paths = ", ".join(sorted(function.path for function in matches))
        raise UsageProblem(f"{name!r} names several functions; give one path of: {paths}")
    if not matches[0].runtime.startswith("python"):
        runtime = matches[0].runtime or "a container image"
        raise UsageProblem(
            f"function {matches[0].path} runs on {runtime}; only Python runtimes can be run here"
        )
    return matches[0]


def _read_function(template: Template, logical_id: str) -> TemplateFunction:
    properties = template.resources[logical_id]["Properties"]
    code = properties.get("Code", {})
    layers: list[Path] = []
    unresolved: list[Any] = []
    for reference in properties.get("Layers", []):
        layer = template.resources.get(reference.get("Ref")) if _is_ref(reference) else None
        asset = _asset_of(template, layer["Properties"]["Content"]) if layer else None
        if asset:
            layers.append(asset)
        else:
            unresolved.append(reference)
    return TemplateFunction(
        logical_id=logical_id,
        path=template.paths.get(logical_id, f"{template.stack}/{logical_id}"),
        runtime=str(properties.get("Runtime", "")),
        handler=str(properties.get("Handler", "")),
        architecture=properties.get("Architectures", ["x86_64"])[0],
        memory_mb=int(properties.get("MemorySize", _DEFAULT_MEMORY_MB)),
        timeout_s=int(properties.get("Timeout", _DEFAULT_TIMEOUT_S)),
        environment=properties.get("Environment", {}).get("Variables", {}),
        code=_asset_of(template, code),
        inline_code=code.get("ZipFile"),
        layers=tuple(layers),
        unresolved_layers=tuple(unresolved),
    )


def _is_ref(reference: Any) -> bool:
    return isinstance(reference, dict) and "Ref" in reference


def _asset_of(template: Template, location: Mapping[str, Any]) -> Path | None:
    key = location.get("S3Key")
    return template.assets.get(key) if isinstance(key, str) else None


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


def _read_paths(directory: Path, stack: Mapping[str, Any]) -> dict[str, str]:
    """Map logical ids to construct paths.

    The manifest's metadata has them always; a template has them only where the command line
    synthesized it. Newer versions of CDK write the metadata to a file of its own.
    """
    metadata = dict(stack.get("metadata", {}))
    if separate := stack.get("additionalMetadataFile"):
        metadata |= _read_json(directory / separate, directory)
    return {
        # The entry names the CloudFormation resource inside the construct that the user wrote.
        entry["data"]: path.removeprefix("/").removesuffix("/Resource")
        for path, entries in metadata.items()
        for entry in entries
        if entry["type"] == "aws:cdk:logicalId"
    }


def _read_json(path: Path, directory: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageProblem(
            f"{directory} is no cloud assembly: {path.name} cannot be read "
            f"({type(error).__name__}); run `cdk synth` and give its output folder"
        ) from error
