"""Decide which functions of a fleet are instrumented, and say why the others are not."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from lambda_otel_lite.configuration.variables import ENTRY_POINT, HANDLER
from lambda_otel_lite_cdk.layer.interpreters import SUPPORTED_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

#: A construct with this tag and the value ``off`` is left alone, with all that is in it.
OPT_OUT_TAG = "lambda-otel-lite"
#: How the CDK names what it makes for itself: providers of custom resources (``Custom::…``,
#: ``@aws-cdk--…``), the functions of its provider framework, and singletons, which end in a UUID
#: without its hyphens. Source: aws-cdk-lib, `SingletonFunction`, `custom_resources.Provider`.
_CDK_OWN = re.compile(r"(^|/)(Custom::|@aws-cdk--|framework-on(Event|IsComplete|Timeout)(/|$))")
_SINGLETON = re.compile(r"(^|/)[^/]*[0-9a-fA-F]{32}(/|$)")
_STEPS = 10_000
_FORWARDER = "otlp_forwarder."
IS_FORWARDER = "it forwards the telemetry of the others"
#: Source: CloudFront developer guide, "Restrictions on Lambda@Edge".
AT_EDGE = "Lambda@Edge takes neither layers nor environment variables"


def is_made_by_cdk(path: str) -> bool:
    """Tell whether a function is one that the CDK makes for itself, by its construct path.

    Args:
        path: Construct path such as ``"Shop/Custom::CDKBucketDeployment…"``.
    """
    return bool(_CDK_OWN.search(path) or _SINGLETON.search(path))


def is_edge_function(construct: object) -> bool:
    """Tell whether a construct is an `EdgeFunction`, whose default child is the function."""
    # By its name: apps without one need not import aws_cloudfront, which takes long.
    return type(construct).__name__ == "EdgeFunction"


def why_never(properties: Mapping[str, Any]) -> str | None:
    """Return why nobody needs to instrument a function, or None where somebody could.

    Args:
        properties: Its properties in the template.
    """
    if properties.get("PackageType") == "Image":
        return "a container image takes no layer"
    runtime = str(properties.get("Runtime"))
    if not runtime.startswith("python"):
        return f"its runtime is {runtime}, not Python"
    if str(properties.get("Handler")).startswith(_FORWARDER):
        return IS_FORWARDER
    return None


def is_forwarder(properties: Mapping[str, Any]) -> bool:
    """Tell whether a function forwards telemetry: it must never emit what it would be fed.

    Args:
        properties: What `reading.configured` returns for it.
    """
    return str(properties.get("handler")).startswith(_FORWARDER)


def why_unsupported(properties: Mapping[str, Any]) -> str | None:
    """Return why a function cannot be instrumented and what to do, or None where it can.

    Args:
        properties: What `reading.configured` returns for it.
    """
    if properties.get("packageType") == "Image" or "imageUri" in properties.get("code", {}):
        return (
            f"a container image takes no layer. Copy what `lambda-otel layer` builds to /opt in "
            f"the image, set its command to {ENTRY_POINT!r} and {HANDLER} to the function's own "
            f"handler."
        )
    runtime = properties.get("runtime")
    if python_of(properties) not in SUPPORTED_VERSIONS:
        accepted = ", ".join(f"python{version}" for version in SUPPORTED_VERSIONS)
        return (
            f"its runtime is {runtime!r}; accepted are {accepted}. Move the function to one of "
            f"them, or do not instrument it."
        )
    if properties.get("handler") == ENTRY_POINT and HANDLER not in variables_of(properties):
        return (
            f"its handler is {ENTRY_POINT!r} and {HANDLER} is not set, so that the function's own "
            f"handler is not known. Pass that one as `handler`."
        )
    return None


def python_of(properties: Mapping[str, Any]) -> str:
    """Return the minor Python version of a function, or the name of its other runtime."""
    return str(properties.get("runtime")).removeprefix("python")


def variables_of(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a function's environment variables."""
    variables: dict[str, Any] = properties.get("environment", {}).get("variables", {})
    return variables


def is_in_rollout(path: str, percent: float) -> bool:
    """Tell whether a function is among the given percent of a fleet.

    Each function has a place of its own, made of its construct path: raising the percentage only
    ever adds functions, and what else is in the fleet makes no difference.

    Args:
        path: Construct path of the function.
        percent: 0 (none) to 100 (all).
    """
    place = int.from_bytes(hashlib.sha256(path.encode()).digest()[:8]) % _STEPS
    return place < percent * _STEPS / 100
