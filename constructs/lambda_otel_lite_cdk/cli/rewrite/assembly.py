"""Instrument the functions of a cloud assembly, whatever language its app is written in.

The CDK's command line uploads what the asset manifests list, under keys that it trusts: a template
that changes gets a new key, and the layer an entry. Source of the layout:
https://github.com/aws/aws-cdk-cli/tree/main/packages/%40aws-cdk/cloud-assembly-schema
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lambda_otel_lite_cdk.cli.assembly.templates import Template, read_templates
from lambda_otel_lite_cdk.cli.rewrite.documents import Document, read_document
from lambda_otel_lite_cdk.cli.rewrite.layers import AssetLayers, JsonFile, beside, entry_of
from lambda_otel_lite_cdk.cli.rewrite.rules import Exempt, exempt_functions
from lambda_otel_lite_cdk.cli.rewrite.template import (
    Instrumented,
    Origin,
    Wanted,
    instrument_template,
)
from lambda_otel_lite_cdk.functions.eligibility import OPT_OUT_TAG
from lambda_otel_lite_cdk.functions.outcome import (
    REPORT,
    REPORT_ENTRY,
    Outcome,
    read_report,
    write_report,
)

_URL = "stackTemplateAssetObjectUrl"
_STACK, _ASSETS = "aws:cloudformation:stack", "cdk:asset-manifest"


def instrument_assembly(folder: Path, wanted: Wanted) -> Instrumented:
    """Instrument every Python function of an assembly in place; doing it again changes nothing.

    Args:
        folder: The assembly.
        wanted: What is asked for.

    Raises:
        UsageProblem: The assembly cannot be read, a layer cannot be added to it, or AWS would
            refuse a template.
        BundlingError: The layer could not be built.
    """
    # As nested templates are named, so that each folder has one name.
    folder = folder.resolve()
    outcomes: list[Outcome] = []
    warnings: list[str] = []
    by_manifest: dict[Path, list[Template]] = {}
    templates = read_templates(folder)
    exempt = exempt_functions(folder, templates)
    for template in templates:
        by_manifest.setdefault(template.file.parent, []).append(template)
    for parent, of_parent in by_manifest.items():
        done = [*_instrument(parent, of_parent, wanted, exempt)]
        became = [outcome for one in done for outcome in one.outcomes]
        _report(parent, became)
        outcomes += became
        warnings += [warning for one in done for warning in one.warnings]
    return Instrumented(outcomes=tuple(outcomes), warnings=tuple(warnings))


def _instrument(
    parent: Path, templates: list[Template], wanted: Wanted, exempt: Exempt
) -> Iterator[Instrumented]:
    manifest = JsonFile(parent / "manifest.json")
    artifacts: Mapping[str, Any] = manifest.document["artifacts"]
    report = read_report(parent)
    originals = {one.file: one.file.read_text("utf-8") for one in templates}
    try:
        # Nested stacks first: their keys stand in the templates that they are nested in.
        for template in sorted(templates, key=lambda one: -len(one.nested_in)):
            assets = _assets_of(parent, artifacts, template.artifact)
            document = read_document(template.file)
            layers = AssetLayers(assets, template.file.name)
            file = template.file
            tags = artifacts[template.artifact].get("properties", {}).get("tags", {})
            origin = Origin(
                stack=template.stack,
                file=file.name,
                paths=template.paths,
                known={id_: one for (name, id_), one in report.items() if name == file.name},
                exempt={id_: why for (where, id_), why in exempt.items() if where == file},
                tagged_off=tags.get(OPT_OUT_TAG) == "off",
                asset_of=partial(_asset_of, template.assets),
                built=True,
            )
            yield instrument_template(document.body, wanted, layers.make, origin)
            _write(document, originals, assets, manifest)
            if assets is not None:
                assets.save()
    finally:
        # What is done is whole, even if the next one is refused.
        manifest.save()


def _asset_of(assets: Mapping[str, Path], location: Any) -> Path | None:
    """Return the folder or archive that code or a layer's content is published from."""
    match location:
        case {"S3Key": str(key)} | {"Key": str(key)}:
            found = assets.get(key)
            return found if found and found.exists() else None
    return None


def _assets_of(parent: Path, artifacts: Mapping[str, Any], stack: str) -> JsonFile | None:
    """Return the asset manifest of a stack, None if it has none."""
    for one in artifacts[stack].get("dependencies", []):
        if artifacts.get(one, {}).get("type") == _ASSETS:
            return JsonFile(parent / artifacts[one]["properties"]["file"])
    return None


def _write(
    document: Document, originals: Mapping[Path, str], assets: JsonFile | None, manifest: JsonFile
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
    asset_id, entry = entry_of(assets, document.path.name)
    if asset_id is None or entry is None:
        return
    digest = hashlib.sha256(text.encode()).hexdigest()
    # Under its id as before, by which a pipeline may publish it.
    assets.document["files"][asset_id] = _with_key(entry, digest)
    for one in entry["destinations"].values():
        old, new = one["objectKey"], beside(one["objectKey"], f"{digest}.json")
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
            place: {**one, "objectKey": beside(one["objectKey"], f"{digest}.json")}
            for place, one in entry["destinations"].items()
        },
    }


def _report(folder: Path, outcomes: list[Outcome]) -> None:
    """Add what was done to the coverage report; what the constructs said of a function holds."""
    known = read_report(folder)
    merged = {(one.template, one.logical_id): one for one in outcomes}
    for key, one in known.items():
        if key not in merged or merged[key].status == one.status:
            merged[key] = one
    entry = {"type": REPORT_ENTRY, "data": write_report(folder, merged.values())}
    manifest = JsonFile(folder / "manifest.json")
    stacks = [one for one in manifest.document["artifacts"].values() if one["type"] == _STACK]
    for stack in stacks[:1]:
        stack.setdefault("metadata", {})[f"/{REPORT}"] = [entry]
    manifest.save()
