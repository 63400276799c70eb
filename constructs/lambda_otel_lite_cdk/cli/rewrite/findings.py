"""Look at what a template has become, by the checks that the constructs have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambda_otel_lite_cdk.checks.facts import Facts, FunctionFacts, LayerFacts
from lambda_otel_lite_cdk.checks.rules import Finding, check
from lambda_otel_lite_cdk.functions.resources import as_given
from lambda_otel_lite_cdk.layer.archive import unpacked_size
from lambda_otel_lite_cdk.layer.opentelemetry import opentelemetry_of_code, opentelemetry_of_layer

#: Returns the folder or archive that a function's code or a layer's content names, if it is here.
type AssetOf = Callable[[Any], Path | None]


@dataclass(frozen=True, kw_only=True)
class MadeLayer:
    """A telemetry layer of a template, with what the checks ask of one.

    Args:
        resource: Its resource, None if it is published already.
        python: The Python version that it is for; empty if it is published.
        package_for: The architecture whose exporter package it holds, None if it holds none.
        compiled: Whether it holds byte code, or is published.
        size: Its size, unzipped, in bytes; 0 if it is published.
    """

    resource: Mapping[str, Any] | None = None
    python: str = ""
    package_for: str | None = None
    compiled: bool = True
    size: int = 0

    @property
    def is_deployed(self) -> bool:
        """Whether it is deployed with the stack, rather than published already."""
        return bool(self.python)


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A function that is instrumented.

    Args:
        path: What it is called.
        properties: All of its properties, with those that SAM's ``Globals`` give.
        layer: Its telemetry layer.
        mode: The processing mode that was asked for, None where none was.
        has_version: Whether the template publishes a version of it.
    """

    path: str
    properties: Mapping[str, Any]
    layer: MadeLayer
    mode: str | None
    has_version: bool


def findings(
    functions: list[Checked], resources: Mapping[str, Any], asset_of: AssetOf, *, built: bool
) -> Iterator[Finding]:
    """Yield what is wrong with the instrumented functions of a template.

    Args:
        functions: The functions.
        resources: The template's resources.
        asset_of: Finds code.
        built: Whether code is as it will be deployed, so that its size says something.
    """
    facts: list[Facts] = [_facts(one, resources, asset_of, built=built) for one in functions]
    layers = {id(one.layer): one for one in functions if one.layer.is_deployed}
    facts += [LayerFacts(path=one.path, layer=one.layer) for one in layers.values()]
    yield from check(facts)


def _facts(
    one: Checked, resources: Mapping[str, Any], asset_of: AssetOf, *, built: bool
) -> FunctionFacts:
    code = asset_of(one.properties.get("Code", one.properties.get("CodeUri")))
    layers = [asset for asset in _layers(one.properties, resources, asset_of) if asset]
    size = sum(map(unpacked_size, [*([code] if code else []), *layers])) if built else 0
    python = str(one.properties.get("Runtime")).removeprefix("python")
    return FunctionFacts(
        path=one.path,
        properties=as_given(one.properties),
        layer=one.layer,
        mode=one.mode,
        undone="",
        size=size + one.layer.size,
        has_version=one.has_version,
        opentelemetry=[
            opentelemetry_of_code(code) if code else {},
            # Of two layers that have a file, the later one's is there.
            *(opentelemetry_of_layer(asset, python) for asset in reversed(layers)),
        ],
        leave_out="--skip",
    )


def _layers(
    properties: Mapping[str, Any], resources: Mapping[str, Any], asset_of: AssetOf
) -> Iterator[Path | None]:
    """Yield what is known of a function's own layers."""
    for layer in properties.get("Layers", ()):
        match layer:
            case {"Ref": str(name)} if isinstance(resources.get(name), dict):
                content = resources[name].get("Properties", {})
                yield asset_of(content.get("Content", content.get("ContentUri")))
