from __future__ import annotations

import ast
import importlib.resources
from pathlib import Path

import pytest

import lambda_otel_lite_cdk

SOURCES = sorted(
    path for path in Path(str(importlib.resources.files(lambda_otel_lite_cdk))).rglob("*.py")
)


@pytest.mark.parametrize("name", lambda_otel_lite_cdk.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(lambda_otel_lite_cdk, name).__doc__


def test_every_error_is_a_telemetry_error_and_a_value_error() -> None:
    errors = [name for name in lambda_otel_lite_cdk.__all__ if name.endswith("Error")]
    assert len(errors) > 1
    for name in errors:
        assert issubclass(getattr(lambda_otel_lite_cdk, name), lambda_otel_lite_cdk.TelemetryError)
    assert issubclass(lambda_otel_lite_cdk.TelemetryError, ValueError)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Instrumented'"):
        lambda_otel_lite_cdk.Instrumented  # type: ignore[attr-defined]  # noqa: B018 - it is tested


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_hazard_31_no_private_attribute_of_the_cdk_is_used(source: Path) -> None:
    tree = ast.parse(source.read_text("utf-8"))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        # Python's own begin and end with underscores.
        and not node.attr.endswith("_")
        and not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"})
    }
    assert used <= {"_cfn_properties"}
