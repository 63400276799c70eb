"""Find functions in the templates of a cloud assembly.

What runs locally is what would be deployed: handler, code asset, layers and environment come from
the templates and asset manifests, never from the source tree.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambda_otel_lite_cdk.cli.assembly.templates import Template, read_templates
from lambda_otel_lite_cdk.cli.errors import UsageProblem

#: CloudFormation's defaults: 3 seconds, 128 MB. Source: AWS CloudFormation template reference,
#: ``AWS::Lambda::Function``.
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
        layers: Directories or archives of the layers in the order in which they are merged; None
            for a layer that is not part of the assembly.
        unresolved_layers: Those layers as ARNs or expressions, in their order.
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
    layers: tuple[Path | None, ...]
    unresolved_layers: tuple[Any, ...]


def read_functions(templates: list[Template]) -> list[TemplateFunction]:
    """Return every Lambda function of some templates, whatever its runtime."""
    return [
        _read_function(template, logical_id)
        for template in templates
        for logical_id in template.of_type("AWS::Lambda::Function")
    ]


def function_names(directory: Path) -> list[str]:
    """Return the construct paths of an assembly's Python functions, sorted.

    Args:
        directory: The folder that ``cdk synth`` wrote.

    Raises:
        UsageProblem: The folder is not a cloud assembly that can be read.
    """
    functions = read_functions(read_templates(directory))
    return sorted(f.path for f in functions if f.runtime.startswith("python"))


def find_function(functions: list[TemplateFunction], name: str) -> TemplateFunction:
    """Return the Python function of the given name.

    Args:
        functions: What ``read_functions`` returned.
        name: Logical id, construct path, or the end of a construct path (``"Orders"``).

    Raises:
        UsageProblem: No function or more than one has that name, or it is not Python.
    """
    matches = [
        function
        for function in functions
        if name in (function.logical_id, function.path) or function.path.endswith(f"/{name}")
    ]
    if not matches:
        known = ", ".join(sorted(function.path for function in functions)) or "none"
        raise UsageProblem(f"no function is named {name!r} in this assembly; give one of: {known}")
    if len(matches) > 1:
        paths = ", ".join(sorted(function.path for function in matches))
        raise UsageProblem(f"{name!r} is the name of several functions; give one of: {paths}")
    if not matches[0].runtime.startswith("python"):
        runtime = matches[0].runtime or "a container image"
        raise UsageProblem(
            f"function {matches[0].path} runs on {runtime}; give a function with a Python runtime, "
            f"no other can be run here"
        )
    return matches[0]


def _read_function(template: Template, logical_id: str) -> TemplateFunction:
    properties = template.resources[logical_id]["Properties"]
    code = properties.get("Code", {})
    layers: list[Path | None] = []
    unresolved: list[Any] = []
    for reference in properties.get("Layers", []):
        layer = template.family.get(reference.get("Ref")) if _is_ref(reference) else None
        asset = _asset_of(template, layer["Properties"].get("Content", {})) if layer else None
        layers.append(asset)
        if asset is None:
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
