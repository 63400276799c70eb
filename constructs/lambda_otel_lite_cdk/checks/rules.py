"""Find what would fail at deployment, or never work, before anything is deployed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lambda_otel_lite.configuration.variables import EXPORTER
from lambda_otel_lite_cdk.functions.eligibility import python_of, variables_of
from lambda_otel_lite_cdk.layer.archive import unpacked_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from constructs import IConstruct

ERROR, WARNING = "error", "warning"
_PREFIX = "lambda-otel-lite:"
#: Source of the quotas: AWS Lambda developer guide, "Lambda quotas".
MOST_LAYERS = 5
_MOST_ENVIRONMENT_BYTES = 4096
_MOST_UNZIPPED_BYTES = 262_144_000
_WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found.

    Args:
        check: The check's id, by which it can be acknowledged.
        severity: ``"error"`` stops the synth, ``"warning"`` does not.
        construct: What it was found in.
        path: Construct path of the function or log group.
        message: The value, what is accepted, and the fix.
    """

    check: str
    severity: str
    construct: IConstruct
    path: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What is known of an instrumented function.

    Args:
        construct: Its resource.
        path: Its construct path.
        properties: What `reading.configured` returns for it.
        layer_is_published: Whether its telemetry layer was given by ARN.
        size: Size of its code and layers as far as they are known, unzipped, in bytes.
        has_version: Whether the app publishes a version of it.
    """

    construct: IConstruct
    path: str
    properties: Mapping[str, Any]
    layer_is_published: bool
    size: int
    has_version: bool


def check_function(facts: Facts) -> Iterator[Finding]:
    """Yield what is wrong with an instrumented function."""
    for check, severity, find in _CHECKS:
        if message := find(facts):
            yield Finding(
                check=_PREFIX + check,
                severity=severity,
                construct=facts.construct,
                path=facts.path,
                message=message,
            )


def _sixth_layer(facts: Facts) -> str | None:
    count = len(facts.properties.get("layers", []))
    if count <= MOST_LAYERS:
        return None
    return (
        f"it has {count} layers with the telemetry layer; Lambda takes at most {MOST_LAYERS}. "
        f"Merge two of its layers, or leave the function out with Telemetry.of(…).opt_out(…)."
    )


def _environment_size(facts: Facts) -> str | None:
    # As the service measures it: the variables as a JSON object. What is known at deployment only
    # counts as nothing.
    known = {
        name: value if isinstance(value, str) else ""
        for name, value in variables_of(facts.properties).items()
    }
    size = len(json.dumps(known, separators=(",", ":"), ensure_ascii=False).encode())
    if size <= _MOST_ENVIRONMENT_BYTES:
        return None
    return (
        f"its environment variables take {size} bytes; Lambda takes at most "
        f"{_MOST_ENVIRONMENT_BYTES}. Move what is long into a parameter store or a file."
    )


def _unzipped_size(facts: Facts) -> str | None:
    if facts.size <= _MOST_UNZIPPED_BYTES:
        return None
    return (
        f"its code and layers take at least {facts.size} bytes unzipped; Lambda takes at most "
        f"{_MOST_UNZIPPED_BYTES} (250 MB). Take out what it does not need, or make it an image."
    )


def _exporter_without_package(facts: Facts) -> str | None:
    theirs = variables_of(facts.properties).get(EXPORTER)
    if facts.layer_is_published and theirs == "package":
        architecture = facts.properties.get("architectures", ["x86_64"])[0]
        return (
            f"it is {architecture}, and its exporter, 'package', needs a layer of one architecture "
            f"that holds it; whether the published layer is that cannot be seen here. Build it "
            f"with `lambda-otel layer --exporter package --architecture {architecture}`."
        )
    return None


def _layer_without_package(facts: Facts) -> str | None:
    given = variables_of(facts.properties).get(EXPORTER)
    layers = json.dumps(facts.properties.get("layers", []))
    if given != "package" or facts.layer_is_published or "LayerPython" not in layers:
        return None
    architecture = facts.properties.get("architectures", ["x86_64"])[0]
    if f"Package{architecture.title().replace('_', '')}" in layers:
        return None
    return (
        f"{EXPORTER} is 'package', but its telemetry layer does not hold that package for "
        f"{architecture}. Set TelemetrySettings(exporter='package') in place of the variable, or "
        f"remove it."
    )


def _layer_of_another_python(facts: Facts) -> str | None:
    layers = json.dumps(facts.properties.get("layers", []))
    python = python_of(facts.properties)
    if "LayerPython" not in layers or f"LayerPython{python.replace('.', '')}" in layers:
        return None
    return (
        f"its runtime is {facts.properties.get('runtime')!r}, but its telemetry layer is for "
        f"another Python: something changed the runtime after telemetry was settled. Set the "
        f"runtime where the function is made, or call Telemetry.of(…).instrument(…) after the "
        f"stacks are made."
    )


def _snapstart_without_version(facts: Facts) -> str | None:
    if "snapStart" not in facts.properties or facts.has_version:
        return None
    return (
        "it asks for SnapStart, which works for published versions only, and the app publishes "
        "none. Use function.current_version or an alias, or remove snap_start."
    )


def _exec_wrapper(facts: Facts) -> str | None:
    wrapper = variables_of(facts.properties).get(_WRAPPER)
    if wrapper is None:
        return None
    return (
        f"{_WRAPPER} is {wrapper!r} and is kept: another tool starts the function, and both may "
        f"trace it. Remove that tool's wrapper, or leave the function to it with "
        f"Telemetry.of(…).opt_out(…)."
    )


_CHECKS: tuple[tuple[str, str, Callable[[Facts], str | None]], ...] = (
    ("sixth-layer", ERROR, _sixth_layer),
    ("environment-size", ERROR, _environment_size),
    ("unzipped-size", ERROR, _unzipped_size),
    ("exporter-architecture", WARNING, _exporter_without_package),
    ("exporter-layer", ERROR, _layer_without_package),
    ("layer-python", ERROR, _layer_of_another_python),
    ("snapstart-without-version", WARNING, _snapstart_without_version),
    ("exec-wrapper", WARNING, _exec_wrapper),
)


def unzipped_size(folder: Path, key: object) -> int:
    """Return the size of an asset, unzipped, in bytes; 0 where it is not in a cloud assembly.

    Args:
        folder: The assembly's folder of assets.
        key: Object key under which the asset is published: its hash and a suffix.
    """
    if not isinstance(key, str):
        return 0
    name = f"asset.{key.partition('.')[0]}"
    for asset in (folder / name, folder / f"{name}.zip"):
        if asset.exists():
            return unpacked_size(asset)
    return 0
