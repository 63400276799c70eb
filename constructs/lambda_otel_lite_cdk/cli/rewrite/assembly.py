"""Instrument the functions of a cloud assembly, whatever language its app is written in.

The CDK's command line uploads what the asset manifests list, under keys that it trusts: a template
that changes gets a new key, and the layer an entry. Source of the layout:
https://github.com/aws/aws-cdk-cli/tree/main/packages/%40aws-cdk/cloud-assembly-schema
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambda_otel_lite_cdk.cli.assembly.templates import Template, read_templates
from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.rewrite.documents import Document, read_document
from lambda_otel_lite_cdk.cli.rewrite.template import (
    Instrumented,
    Origin,
    Wanted,
    instrument_template,
)
from lambda_otel_lite_cdk.functions.outcome import (
    REPORT,
    REPORT_ENTRY,
    Outcome,
    read_report,
    write_report,
)
from lambda_otel_lite_cdk.layer.build import stage_layer
from lambda_otel_lite_cdk.layer.names import architectures_of, description_of

_URL = "stackTemplateAssetObjectUrl"
_STACK, _ASSETS = "aws:cloudformation:stack", "cdk:asset-manifest"


def instrument_assembly(folder: Path, wanted: Wanted) -> Instrumented:
    """Instrument every Python function of an assembly in place; doing it again changes nothing.

    Args:
        folder: The assembly.
        wanted: What is asked for.

    Raises:
        UsageProblem: The assembly cannot be read, or a layer cannot be added to it.
        BundlingError: The layer could not be built.
    """
    outcomes: list[Outcome] = []
    unforwarded: list[str] = []
    by_manifest: dict[Path, list[Template]] = {}
    for template in read_templates(folder):
        by_manifest.setdefault(template.file.parent, []).append(template)
    for parent, templates in by_manifest.items():
        done = [*_instrument(parent, templates, wanted)]
        of_parent = [outcome for one in done for outcome in one.outcomes]
        _report(parent, of_parent)
        outcomes += of_parent
        unforwarded += [path for one in done for path in one.unforwarded]
    return Instrumented(outcomes=tuple(outcomes), unforwarded=tuple(unforwarded))


def _instrument(parent: Path, templates: list[Template], wanted: Wanted) -> Iterator[Instrumented]:
    manifest = _Json(parent / "manifest.json")
    report = read_report(parent)
    originals = {one.file: one.file.read_text("utf-8") for one in templates}
    # Nested stacks first: their keys stand in the templates that they are nested in.
    for template in sorted(templates, key=lambda one: -len(one.nested_in)):
        assets = _assets_of(parent, manifest, template.root)
        document = read_document(template.file)
        layers = _Layers(assets, template.file.name)
        known = {id_: one for (file, id_), one in report.items() if file == template.file.name}
        origin = Origin(
            stack=template.stack, file=template.file.name, paths=template.paths, known=known
        )
        yield instrument_template(document.body, wanted, layers.make, origin)
        _write(document, originals, assets, manifest)
        if assets is not None:
            assets.save()
    manifest.save()


class _Json:
    """A JSON file of the assembly, saved if it has changed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.document = json.loads(path.read_text("utf-8"))
        self._before = json.dumps(self.document)

    def save(self) -> None:
        after = json.dumps(self.document)
        if after != self._before:
            text = json.dumps(self.document, indent=2, ensure_ascii=False)
            self.path.write_text(text, "utf-8")
            self._before = after


def _assets_of(parent: Path, manifest: _Json, stack: str) -> _Json | None:
    """Return the asset manifest of a stack, None if it has none."""
    artifacts: Mapping[str, Any] = manifest.document["artifacts"]
    for name, artifact in artifacts.items():
        named = artifact.get("properties", {}).get("stackName", name)
        if artifact["type"] == _STACK and named == stack:
            for one in artifact.get("dependencies", []):
                if artifacts.get(one, {}).get("type") == _ASSETS:
                    return _Json(parent / artifacts[one]["properties"]["file"])
    return None


@dataclass(frozen=True)
class _Layers:
    """Adds telemetry layers to a stack's asset manifest.

    Args:
        assets: The manifest, None if the stack has none.
        template: The stack's template, which is an asset as well.
    """

    assets: _Json | None
    template: str

    def make(self, python: str, package_for: str | None) -> dict[str, Any]:
        """Return the resource of a layer, and have its archive uploaded before it is deployed."""
        entry = self._entry_of_template()
        if self.assets is None or entry is None:
            raise UsageProblem(
                f"{self.template}: its stack uploads no files, so that the layer cannot be added "
                f"to it. Publish the layer once (`lambda-otel layer`), and give it with "
                f"--set layer_arn=ARN"
            )
        staged = stage_layer(python, package_for)
        name = f"asset.{staged.asset_hash}.zip"
        target = self.assets.path.parent / name
        if not target.exists():
            shutil.copyfile(staged.path, target)
        destinations = {
            place: {**given, "objectKey": _beside(given["objectKey"], f"{staged.asset_hash}.zip")}
            for place, given in entry["destinations"].items()
        }
        self.assets.document["files"][staged.asset_hash] = {
            "displayName": f"LambdaOtelLiteLayerPython{python}",
            "source": {"path": name, "packaging": "file"},
            "destinations": destinations,
        }
        first = next(iter(destinations.values()))
        content = {"S3Bucket": _substituted(first["bucketName"]), "S3Key": first["objectKey"]}
        return layer_resource(
            "AWS::Lambda::LayerVersion", {"Content": content}, python, package_for
        )

    def _entry_of_template(self) -> Mapping[str, Any] | None:
        if self.assets is None:
            return None
        _, entry = _entry(self.assets, self.template)
        return entry


def layer_resource(
    resource_type: str, content: Mapping[str, Any], python: str, package_for: str | None
) -> dict[str, Any]:
    """Return the resource of a telemetry layer.

    Args:
        resource_type: ``AWS::Lambda::LayerVersion``, or SAM's.
        content: The property that says where its archive is.
        python: Minor version such as ``"3.13"``.
        package_for: The architecture whose exporter package it holds, None for none.
    """
    return {
        "Type": resource_type,
        "Properties": {
            **content,
            "CompatibleArchitectures": architectures_of(package_for),
            "CompatibleRuntimes": [f"python{python}"],
            "Description": description_of(python),
        },
    }


def _write(
    document: Document, originals: Mapping[Path, str], assets: _Json | None, manifest: _Json
) -> None:
    """Write a template, under a new key if it is uploaded.

    Args:
        document: The template.
        originals: The assembly's templates as they were. A template may have changed because the
            key of one that is nested in it has.
        assets: The stack's asset manifest, None if it has none.
        manifest: The assembly's manifest.
    """
    text = document.text()
    if text == originals[document.path]:
        return
    document.path.write_text(text, "utf-8")
    if assets is None:
        return
    asset_id, entry = _entry(assets, document.path.name)
    if asset_id is None or entry is None:
        return
    digest = hashlib.sha256(text.encode()).hexdigest()
    files = assets.document["files"]
    # In the place of the old one, so that the order stays.
    assets.document["files"] = {
        (digest if name == asset_id else name): (
            _with_key(one, digest) if name == asset_id else one
        )
        for name, one in files.items()
    }
    for one in entry["destinations"].values():
        old, new = one["objectKey"], _beside(one["objectKey"], f"{digest}.json")
        for artifact in manifest.document["artifacts"].values():
            properties = artifact.get("properties", {})
            if properties.get("templateFile") == document.path.name and _URL in properties:
                properties[_URL] = properties[_URL].replace(old, new)
        for template in originals:
            written = template.read_text("utf-8")
            if f"/{old}" in written:
                template.write_text(written.replace(f"/{old}", f"/{new}"), "utf-8")


def _with_key(entry: Mapping[str, Any], digest: str) -> dict[str, Any]:
    return {
        **entry,
        "destinations": {
            place: {**one, "objectKey": _beside(one["objectKey"], f"{digest}.json")}
            for place, one in entry["destinations"].items()
        },
    }


def _entry(assets: _Json, file: str) -> tuple[str | None, Mapping[str, Any] | None]:
    for asset_id, entry in assets.document.get("files", {}).items():
        if entry.get("source", {}).get("path") == file:
            return asset_id, entry
    return None, None


def _beside(key: str, name: str) -> str:
    """Return an object key in the folder of another one."""
    folder, slash, _ = key.rpartition("/")
    return f"{folder}{slash}{name}"


def _substituted(bucket: str) -> Any:
    return {"Fn::Sub": bucket} if "${" in bucket else bucket


def _report(folder: Path, outcomes: list[Outcome]) -> None:
    """Add what was done to the coverage report; what the constructs said of a function holds."""
    known = read_report(folder)
    merged = {(one.template, one.logical_id): one for one in outcomes}
    for key, one in known.items():
        if key not in merged or merged[key].status == one.status:
            merged[key] = one
    entry = {"type": REPORT_ENTRY, "data": write_report(folder, merged.values())}
    manifest = _Json(folder / "manifest.json")
    stacks = [one for one in manifest.document["artifacts"].values() if one["type"] == _STACK]
    for stack in stacks[:1]:
        stack.setdefault("metadata", {})[f"/{REPORT}"] = [entry]
    manifest.save()
