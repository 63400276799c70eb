"""Tell which functions record for X-Ray by a library that ends.

The X-Ray SDK is in maintenance and ends on 2027-02-25; Powertools Tracer is built on it
(https://docs.aws.amazon.com/xray/latest/devguide/xray-sdk-daemon-timeline.html,
https://docs.aws.amazon.com/powertools/python/latest/core/tracer/). Nothing of the code is run: it
is looked for what installers leave in it, and what its requirements name.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from lambda_otel_lite.configuration.variables import INSTRUMENTATIONS, XRAY
from lambda_otel_lite_cdk.layer.archive import has_file, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SDK, TRACER = "X-Ray SDK", "Powertools Tracer"

_MODULES = {TRACER: "aws_lambda_powertools/tracing/__init__.py", SDK: "aws_xray_sdk/__init__.py"}
_REQUIREMENTS = {
    TRACER: re.compile(r"(?im)^\s*aws[-_.]lambda[-_.]powertools\s*\[[^\]]*\b(tracer|all)\b"),
    SDK: re.compile(r"(?im)^\s*aws[-_.]xray[-_.]sdk\b"),
}
#: https://docs.aws.amazon.com/powertools/python/latest/getting-started/install/#lambda-layer
_PUBLISHED = "layer:AWSLambdaPowertoolsPython"
# https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html#packaging-layers-paths
_LAYER_FOLDERS = ("python/", "python/lib/{}/site-packages/")


def xray_library(
    properties: Mapping[str, Any], resources: Mapping[str, Any], assets: Mapping[str, Path]
) -> str:
    """Return the library by which a function records for X-Ray, and by which it would have spans.

    Args:
        properties: Those of the function, as ``AWS::Lambda::Function`` has them.
        resources: Those of its template.
        assets: Path of each file asset by the object key under which it is published.

    Returns:
        `TRACER` or `SDK`; empty where it has neither, or has the spans already.
    """
    variables = properties.get("Environment", {}).get("Variables", {})
    runtime = properties.get("Runtime")
    if XRAY in str(variables.get(INSTRUMENTATIONS, "")).split(","):
        return ""
    if not isinstance(runtime, str) or not runtime.startswith("python"):
        return ""
    found = set(_in_asset(assets.get(_text(properties.get("Code", {}).get("S3Key"))), ("",)))
    folders = tuple(folder.format(runtime) for folder in _LAYER_FOLDERS)
    for layer in properties.get("Layers") or ():
        if _PUBLISHED in json.dumps(layer):
            return TRACER
        resource = resources.get(_text(layer.get("Ref")), {}) if isinstance(layer, dict) else {}
        content = resource.get("Properties", {}).get("Content", {})
        found.update(_in_asset(assets.get(_text(content.get("S3Key"))), folders))
    # Powertools always has the module, which does nothing without the SDK.
    return "" if SDK not in found else TRACER if TRACER in found else SDK


def _in_asset(asset: Path | None, folders: tuple[str, ...]) -> Iterator[str]:
    if asset is None or not asset.exists():
        return
    for library, module in _MODULES.items():
        if any(has_file(asset, folder + module) for folder in folders):
            yield library
    requirements = text_of(asset, ["requirements.txt"]) or ""
    for library, pattern in _REQUIREMENTS.items():
        if pattern.search(requirements):
            yield from (library, SDK)


def _text(value: object) -> str:
    """Return a value if it is a text, which an expression is not."""
    return value if isinstance(value, str) else ""
