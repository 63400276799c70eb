"""Decide which functions can be instrumented, and say why the others cannot."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from lambda_otel_lite.configuration.variables import ENTRY_POINT, HANDLER
from lambda_otel_lite_cdk.functions.reasons import Explanation, Reason
from lambda_otel_lite_cdk.layer.interpreters import SUPPORTED_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How the CDK names what it makes for itself: providers of custom resources (``Custom::…``,
#: ``@aws-cdk--…``), the functions of its provider framework, and singletons, whose names end in a
#: UUID without hyphens. Source: `SingletonFunction` and `custom_resources.Provider` in
#: https://github.com/aws/aws-cdk/tree/main/packages/aws-cdk-lib
_CDK_OWN = re.compile(r"(^|/)(Custom::|@aws-cdk--|framework-on(Event|IsComplete|Timeout)(/|$))")
_SINGLETON = re.compile(r"(^|/)[^/]*[0-9a-fA-F]{32}(/|$)")
#: A function or a construct with this tag and the value ``off`` is left alone, with all in it.
OPT_OUT_TAG = "lambda-otel-lite"
#: A rollout is told apart in steps of a hundredth of a percent.
_STEPS = 10_000
_FORWARDER = "otlp_forwarder."


def is_made_by_cdk(path: str) -> bool:
    """Tell whether a function is one that the CDK makes for itself.

    Args:
        path: Its construct path, such as ``"Shop/Custom::CDKBucketDeployment…"``.
    """
    return bool(_CDK_OWN.search(path) or _SINGLETON.search(path))


def is_edge_function(construct: object) -> bool:
    """Tell whether a construct is an `EdgeFunction`, whose default child is the function."""
    # By name, because importing aws_cloudfront takes long and most apps do not need it.
    return type(construct).__name__ == "EdgeFunction"


def is_forwarder(properties: Mapping[str, Any]) -> bool:
    """Tell whether a function forwards telemetry. It must not emit any: it would get it back.

    Args:
        properties: Its properties, as `Configuration` has them.
    """
    return str(properties.get("handler")).startswith(_FORWARDER)


def why_never(properties: Mapping[str, Any]) -> Explanation | None:
    """Return why nobody needs to instrument a function, or None if somebody could.

    Args:
        properties: Its properties in the template.
    """
    runtime = str(properties.get("Runtime"))
    if properties.get("PackageType") == "Image":
        return Reason.IMAGE.because()
    if not runtime.startswith("python"):
        return Reason.NOT_PYTHON.because(runtime=runtime)
    if str(properties.get("Handler")).startswith(_FORWARDER):
        return Reason.FORWARDER.because()
    return None


def why_unsupported(properties: Mapping[str, Any]) -> Explanation | None:
    """Return why a function cannot be instrumented and what to do, or None if it can.

    Args:
        properties: Its properties, as `Configuration` has them.
    """
    if properties.get("packageType") == "Image" or "imageUri" in properties.get("code", {}):
        return Reason.UNSUPPORTED_IMAGE.because(entry_point=ENTRY_POINT, variable=HANDLER)
    if python_of(properties) not in SUPPORTED_VERSIONS:
        accepted = ", ".join(f"python{version}" for version in SUPPORTED_VERSIONS)
        runtime = properties.get("runtime")
        return Reason.UNSUPPORTED_RUNTIME.because(runtime=runtime, accepted=accepted)
    if properties.get("handler") == ENTRY_POINT and HANDLER not in variables_of(properties):
        return Reason.UNKNOWN_HANDLER.because(entry_point=ENTRY_POINT, variable=HANDLER)
    return None


def python_of(properties: Mapping[str, Any]) -> str:
    """Return the minor Python version of a function, or the name of another runtime."""
    return str(properties.get("runtime")).removeprefix("python")


def architecture_of(properties: Mapping[str, Any]) -> str:
    """Return the architecture of a function: ``"x86_64"``, which is the default, or ``"arm64"``."""
    return str(properties.get("architectures", ["x86_64"])[0])


def variables_of(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return a function's environment variables."""
    variables: dict[str, Any] = properties.get("environment", {}).get("variables", {})
    return variables


def is_in_rollout(path: str, percent: float) -> bool:
    """Tell whether a function is among the first so many percent of a fleet.

    Each function has a fixed place, made of its construct path: a higher percentage only ever adds
    functions, and other functions of the fleet make no difference.

    Args:
        path: Construct path of the function.
        percent: 0 (none) to 100 (all).
    """
    place = int.from_bytes(hashlib.sha256(path.encode()).digest()[:8]) % _STEPS
    return place < percent * _STEPS / 100
