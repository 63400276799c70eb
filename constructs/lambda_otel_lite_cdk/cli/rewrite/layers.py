"""Make the telemetry layer a resource of a template, and an asset of what uploads files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.rewrite.findings import MadeLayer
from lambda_otel_lite_cdk.layer.archive import unpacked_size
from lambda_otel_lite_cdk.layer.build import StagedCode, stage_layer
from lambda_otel_lite_cdk.layer.names import architectures_of, description_of

_PUBLISH = "Publish the layer once (`lambda-otel layer`), and give it with --set layer_arn=ARN"


class JsonFile:
    """A JSON file of an assembly.

    Args:
        path: Where it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.document = json.loads(path.read_text("utf-8"))
        self._before = json.dumps(self.document)

    def save(self) -> None:
        """Write it, unless it is as it was read or written last."""
        after = json.dumps(self.document)
        if after != self._before:
            text = json.dumps(self.document, indent=2, ensure_ascii=False)
            self.path.write_text(text, "utf-8")
            self._before = after


@dataclass(frozen=True)
class AssetLayers:
    """Adds telemetry layers to a stack's asset manifest.

    Args:
        assets: The manifest, None if the stack has none.
        template: The stack's template, which is an asset as well.
    """

    assets: JsonFile | None
    template: str

    def make(self, python: str, package_for: str | None) -> MadeLayer:
        """Return a layer, and have its archive uploaded before it is deployed."""
        entry = self._of_template()
        if self.assets is None or entry is None:
            raise UsageProblem(
                f"{self.template}: its stack uploads no files, so that the layer cannot be added "
                f"to it. {_PUBLISH}"
            )
        if _is_deployed_by_pipeline(self.assets.path):
            raise UsageProblem(
                f"{self.template}: a pipeline of the app deploys its stack, and uploads only the "
                f"files that it knows. {_PUBLISH}"
            )
        staged = stage_layer(python, package_for)
        name = f"asset.{staged.asset_hash}.zip"
        target = self.assets.path.parent / name
        if not target.exists():
            shutil.copyfile(staged.path, target)
        destinations = {
            place: {**given, "objectKey": beside(given["objectKey"], f"{staged.asset_hash}.zip")}
            for place, given in entry["destinations"].items()
        }
        self.assets.document["files"][staged.asset_hash] = {
            "displayName": f"LambdaOtelLiteLayerPython{python}",
            "source": {"path": name, "packaging": "file"},
            "destinations": destinations,
        }
        first = next(iter(destinations.values()))
        content = {"S3Bucket": _substituted(first["bucketName"]), "S3Key": first["objectKey"]}
        return made_layer(
            "AWS::Lambda::LayerVersion", {"Content": content}, staged, python, package_for
        )

    def _of_template(self) -> Mapping[str, Any] | None:
        if self.assets is None:
            return None
        _, entry = entry_of(self.assets, self.template)
        return entry


def made_layer(
    resource_type: str,
    content: Mapping[str, Any],
    staged: StagedCode,
    python: str,
    package_for: str | None,
) -> MadeLayer:
    """Return a telemetry layer as a resource.

    Args:
        resource_type: ``AWS::Lambda::LayerVersion``, or SAM's.
        content: The property that says where its archive is.
        staged: The archive.
        python: Minor version such as ``"3.13"``.
        package_for: The architecture whose exporter package it holds, None for none.
    """
    resource = {
        "Type": resource_type,
        "Properties": {
            **content,
            "CompatibleArchitectures": architectures_of(package_for),
            "CompatibleRuntimes": [f"python{python}"],
            "Description": description_of(python),
        },
    }
    return MadeLayer(
        resource=resource,
        python=python,
        package_for=package_for,
        compiled=staged.compiled,
        size=unpacked_size(staged.path),
    )


def _is_deployed_by_pipeline(assets: Path) -> bool:
    """Tell whether a pipeline deploys a stack: then it publishes each asset by a step of its own.

    Source: https://docs.aws.amazon.com/cdk/v2/guide/cdk-pipeline.html
    """
    stage = assets.parent
    # Its actions name the stack's template by its path.
    template = f"{stage.name}/{assets.name.removesuffix('.assets.json')}.template.json"
    return any(template in one.read_text("utf-8") for one in stage.parent.glob("*.template.json"))


def entry_of(assets: JsonFile, file: str) -> tuple[str | None, Mapping[str, Any] | None]:
    """Return id and entry of a file in an asset manifest, None if it is not uploaded."""
    for asset_id, entry in assets.document.get("files", {}).items():
        if entry.get("source", {}).get("path") == file:
            return asset_id, entry
    return None, None


def beside(key: str, name: str) -> str:
    """Return an object key in the folder of another one."""
    folder, slash, _ = key.rpartition("/")
    return f"{folder}{slash}{name}"


def _substituted(bucket: str) -> Any:
    return {"Fn::Sub": bucket} if "${" in bucket else bucket
