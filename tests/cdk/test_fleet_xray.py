"""`lambda-otel fleet` names the functions that record for X-Ray."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, NestedStack, Stack
from aws_cdk import aws_lambda as lambda_
from click.testing import CliRunner

from lambda_otel_lite_cdk import Telemetry, TelemetrySettings
from lambda_otel_lite_cdk.cli.main import main

from .conftest import RUNTIME

SDK = "aws_xray_sdk/__init__.py"
POWERTOOLS = "aws_lambda_powertools/tracing/__init__.py"
PUBLISHED = (
    "arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python313-x86_64:7"
)


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(App(outdir=str(tmp_path / "cdk.out"), analytics_reporting=False), "Shop")


def folder(parent: Path, name: str, *files: str, requirements: str = "") -> str:
    """Return a folder with files."""
    made = parent / name
    for file in ("app.py", *files):
        (made / file).parent.mkdir(parents=True, exist_ok=True)
        (made / file).touch()
    if requirements:
        (made / "requirements.txt").write_text(requirements)
    return str(made)


def function(scope: Any, code: str, name: str = "Orders", **properties: Any) -> lambda_.Function:
    return lambda_.Function(
        scope,
        name,
        **{
            "runtime": RUNTIME,
            "handler": "app.handler",
            "code": lambda_.Code.from_asset(code),
            **properties,
        },
    )


def fleet(stack: Stack, *options: str) -> str:
    app = stack.node.root
    assert isinstance(app, App)
    done = CliRunner().invoke(main, ["fleet", app.synth().directory, *options])
    assert done.exit_code == 0, done.output
    return done.output


def libraries(stack: Stack) -> list[str]:
    return [row["xray"] for row in json.loads(fleet(stack, "--json"))]


@pytest.mark.parametrize(
    ("files", "requirements", "library"),
    [
        ([], "", ""),
        ([SDK], "", "X-Ray SDK"),
        ([SDK, POWERTOOLS], "", "Powertools Tracer"),
        # For its logger alone.
        ([POWERTOOLS], "", ""),
        ([], "requests\naws-xray-sdk>=2.14\n", "X-Ray SDK"),
        ([], "AWS_XRAY_SDK == 2.15", "X-Ray SDK"),
        ([], "aws-lambda-powertools[parser, tracer]==3.37", "Powertools Tracer"),
        ([], "aws-lambda-powertools[parser]\n# aws-xray-sdk", ""),
    ],
)
def test_the_library_is_found_in_the_code(
    stack: Stack, tmp_path: Path, files: list[str], requirements: str, library: str
) -> None:
    function(stack, folder(tmp_path, "code", *files, requirements=requirements))

    assert libraries(stack) == [library]


def test_it_is_found_in_an_archive_in_layers_and_in_nested_stacks(
    stack: Stack, tmp_path: Path
) -> None:
    plain = folder(tmp_path, "plain")
    with zipfile.ZipFile(tmp_path / "code.zip", "w") as archive:
        archive.writestr(SDK, "")
    function(stack, str(tmp_path / "code.zip"), "A")
    for name, path in (
        ("B", f"python/{SDK}"),
        ("C", f"python/lib/{RUNTIME.name}/site-packages/{SDK}"),
    ):
        content = lambda_.Code.from_asset(folder(tmp_path, f"layer{name}", path))
        function(
            stack, plain, name, layers=[lambda_.LayerVersion(stack, f"Layer{name}", code=content)]
        )
    published = lambda_.LayerVersion.from_layer_version_arn(stack, "Published", PUBLISHED)
    function(stack, plain, "D", layers=[published])
    function(NestedStack(stack, "Inner"), folder(tmp_path, "inner", SDK), "E")

    assert sorted(libraries(stack)) == ["Powertools Tracer", *["X-Ray SDK"] * 4]


def test_the_table_says_what_makes_spans_of_it(stack: Stack, tmp_path: Path) -> None:
    function(stack, folder(tmp_path, "code", SDK))

    said = 'has X-Ray SDK: instrumentations=("xray",) makes spans of what it records'
    assert said in fleet(stack)


def test_a_function_whose_spans_are_made_is_not_named(stack: Stack, tmp_path: Path) -> None:
    function(stack, folder(tmp_path, "code", SDK))
    Telemetry.of(stack).instrument(TelemetrySettings(instrumentations=("botocore", "xray")))

    assert libraries(stack) == [""]


def test_other_languages_are_not_looked_at(stack: Stack, tmp_path: Path) -> None:
    function(stack, folder(tmp_path, "code", SDK), runtime=lambda_.Runtime.NODEJS_22_X)

    assert libraries(stack) == [""]
