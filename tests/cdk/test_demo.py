from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .conftest import PYTHON, ROOT, lint, variables

DEMO = ROOT / "constructs/lambda_otel_lite_cdk/demo"


@pytest.fixture(scope="module")
def synths(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The demo app synthesized from two folders, the second with what an import leaves behind."""
    folders = (tmp_path_factory.mktemp("one"), tmp_path_factory.mktemp("two") / "deeper")
    return _synthesize(folders[0]), _synthesize(folders[1], stray=True)


@pytest.fixture(scope="module")
def demo(synths: tuple[Path, Path]) -> dict[str, Any]:
    """The resources of the demo's template."""
    found: dict[str, Any] = json.loads(
        (synths[0] / "LambdaOtelLiteDemo.template.json").read_text("utf-8")
    )["Resources"]
    return found


def _synthesize(folder: Path, *, stray: bool = False) -> Path:
    shutil.copytree(DEMO, folder / "demo", ignore=shutil.ignore_patterns("__pycache__"))
    if stray:
        cache = folder / "demo" / "handlers" / "orders" / "__pycache__"
        cache.mkdir()
        (cache / "app.cpython-313.pyc").write_bytes(b"stray")
    subprocess.run(
        [sys.executable, folder / "demo" / "app.py"],
        cwd=folder,
        env={**os.environ, "CDK_OUTDIR": "cdk.out"},
        check=True,
        capture_output=True,
    )
    return folder / "cdk.out"


def test_hazard_38_two_synths_from_two_folders_are_the_same(synths: tuple[Path, Path]) -> None:
    one, two = (
        {
            path.relative_to(synth).as_posix(): path.read_bytes()
            for path in synth.rglob("*")
            # It tells where in the CDK's own code a construct was made: a temporary folder.
            if path.is_file() and path.name != "LambdaOtelLiteDemo.metadata.json"
        }
        for synth in synths
    )
    assert one == two
    assert [name for name in one if name.endswith(".template.json")]
    assert [name for name in one if name.startswith("asset.")]


@pytest.mark.once
def test_cdk_synth_at_the_top_of_the_clone_makes_the_same_functions(
    demo: dict[str, Any], tmp_path: Path
) -> None:
    cdk = ROOT / "requirements/npm/node_modules/aws-cdk/bin/cdk"
    node = Path(os.environ["JSII_NODE"])
    subprocess.run(
        [node, cdk, "synth", "--quiet", "--no-notices", "--output", tmp_path],
        cwd=ROOT,
        env={**os.environ, "PATH": os.pathsep.join([str(node.parent), os.environ["PATH"]])},
        check=True,
        capture_output=True,
    )

    template = json.loads((tmp_path / "LambdaOtelLiteDemo.template.json").read_text("utf-8"))
    functions = {
        name: found["Properties"]
        for name, found in template["Resources"].items()
        if found["Type"] == "AWS::Lambda::Function"
    }
    assert functions == {
        name: found["Properties"]
        for name, found in demo.items()
        if found["Type"] == "AWS::Lambda::Function"
    }


def test_nothing_in_the_template_tells_where_it_was_made(synths: tuple[Path, Path]) -> None:
    text = (synths[0] / "LambdaOtelLiteDemo.template.json").read_text("utf-8")
    assert str(ROOT) not in text
    assert str(Path.home()) not in text
    assert str(synths[0].parent) not in text


def test_cfn_lint_finds_no_error(synths: tuple[Path, Path]) -> None:
    lint(synths[0])


def test_no_asset_ships_what_an_import_leaves_behind(synths: tuple[Path, Path]) -> None:
    # The one archive is the layer, which holds byte code that is meant to be there.
    assert len(list(synths[1].glob("asset.*.zip"))) == 1
    strays = [
        path
        for asset in synths[1].glob("asset.*")
        for path in asset.rglob("*")
        if path.name == "__pycache__" or path.suffix == ".pyc"
    ]
    assert strays == []


def test_two_functions_are_instrumented_and_forwarded(demo: dict[str, Any]) -> None:
    functions = {
        variables(found["Properties"]).get("OTEL_SERVICE_NAME", "forwarder"): found["Properties"]
        for found in demo.values()
        if found["Type"] == "AWS::Lambda::Function"
    }
    assert sorted(functions) == ["forwarder", "orders", "worker"]
    assert {function["Runtime"] for function in functions.values()} == {f"python{PYTHON}"}
    for name in ("orders", "worker"):
        assert functions[name]["Handler"] == "lambda_otel_lite_entry.handler"
        assert variables(functions[name])["LAMBDA_OTEL_HANDLER"] == "app.handler"
    kinds = [found["Type"] for found in demo.values()]
    assert kinds.count("AWS::Logs::SubscriptionFilter") == 2
    assert kinds.count("AWS::Lambda::LayerVersion") == 1
    assert kinds.count("AWS::Lambda::Permission") == 3  # the forwarder's, and one for each route
    assert kinds.count("AWS::Logs::LogGroup") == 3


def test_the_api_leads_to_the_orders_and_the_queue_to_the_worker(demo: dict[str, Any]) -> None:
    routes = [
        found["Properties"]["RouteKey"]
        for found in demo.values()
        if found["Type"] == "AWS::ApiGatewayV2::Route"
    ]
    assert sorted(routes) == ["GET /orders/{id}", "POST /orders"]
    sources = {
        found["Properties"]["FunctionName"]["Ref"][:5]: found["Properties"]
        for found in demo.values()
        if found["Type"] == "AWS::Lambda::EventSourceMapping"
    }
    assert sorted(sources) == ["Forwa", "Worke"]
    assert sources["Worke"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("event", ["post_order", "get_order"])
def test_sample_events_are_of_the_api(event: str, demo: dict[str, Any]) -> None:
    sample = json.loads((DEMO / "events" / f"{event}.json").read_text("utf-8"))
    assert sample["version"] == "2.0"
    assert sample["routeKey"] in [
        found["Properties"]["RouteKey"]
        for found in demo.values()
        if found["Type"] == "AWS::ApiGatewayV2::Route"
    ]
