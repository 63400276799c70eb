"""What a telemetry layer is called in a template, whoever writes it there."""

from __future__ import annotations

#: Those that functions run on, as templates name them.
ARCHITECTURES = ("x86_64", "arm64")


def layer_id(python: str, package_for: str | None) -> str:
    """Return the id of a layer in its stack.

    Args:
        python: Minor version such as ``"3.13"``.
        package_for: The architecture whose exporter package it holds, None for none.
    """
    package = f"Package{package_for.title().replace('_', '')}" if package_for else ""
    return f"LambdaOtelLiteLayerPython{python.replace('.', '')}{package}"


def architectures_of(package_for: str | None) -> list[str]:
    """Return the architectures that a layer serves: all, unless it holds the exporter's package."""
    return [package_for] if package_for else list(ARCHITECTURES)


def description_of(python: str) -> str:
    """Return what is said of a layer in the console."""
    return f"lambda-otel-lite: OpenTelemetry tracing for Python {python}"
