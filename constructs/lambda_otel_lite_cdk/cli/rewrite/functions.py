"""Decide what a function of a template is to be given, by the rules that the constructs have."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambda_otel_lite.configuration.variables import ENTRY_POINT, HANDLER
from lambda_otel_lite_cdk.functions.eligibility import (
    OPT_OUT_TAG,
    mode_for,
    python_of,
    why_never,
    why_not_added_to,
    why_not_imported,
    why_unsupported,
)
from lambda_otel_lite_cdk.functions.reasons import Explanation, Reason
from lambda_otel_lite_cdk.functions.resources import is_expression

#: What is read of a function, with the value of SAM's ``Globals`` where it has none of its own:
#: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-template-anatomy-globals.html
_READ = (
    *("Architectures", "AutoPublishAlias", "CapacityProviderConfig", "Code", "CodeUri"),
    *("DurableConfig", "FunctionName", "Handler", "LoggingConfig", "PackageType", "Runtime"),
    *("SnapStart", "Tags"),
)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked for a function.

    Args:
        settings: The environment variables that carry the settings.
        code: The folder or archive of its code, None where it is not known.
        published: Whether its layer is published already, so that none has to be chosen.
        newer: Whether Python versions are accepted that this version does not know yet.
    """

    settings: Mapping[str, str]
    code: Path | None = None
    published: bool = False
    newer: bool = False


@dataclass(frozen=True, kw_only=True)
class Change:
    """What a function is given.

    Args:
        python: Its Python version, such as ``"3.13"``.
        architecture: ``"x86_64"`` or ``"arm64"``.
        handler: Its own handler, None if it has the entry point already.
        variables: The variables to add.
        overridden: The settings, by variable, for which its own value holds.
    """

    python: str
    architecture: str
    handler: Any
    variables: Mapping[str, Any]
    overridden: tuple[str, ...]


def properties_of(
    own: Mapping[str, Any], common: Mapping[str, Any], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what a function has: its own properties and those that SAM's ``Globals`` give.

    Args:
        own: Its properties, without short forms of functions.
        common: ``Globals.Function`` of the template, empty in plain CloudFormation.
        parameters: The template's parameters; a reference to one counts as its default.
    """
    properties = {name: own.get(name, common.get(name)) for name in _READ}
    for name in ("Handler", "Runtime", "PackageType"):
        properties[name] = _default_of(properties[name], parameters)
    # These are joined, where the others are replaced.
    if isinstance(properties["Tags"], dict):
        properties["Tags"] = {**common.get("Tags", {}), **properties["Tags"]}
    properties["Environment"] = {"Variables": variables_of(common) | variables_of(own)}
    properties["Layers"] = [*_layers_of(common), *_layers_of(own)]
    return {name: value for name, value in properties.items() if value is not None}


def planned(
    properties: Mapping[str, Any], own: Mapping[str, Any], asked: Asked
) -> Change | Explanation:
    """Return what a function is given, or why it is left alone.

    Args:
        properties: What it has, of `properties_of`.
        own: Its own properties, without short forms of functions.
        asked: What is asked for.
    """
    is_known = not is_expression(properties.get("Runtime"))
    if not is_known and not asked.published:
        return Reason.EXPRESSION.because(name="Runtime")
    if _tagged_off(properties.get("Tags")):
        return Reason.TAGGED_OFF.because(tag=OPT_OUT_TAG)
    variables = properties["Environment"]["Variables"]
    # As the constructs name them.
    named = {
        "runtime": properties.get("Runtime"),
        "handler": properties.get("Handler"),
        "packageType": properties.get("PackageType"),
        "environment": {"variables": variables},
    }
    if "CapacityProviderConfig" in properties:
        named["capacityProviderConfig"] = properties["CapacityProviderConfig"]
    why = why_never(properties) if is_known else None
    why = why or why_not_imported(named, asked.code)
    why = why or why_unsupported(named, published=asked.published, newer=asked.newer)
    if why := why or why_not_added_to(own):
        return why
    wanted: dict[str, Any] = dict(mode_for(named, asked.settings))
    handler = None
    if properties.get("Handler") != ENTRY_POINT:
        # A copy: functions may share that of `Globals`, and CloudFormation takes no YAML aliases.
        handler = wanted[HANDLER] = deepcopy(properties.get("Handler"))
    return Change(
        python=python_of(named),
        architecture=_first(properties.get("Architectures")) or "x86_64",
        handler=handler,
        variables={name: value for name, value in wanted.items() if name not in variables},
        overridden=tuple(
            name for name in sorted(wanted) if variables.get(name, wanted[name]) != wanted[name]
        ),
    )


def variables_of(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the environment variables among properties, none where they are an expression."""
    environment = properties.get("Environment", {})
    variables = environment.get("Variables", {}) if isinstance(environment, dict) else {}
    return dict(variables) if isinstance(variables, dict) else {}


def _layers_of(properties: Mapping[str, Any]) -> list[Any]:
    layers = properties.get("Layers", [])
    return layers if isinstance(layers, list) else []


def _default_of(value: Any, parameters: Mapping[str, Any]) -> Any:
    match value:
        case {"Ref": str(name)} if name in parameters:
            return parameters[name].get("Default", value)
    return value


def _tagged_off(tags: object) -> bool:
    if isinstance(tags, list):
        tags = {one.get("Key"): one.get("Value") for one in tags if isinstance(one, dict)}
    return isinstance(tags, dict) and tags.get(OPT_OUT_TAG) == "off"


def _first(value: object) -> str | None:
    return str(value[0]) if isinstance(value, list) and value else None
