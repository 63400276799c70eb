"""Give each stack one telemetry layer for each Python version in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aws_cdk import Annotations, AssetHashType, Stack
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk.layer.archive import unpacked_size
from lambda_otel_lite_cdk.layer.build import stage_layer
from lambda_otel_lite_cdk.layer.cache import digest

if TYPE_CHECKING:
    from lambda_otel_lite_cdk.layer.build import StagedCode

_ARCHITECTURES = {"x86_64": lambda_.Architecture.X86_64, "arm64": lambda_.Architecture.ARM_64}


class Layers:
    """Make the telemetry layers of an app, staging each artefact once."""

    def __init__(self) -> None:
        self._staged: dict[tuple[str, str | None], StagedCode] = {}
        self._sizes: dict[Path, int] = {}
        self._layers: dict[tuple[Stack, str], lambda_.LayerVersion] = {}

    def size(self, python: str, package_for: str | None = None) -> int:
        """Return the size of a layer's artefact, unzipped, in bytes.

        Raises:
            BundlingError: The layer could not be staged.
        """
        archive = self._stage(python, package_for).path
        if archive not in self._sizes:
            self._sizes[archive] = unpacked_size(archive)
        return self._sizes[archive]

    def _stage(self, python: str, package_for: str | None) -> StagedCode:
        key = (python, package_for)
        if key not in self._staged:
            self._staged[key] = stage_layer(python, package_for)
        return self._staged[key]

    def layer_of(
        self, stack: Stack, python: str, package_for: str | None = None
    ) -> tuple[lambda_.ILayerVersion, str]:
        """Return the layer of a stack, made at the first call, and its id there.

        A layer that two stacks shared would tie their deployments together by an export.

        Args:
            stack: The stack of the functions that use it.
            python: Minor version such as ``"3.13"``.
            package_for: The architecture where the layer holds the package's exporter, else None.

        Raises:
            BundlingError: The layer could not be staged.
        """
        construct_id = f"LambdaOtelLiteLayerPython{python.replace('.', '')}"
        if package_for:
            construct_id += f"Package{package_for.title().replace('_', '')}"
        if (stack, construct_id) not in self._layers:
            staged = self._stage(python, package_for)
            layer = _deploy(stack, construct_id, python, package_for, staged)
            self._layers[stack, construct_id] = layer
        return self._layers[stack, construct_id], construct_id


def published_layer(stack: Stack, arn: str) -> lambda_.ILayerVersion:
    """Return a layer that is published already, imported into a stack at the first call."""
    # An imported layer is no resource: its id does not show in the template.
    construct_id = f"LambdaOtelLitePublished{digest([arn.encode()])[:8]}"
    found = stack.node.try_find_child(construct_id)
    if found is None:
        return lambda_.LayerVersion.from_layer_version_arn(stack, construct_id, arn)
    return found  # type: ignore[return-value]  # nothing else is made under this id


def _deploy(
    stack: Stack, construct_id: str, python: str, package_for: str | None, staged: StagedCode
) -> lambda_.LayerVersion:
    of = [package_for] if package_for else list(_ARCHITECTURES)
    layer = lambda_.LayerVersion(
        stack,
        construct_id,
        code=lambda_.Code.from_asset(
            str(staged.path), asset_hash=staged.asset_hash, asset_hash_type=AssetHashType.CUSTOM
        ),
        compatible_architectures=[_ARCHITECTURES[name] for name in of],
        description=f"lambda-otel-lite: OpenTelemetry tracing for Python {python}",
    )
    resource = layer.node.default_child
    if isinstance(resource, lambda_.CfnLayerVersion):
        # Given to the L2, it would refuse a function whose Runtime object is merely built another
        # way ("python3.13 is not in [python3.13]").
        resource.compatible_runtimes = [f"python{python}"]
    if not staged.compiled:
        Annotations.of(layer).add_warning_v2(
            "lambda-otel-lite:layer-not-compiled",
            f"{layer.node.path}: the telemetry layer for Python {python} holds no byte code, "
            f"because this machine has no Python {python}: every cold start compiles the sources "
            f"again, which takes some 0.2 s. Install it (`uv python install {python}`) and "
            f"synthesize again.",
        )
    return layer
