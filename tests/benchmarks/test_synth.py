from __future__ import annotations

import json
from pathlib import Path

import pytest

from .synth import INSTRUMENTED, PLAIN, READ, WRITTEN, synthesize

pytestmark = pytest.mark.once


@pytest.mark.parametrize("telemetry", [WRITTEN, READ, INSTRUMENTED])
def test_a_small_fleet_has_a_layer_for_each_stack_and_an_asset_for_each_python(
    telemetry: str, tmp_path: Path
) -> None:
    synthesize(tmp_path, 3, 2, telemetry)
    found = [
        resource
        for template in tmp_path.glob("*.template.json")
        for resource in json.loads(template.read_text("utf-8"))["Resources"].values()
    ]
    handlers = [
        one["Properties"]["Handler"] for one in found if one["Type"] == "AWS::Lambda::Function"
    ]
    assert handlers == ["lambda_otel_lite_entry.handler"] * 6
    assert [one["Type"] for one in found].count("AWS::Lambda::LayerVersion") == 3
    assert len(list(tmp_path.glob("asset.*.zip"))) == 2


def test_the_same_fleet_can_be_synthesized_without_telemetry(tmp_path: Path) -> None:
    synthesize(tmp_path, 1, 1, PLAIN)
    assert not list(tmp_path.glob("asset.*.zip"))
    assert not (tmp_path / "telemetry-coverage.json").exists()
