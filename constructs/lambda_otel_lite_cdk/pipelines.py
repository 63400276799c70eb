"""Reach the stages that CDK Pipelines deploys.

`add_stage` synthesizes a stage at once, and notes its assets for the pipeline to publish. What is
asked for afterwards comes too late, so that such a stage is synthesized again and the assets that
it has since then are published by a step of their own. Source:
https://docs.aws.amazon.com/cdk/api/v2/docs/aws-cdk-lib.pipelines-readme.html
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aws_cdk import Fn, Stage
from aws_cdk import aws_iam as iam

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aws_cdk import pipelines
    from constructs import IConstruct

_STEP = "TelemetryAssets"


def is_imported() -> bool:
    """Tell whether an app can have pipelines, without importing what takes long to import."""
    return "aws_cdk.pipelines" in sys.modules


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """How a pipeline deploys a stage.

    Args:
        stage: The stage.
        pipeline: The pipeline.
        deployment: The stage in it, with what it publishes.
    """

    stage: Stage
    pipeline: pipelines.PipelineBase
    deployment: pipelines.StageDeployment

    def is_built(self) -> bool:
        """Tell whether the pipeline takes no more steps."""
        try:
            built = getattr(self.pipeline, "pipeline", None)
        except RuntimeError:
            # There is none before.
            return False
        return built is not None


def pipeline_stages(construct: IConstruct) -> dict[str, list[Deployed]]:
    """Return how stages are deployed by the pipelines of an app, by the stages' construct paths.

    Args:
        construct: Any construct of the app.
    """
    found: dict[str, list[Deployed]] = {}
    if not is_imported():
        return found
    from aws_cdk import pipelines  # noqa: PLC0415 - it is imported already

    every = construct.node.root.node.find_all()
    stages = {one.node.path: one for one in every[1:] if isinstance(one, Stage)}
    for pipeline in every:
        if not isinstance(pipeline, pipelines.PipelineBase):
            continue
        for deployment in (one for wave in pipeline.waves for one in wave.stages):
            stack = deployment.stacks[0].construct_path
            # The innermost stage around the stack.
            around = max((one for one in stages if stack.startswith(f"{one}/")), key=len)
            deployed = Deployed(stage=stages[around], pipeline=pipeline, deployment=deployment)
            found.setdefault(around, []).append(deployed)
    return found


def is_deployed(stage: Stage) -> bool:
    """Tell whether a pipeline has synthesized a stage already, or one that it is in.

    Args:
        stage: The stage.
    """
    path = f"{stage.node.path}/"
    return any(path.startswith(f"{one}/") for one in pipeline_stages(stage))


def path_of_stage(construct: IConstruct) -> str:
    """Return the construct path of the stage that a construct is in, empty for the app."""
    stage = Stage.of(construct)
    return stage.node.path if stage is not None else ""


def synthesize_again(stage: Stage, deployed: list[Deployed]) -> None:
    """Synthesize a stage of pipelines again, and let them publish the assets that it has now.

    Args:
        stage: The stage.
        deployed: How pipelines deploy it.
    """
    from aws_cdk import pipelines  # noqa: PLC0415 - it is imported already

    # The CDK does not hand `force` on to the stages in a stage.
    inner = [one for one in stage.node.find_all()[1:] if isinstance(one, Stage)]
    for each in reversed(inner):
        each.synth(force=True, validate_on_synthesis=True)
    assembly = stage.synth(force=True, validate_on_synthesis=True)
    now = [pipelines.StackDeployment.from_artifact(one) for one in assembly.stacks]
    app: Any = stage.node.root
    for one in deployed:
        known = {asset.asset_selector for stack in one.deployment.stacks for asset in stack.assets}
        assets = {asset.asset_selector: asset for stack in now for asset in stack.assets}
        if added := [asset for name, asset in assets.items() if name not in known]:
            one.deployment.add_pre(_publish(Path(app.outdir), one.pipeline, added))


def _publish(
    root: Path, pipeline: pipelines.PipelineBase, assets: list[pipelines.StackAsset]
) -> pipelines.Step:
    from aws_cdk import pipelines  # noqa: PLC0415 - it is imported already

    roles = {one.asset_publishing_role_arn for one in assets if one.asset_publishing_role_arn}
    return pipelines.CodeBuildStep(
        _STEP,
        input=pipeline.cloud_assembly_file_set,
        install_commands=["npm install -g cdk-assets@latest"],
        commands=list(_commands(root, assets)),
        role_policy_statements=[
            iam.PolicyStatement(
                actions=["sts:AssumeRole"],
                resources=[Fn.sub(one) for one in sorted(roles)],
            )
        ],
    )


def _commands(root: Path, assets: list[pipelines.StackAsset]) -> Iterator[str]:
    for one in assets:
        manifest = Path(one.asset_manifest_path).relative_to(root).as_posix()
        yield f'cdk-assets --path "{manifest}" --verbose publish "{one.asset_selector}"'
