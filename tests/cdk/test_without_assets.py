"""Stacks that take no assets, and machines on which nothing can be kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_cdk import App, BootstraplessSynthesizer, CfnStackSet, Stack, Validations
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3_assets as assets
from aws_cdk import aws_servicecatalog as catalog
from click.testing import CliRunner
from constructs import Construct

from lambda_otel_lite.configuration.variables import ENTRY_POINT
from lambda_otel_lite_cdk import Telemetry, TelemetryPolicy, TelemetrySettings
from lambda_otel_lite_cdk.cli.main import main

from .conftest import INLINE, outcomes

if TYPE_CHECKING:
    from collections.abc import Callable

ARN = "arn:aws:lambda:eu-west-1:123456789012:layer:telemetry:3"


class Product(catalog.ProductStack):
    """A product with two functions."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        for function in ("Orders", "Worker"):
            lambda_.Function(self, function, **INLINE)


def product(app: App) -> str:
    stack = Stack(app, "Shop")
    template = catalog.CloudFormationTemplate.from_product_stack(Product(stack, "Product"))
    version = catalog.CloudFormationProductVersion(cloud_formation_template=template)
    catalog.CloudFormationProduct(
        stack, "Portfolio", product_name="x", owner="o", product_versions=[version]
    )
    return "Shop/Product"


def bootstrapless(app: App) -> str:
    stack = Stack(app, "Shop", synthesizer=BootstraplessSynthesizer())
    for function in ("Orders", "Worker"):
        lambda_.Function(stack, function, **INLINE)
    return "Shop"


@pytest.mark.parametrize("make", [product, bootstrapless])
def test_a_stack_without_assets_says_so_for_each_function(make: Callable[[App], str]) -> None:
    app = App(analytics_reporting=False)
    where = make(app)
    Telemetry.of(app).instrument()
    with pytest.raises(RuntimeError) as raised:
        app.synth()
    for function in ("Orders", "Worker"):
        assert f"{where}/{function}: its stack does not take the asset" in str(raised.value)
    assert "TelemetrySettings(layer_arn=...)" in str(raised.value)


@pytest.mark.parametrize("make", [product, bootstrapless])
def test_a_stack_without_assets_takes_a_published_layer(make: Callable[[App], str]) -> None:
    app = App(analytics_reporting=False)
    make(app)
    Telemetry.of(app).instrument(TelemetrySettings(layer_arn=ARN))
    texts = [file.read_text("utf-8") for file in Path(app.synth().directory).glob("*.json")]
    assert any(text.count(ARN) == 2 and text.count(ENTRY_POINT) == 2 for text in texts)


def rows_of(app: App, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """Return exit code and rows of the command `fleet`."""
    folder = app.synth().directory
    done = CliRunner().invoke(main, ["fleet", folder, "--json", *options])
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return done.exit_code, rows


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "not asked"])
def test_functions_of_a_product_are_in_the_fleet(*, asked: bool) -> None:
    app = App(analytics_reporting=False)
    product(app)
    if asked:
        Telemetry.of(app).instrument(TelemetrySettings(layer_arn=ARN))
    code, rows = rows_of(app, "--require-all")
    assert [one["status"] for one in rows] == ["instrumented" if asked else "missing"] * 2
    assert code == (0 if asked else 1)
    if asked:
        assert [one["function"] for one in rows] == ["Shop/Product/Orders", "Shop/Product/Worker"]


def test_functions_of_a_stack_set_are_in_the_fleet(tmp_path: Path) -> None:
    properties = {"Runtime": "python3.13", "Handler": "index.handler", "Code": {"ZipFile": ""}}
    function = {"Type": "AWS::Lambda::Function", "Properties": properties}
    source = tmp_path / "Everywhere.stackset.template.json"
    source.write_text(json.dumps({"Resources": {"Orders": function}}))
    app = App(analytics_reporting=False)
    stack = Stack(app, "Shop")
    asset = assets.Asset(stack, "Template", path=str(source))
    CfnStackSet(
        stack,
        "Set",
        stack_set_name="everywhere",
        permission_model="SELF_MANAGED",
        template_url=asset.http_url,
    )
    Telemetry.of(app).instrument()
    code, (row,) = rows_of(app, "--require-all")
    assert (row["status"], row["code"], code) == ("missing", "not-asked", 1)
    assert row["function"].endswith("/Orders")


def test_the_policy_sees_the_functions_of_a_product() -> None:
    app = App(analytics_reporting=False)
    product(app)
    Validations.of(app).add_plugins(TelemetryPolicy())
    with pytest.raises(RuntimeError, match="Every Python function is instrumented"):
        app.synth()


def unwritable(folder: Path) -> Path:
    """Return a folder that even root cannot make."""
    (folder / "file").write_text("")
    return folder / "file"


def test_a_cache_that_cannot_be_written_is_not_needed(
    tmp_path: Path, cache_in: Callable[[Path], Path], stack: Stack
) -> None:
    cache_in(unwritable(tmp_path))
    Telemetry.of(stack).instrument()
    lambda_.Function(stack, "Orders", **INLINE)
    assert [one.status for one in outcomes(stack)] == ["instrumented"]
    root: Any = stack.node.root
    assert list(Path(root.outdir).glob("asset.*.zip"))
