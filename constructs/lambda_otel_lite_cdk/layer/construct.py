"""Give each stack one telemetry layer for each Python version in it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import AssetHashType, Stack
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk.errors import BundlingError
from lambda_otel_lite_cdk.layer.archive import unpacked_size
from lambda_otel_lite_cdk.layer.build import stage_layer
from lambda_otel_lite_cdk.layer.cache import digest
from lambda_otel_lite_cdk.layer.names import architectures_of, description_of, layer_id

if TYPE_CHECKING:
    from pathlib import Path

    from lambda_otel_lite_cdk.layer.build import StagedCode

_ARCHITECTURES = {"x86_64": lambda_.Architecture.X86_64, "arm64": lambda_.Architecture.ARM_64}


@dataclass(frozen=True, kw_only=True, eq=False)
class TelemetryLayer:
    """The telemetry layer that functions of a stack are given.

    Args:
        version: The layer.
        name: Its id in the stack, or the ARN of one that is published already.
        python: The Python version that it is for, such as ``"3.13"``; empty if it is published.
        package_for: The architecture whose exporter package it holds, None if it holds none.
        size: Its size, unzipped, in bytes; 0 if it is published.
        compiled: Whether it holds byte code, or is published.
    """

    version: lambda_.ILayerVersion
    name: str
    python: str = ""
    package_for: str | None = None
    size: int = 0
    compiled: bool = True

    @property
    def is_deployed(self) -> bool:
        """Whether it is deployed with the stack, rather than published already."""
        return bool(self.python)


class Layers:
    """Make the telemetry layers of an app, each artefact and each layer once.

    Args:
        staging: The folder that the app keeps its assets in.
    """

    def __init__(self, staging: Path) -> None:
        self._staging = staging
        self._refused: dict[Stack, str] = {}
        self._staged: dict[tuple[str, str | None], tuple[StagedCode, int]] = {}
        self._layers: dict[tuple[Stack, str], TelemetryLayer] = {}

    def deployed(self, stack: Stack, python: str, package_for: str | None = None) -> TelemetryLayer:
        """Return a layer of a stack, made at the first call.

        A layer that two stacks shared would tie their deployments together by an export.

        Args:
            stack: The stack of the functions that use it.
            python: Minor version such as ``"3.13"``.
            package_for: The architecture whose exporter package it holds, None for none.

        Raises:
            BundlingError: The layer could not be staged, or the stack takes no assets.
        """
        if stack in self._refused:
            raise BundlingError(self._refused[stack])
        construct_id = layer_id(python, package_for)
        if (stack, construct_id) not in self._layers:
            staged, size = self._stage(python, package_for)
            try:
                version = _deploy(stack, construct_id, python, package_for, staged)
            except RuntimeError as error:
                self._refused[stack] = _why_no_asset(error)
                raise BundlingError(self._refused[stack]) from error
            self._layers[stack, construct_id] = TelemetryLayer(
                version=version,
                name=construct_id,
                python=python,
                package_for=package_for,
                size=size,
                compiled=staged.compiled,
            )
        return self._layers[stack, construct_id]

    def published(self, stack: Stack, arn: str) -> TelemetryLayer:
        """Return a layer that is published already, imported into a stack at the first call."""
        # Of what it stands for, because the number of a token changes with everything before it.
        # The id shows in the hash of a function's version.
        resolved = json.dumps(stack.resolve(arn), sort_keys=True)
        construct_id = f"LambdaOtelLitePublished{digest([resolved.encode()])[:8]}"
        if (stack, construct_id) not in self._layers:
            version = lambda_.LayerVersion.from_layer_version_arn(stack, construct_id, arn)
            self._layers[stack, construct_id] = TelemetryLayer(version=version, name=arn)
        return self._layers[stack, construct_id]

    def _stage(self, python: str, package_for: str | None) -> tuple[StagedCode, int]:
        key = (python, package_for)
        if key not in self._staged:
            staged = stage_layer(python, package_for, self._staging)
            self._staged[key] = staged, unpacked_size(staged.path)
        return self._staged[key]


def _why_no_asset(error: RuntimeError) -> str:
    said = str(error).strip().partition("\n")[0]
    return (
        f"its stack does not take the asset of the telemetry layer ({said}). Publish the layer "
        f"that `lambda-otel layer` builds and name it by TelemetrySettings(layer_arn=...), or "
        f"leave the function out with Telemetry.of(…).opt_out(…)."
    )


def _deploy(
    stack: Stack, construct_id: str, python: str, package_for: str | None, staged: StagedCode
) -> lambda_.LayerVersion:
    layer = lambda_.LayerVersion(
        stack,
        construct_id,
        code=lambda_.Code.from_asset(
            str(staged.path), asset_hash=staged.asset_hash, asset_hash_type=AssetHashType.CUSTOM
        ),
        compatible_architectures=[_ARCHITECTURES[name] for name in architectures_of(package_for)],
        description=description_of(python),
    )
    resource = layer.node.default_child
    if isinstance(resource, lambda_.CfnLayerVersion):
        # Given to the L2, it would refuse a function whose Runtime object is merely built another
        # way ("python3.13 is not in [python3.13]").
        resource.compatible_runtimes = [f"python{python}"]
    return layer
