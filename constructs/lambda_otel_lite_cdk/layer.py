"""Give each stack one telemetry layer for each Python version in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import Annotations, AssetHashType, Stack
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk.bundling import stage_layer

if TYPE_CHECKING:
    from constructs import IConstruct


def telemetry_layer(scope: IConstruct, python: str) -> lambda_.LayerVersion:
    """Return the telemetry layer of the stack that a construct is in.

    It is made at the first call for a stack and found again afterwards: a layer that two stacks
    shared would tie their deployments together by an export.

    Args:
        scope: Any construct in the stack.
        python: Minor version such as ``"3.13"``.

    Raises:
        BundlingError: The layer could not be staged.
    """
    stack = Stack.of(scope)
    construct_id = f"LambdaOtelLiteLayerPython{python.replace('.', '')}"
    found = stack.node.try_find_child(construct_id)
    if isinstance(found, lambda_.LayerVersion):
        return found
    staged = stage_layer(python)
    layer = lambda_.LayerVersion(
        stack,
        construct_id,
        code=lambda_.Code.from_asset(
            str(staged.path), asset_hash=staged.asset_hash, asset_hash_type=AssetHashType.CUSTOM
        ),
        compatible_architectures=[lambda_.Architecture.X86_64, lambda_.Architecture.ARM_64],
        description=f"lambda-otel-lite: OpenTelemetry tracing for Python {python}",
    )
    if isinstance(layer.node.default_child, lambda_.CfnLayerVersion):
        # Given to the L2, it would refuse a function whose Runtime object is merely built another
        # way ("python3.13 is not in [python3.13]").
        layer.node.default_child.compatible_runtimes = [f"python{python}"]
    if not staged.compiled:
        Annotations.of(layer).add_warning_v2(
            "lambda-otel-lite:layer-not-compiled",
            f"The telemetry layer for Python {python} holds no byte code, because this machine has "
            f"no Python {python}: every cold start compiles the sources again, which takes some "
            f"0.2 s. Install it (`uv python install {python}`) and synthesize again.",
        )
    return layer
