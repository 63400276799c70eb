"""Which releases of OpenTelemetry's core packages some folders hold, and whether they fit together.

API, SDK and semantic conventions of one release belong together: each SDK requires the very version
of the other two (``Requires-Dist`` of opentelemetry-sdk). Versions are read from the packages' own
version modules: bundles are often without the metadata of their distributions, and to search those
takes tens of milliseconds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from lambda_otel_lite_layer.namespace import module_of

#: The oldest release that the runtime works with, if the function's code holds all of it.
OLDEST = (1, 22)
#: The oldest SDK that the layer's may replace, and that a project which installs the runtime is
#: asked for. Code may use any part of an SDK, and has to be changed for newer ones where it is
#: older.
OLDEST_REPLACED = (1, 33)

API = "opentelemetry-api"
SDK = "opentelemetry-sdk"
CONVENTIONS = "opentelemetry-semantic-conventions"

#: By distribution: its version module, and modules without which it is not whole.
CORE: dict[str, tuple[str, tuple[str, ...]]] = {
    API: ("opentelemetry.version", ("opentelemetry.trace", "opentelemetry.context")),
    SDK: ("opentelemetry.sdk.version", ("opentelemetry.sdk.trace", "opentelemetry.sdk.resources")),
    CONVENTIONS: ("opentelemetry.semconv.version", ("opentelemetry.semconv.resource",)),
}

#: The SDK 1.22 came with the conventions 0.43b0, and so on ever since.
_MINOR_OF_CONVENTIONS = 21


def versions(folders: Sequence[str]) -> dict[str, str]:
    """Return the version of each core distribution that is there and whole.

    Args:
        folders: Folders of the package ``opentelemetry``, in the order in which Python looks.
    """
    found = {}
    for distribution, (version_module, modules) in CORE.items():
        version = _version(version_module, folders)
        if version and all(module_of(module, folders) for module in modules):
            found[distribution] = version
    return found


def problem_of(found: Mapping[str, str]) -> str | None:
    """Say why these versions are no set that spans can be made with; None where they are one.

    Args:
        found: Versions by distribution, as `versions` returns them.
    """
    missing = [name for name in CORE if name not in found]
    if missing:
        return f"{' and '.join(missing)} {'are' if missing[1:] else 'is'} missing"
    if found[API] != found[SDK] or not _is_of(found[CONVENTIONS], found[SDK]):
        return "these versions do not belong together"
    if release(found[SDK]) < OLDEST:
        return f"at least {dotted(OLDEST)} is needed"
    return None


def may_be_replaced(found: Mapping[str, str]) -> bool:
    """Tell whether code that holds these versions also runs with the layer's.

    Args:
        found: Versions by distribution, as `versions` returns them.
    """
    return SDK not in found or release(found[SDK]) >= OLDEST_REPLACED


def dotted(release: tuple[int, ...]) -> str:
    """Write a release as in a requirement."""
    return ".".join(map(str, release))


def described(found: Mapping[str, str]) -> str:
    """Name distributions with their versions."""
    return ", ".join(f"{name} {version}" for name, version in found.items()) or "no OpenTelemetry"


def advice(found: Mapping[str, str]) -> str:
    """Say what to install where the versions are no set that spans can be made with."""
    newest = max(found.values(), key=release, default="")
    is_enough = newest and release(newest) >= OLDEST_REPLACED
    version = f"=={newest}" if is_enough else f">={dotted(OLDEST_REPLACED)}"
    return (
        f"Install opentelemetry-sdk{version} with the function's code, which brings the others"
        f" along, or none of them."
    )


def release(version: str) -> tuple[int, ...]:
    """Return major and minor number of a version, to be compared.

    Args:
        version: Such as ``1.45.2`` or ``1.46.0.dev``.
    """
    return tuple(_leading_number(part) for part in version.split(".")[:2])


def _is_of(conventions: str, sdk: str) -> bool:
    """Say whether the conventions are those of the SDK's release."""
    major, minor = (*release(conventions), 0, 0)[:2]
    # Numbered otherwise one day, they are the ones that were installed with the SDK.
    return major != 0 or minor == release(sdk)[1] + _MINOR_OF_CONVENTIONS


def _leading_number(text: str) -> int:
    digits = text[: len(text) - len(text.lstrip("0123456789"))]
    return int(digits or 0)


def _version(module: str, folders: Sequence[str]) -> str | None:
    spec = module_of(module, folders)
    loader: Any = spec.loader if spec else None
    if loader is None:
        return None
    names: dict[str, Any] = {"__name__": module}
    try:
        # A line of code, and run: bundles hold it as source, as byte code or within a zip file.
        exec(loader.get_code(module), names)  # noqa: S102 - the module itself
    except Exception:  # noqa: BLE001 - what cannot be read is not whole
        return None
    version = names.get("__version__")
    return version if isinstance(version, str) else None
