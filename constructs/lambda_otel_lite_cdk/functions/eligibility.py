"""Decide which functions can be instrumented, and say why the others cannot."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

from lambda_otel_lite.configuration.variables import ENTRY_POINT, HANDLER, PROCESSOR_MODE
from lambda_otel_lite_cdk.functions.reasons import Explanation, Reason
from lambda_otel_lite_cdk.functions.resources import is_expression
from lambda_otel_lite_cdk.layer.archive import has_file
from lambda_otel_lite_cdk.layer.interpreters import SUPPORTED_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from constructs import IConstruct

#: How the CDK names the functions that it makes for itself, in whole or to the last hexadecimal
#: digit: a user's path may end in any other number. Source:
#: https://github.com/aws/aws-cdk/tree/main/packages/aws-cdk-lib
_CDK_OWN = re.compile(
    r"(^|/)("
    # Custom resources that are singletons of a stack.
    r"Custom::CDKBucketDeployment8693BB64968944B69AAFB0CC9EB8756C[^/]*"
    r"|SingletonLambda8693BB64968944B69AAFB0CC9EB8757C"
    r"|BucketNotificationsHandler050a0587b7544547bf325f094a3db834"
    r"|LogRetentionaae0aa3c5b4d4f87b02d85b201efdd8a"
    r"|AWS679f53fac002430cb0da5b7982bd2287[^/]*"
    r"|Custom::[^/]+CustomResourceProvider/Handler"
    # Nested stacks of the CDK.
    r"|@aws-cdk--[^/]+/.+"
    r"|DrainECSHook/Function"
    r")(/|$)"
)
#: What makes functions under these names for itself, under whatever name it has itself.
_MAKERS = {
    "KubectlProvider": ("Handler",),
    "Provider": ("framework-onEvent", "framework-isComplete", "framework-onTimeout"),
}
#: Of Lambda Web Adapter, which starts what the handler names instead of importing it. Source:
#: https://github.com/awslabs/aws-lambda-web-adapter
_ADAPTER = "/opt/bootstrap"
#: Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-modify.html
EXEC_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
#: A function or a stack with this tag and the value ``off`` is left alone.
OPT_OUT_TAG = "lambda-otel-lite"
#: A rollout is told apart in steps of a hundredth of a percent.
_STEPS = 10_000
_FORWARDER = "otlp_forwarder."
#: The modes that need an extension, which Lambda Managed Instances do not allow. Source:
#: https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
_BY_EXTENSION = ("async", "finalize")


def is_made_by_cdk(path: str) -> bool:
    """Tell whether a function is one that the CDK makes for itself.

    Args:
        path: Its construct path, such as ``"Shop/Custom::CDKBucketDeployment…"``.
    """
    return bool(_CDK_OWN.search(path))


def made_by(construct: IConstruct) -> tuple[str, ...]:
    """Return the ids under which a construct of the CDK makes functions for itself.

    Args:
        construct: Any construct.
    """
    for kind in type(construct).__mro__:
        if kind.__module__.startswith("aws_cdk.") and (made := made_by_kind(kind.__name__)):
            return made
    return ()


def made_by_kind(name: str) -> tuple[str, ...]:
    """Return the ids under which a kind of construct of the CDK makes functions.

    Args:
        name: The name of its class.
    """
    return _MAKERS.get(name, ())


def is_forwarder(properties: Mapping[str, Any]) -> bool:
    """Tell whether a function forwards telemetry. It must not emit any: it would get it back.

    Args:
        properties: Its properties, as `as_given` names them.
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


def why_not_imported(properties: Mapping[str, Any], code: Path | None) -> Explanation | None:
    """Return what starts a function instead of importing its handler, or None.

    Args:
        properties: Its properties, as `as_given` names them.
        code: The folder or archive of its code, None where it is not known.
    """
    handler = str(properties.get("handler"))
    if variables_of(properties).get(EXEC_WRAPPER) == _ADAPTER:
        return Reason.WEB_ADAPTER.because(handler=handler)
    if handler.endswith(".sh") or (code is not None and has_file(code, handler)):
        return Reason.SCRIPT.because(handler=handler)
    return None


def why_unsupported(
    properties: Mapping[str, Any], *, published: bool = False, newer: bool = False
) -> Explanation | None:
    """Return why a function cannot be instrumented and what to do, or None if it can.

    Args:
        properties: Its properties, as `as_given` names them.
        published: Whether its layer is published already, so that none has to be chosen.
        newer: Whether Python versions are accepted that this version does not know yet.
    """
    if properties.get("packageType") == "Image" or "imageUri" in properties.get("code", {}):
        return Reason.UNSUPPORTED_IMAGE.because(entry_point=ENTRY_POINT, variable=HANDLER)
    if why := why_not_imported(properties, None):
        return why
    # With a published layer, a runtime that is known at deployment only is the app's own concern.
    is_known = isinstance(properties.get("runtime"), str)
    python = python_of(properties)
    if (is_known or not published) and python not in SUPPORTED_VERSIONS:
        is_newer = is_newer_python(python)
        accepted = ", ".join(f"python{version}" for version in SUPPORTED_VERSIONS)
        reason = Reason.NEWER_RUNTIME if is_newer else Reason.UNSUPPORTED_RUNTIME
        if not (is_newer and newer):
            return reason.because(runtime=properties.get("runtime"), accepted=accepted)
    if properties.get("handler") == ENTRY_POINT and HANDLER not in variables_of(properties):
        return Reason.UNKNOWN_HANDLER.because(entry_point=ENTRY_POINT, variable=HANDLER)
    return None


def why_not_added_to(properties: Mapping[str, Any]) -> Explanation | None:
    """Return why nothing can be added to what a function has, or None if something can.

    Args:
        properties: Its properties in the template.
    """
    for name, kind in (("Environment", dict), ("Layers", list)):
        value = properties.get(name, kind())
        inner = value.get("Variables", {}) if isinstance(value, dict) else value
        if is_expression(value) or is_expression(inner) or not isinstance(inner, kind):
            return Reason.EXPRESSION.because(name=name)
    return None


def python_of(properties: Mapping[str, Any]) -> str:
    """Return the minor Python version of a function, or the name of another runtime."""
    return str(properties.get("runtime")).removeprefix("python")


def is_newer_python(python: str) -> bool:
    """Tell whether a Python version is newer than all that this version of the project knows.

    Args:
        python: Minor version such as ``"3.15"``, or anything else.
    """
    major, _, minor = python.partition(".")
    newest = int(SUPPORTED_VERSIONS[-1].partition(".")[2])
    return major == "3" and minor.isdecimal() and int(minor) > newest


def mode_for(properties: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, str]:
    """Return the settings of a function with a processing mode that its platform has.

    Args:
        properties: Its properties, as `as_given` names them.
        variables: The environment variables that carry its settings.
    """
    if has_no_extension(properties, variables.get(PROCESSOR_MODE)):
        return {**variables, PROCESSOR_MODE: "sync"}
    return dict(variables)


def has_no_extension(properties: Mapping[str, Any], mode: object) -> bool:
    """Tell whether a mode needs an extension, and a function runs where there is none.

    Args:
        properties: Its properties, as `as_given` names them.
        mode: The processing mode.
    """
    return "capacityProviderConfig" in properties and mode in _BY_EXTENSION


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
