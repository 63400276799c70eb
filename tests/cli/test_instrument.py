"""`lambda-otel instrument`: assemblies of a TypeScript app, SAM and CloudFormation templates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App, DefaultStackSynthesizer, Environment, LegacyStackSynthesizer, Stack
from aws_cdk import aws_lambda as lambda_
from ruamel.yaml import YAML

from lambda_otel_lite.configuration.variables import ENTRY_POINT
from lambda_otel_lite_cdk import Telemetry, instrument
from tests.cli.command import assert_refused, run

INLINE = "def handler(event, context):\n    return {'statusCode': 200}\n"
LAYER = "LambdaOtelLiteLayerPython313"
pytestmark = pytest.mark.once

SAM = """\
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
# The shop.
Globals:
  Function:
    Runtime: python3.13
    Environment:
      Variables:
        TABLE: !Ref Table
Resources:
  Table:
    Type: AWS::Serverless::SimpleTable
  Orders:
    Type: AWS::Serverless::Function  # the API
    Properties:
      CodeUri: orders/
      Handler: app.handler
      Policies:
        - DynamoDBCrudPolicy: {TableName: !Ref Table}
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: orders/
      Handler: app.handler
      Layers:
        - !Sub arn:aws:lambda:${AWS::Region}:123456789012:layer:mine:1
      Environment:
        Variables:
          OTEL_SERVICE_NAME: jobs
"""


def written(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="rt").load(path)
    return document


def template(assembly: Path, name: str = "Shop") -> dict[str, Any]:
    document: dict[str, Any] = json.loads((assembly / f"{name}.template.json").read_text("utf-8"))
    return document


def functions(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the properties of a template's functions by the beginning of their logical ids."""
    return {
        name.rstrip("0123456789ABCDEF"): resource["Properties"]
        for name, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Function"
    }


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_an_assembly_of_a_typescript_app_is_instrumented(typescript: Path, tmp_path: Path) -> None:
    done = run("instrument", typescript, "-o", tmp_path / "out", "--set", "mode=async")
    fleet = run("fleet", tmp_path / "out", "--json")

    assert done.returncode == 0, done.stderr
    assert "3 functions: 2 instrumented, 1 skipped" in done.stdout
    found = functions(template(tmp_path / "out"))
    assert found["Orders"]["Handler"] == ENTRY_POINT
    assert found["Orders"]["Layers"] == [{"Ref": LAYER}]
    assert found["Orders"]["Environment"]["Variables"]["LAMBDA_OTEL_HANDLER"] == "app.handler"
    assert "Layers" not in found["Site"]
    assert {one["function"]: one["status"] for one in json.loads(fleet.stdout)} == {
        "Shop/Orders": "instrumented",
        "Shop/Jobs/Worker": "instrumented",
        "Shop/Site": "skipped",
    }


def test_everything_that_the_templates_name_is_uploaded(typescript: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("instrument", typescript, "-o", "out", cwd=tmp_path)

    files = json.loads((out / "Shop.assets.json").read_text("utf-8"))["files"]
    keys = {one["objectKey"] for file in files.values() for one in file["destinations"].values()}
    for file in files.values():
        assert (out / file["source"]["path"]).exists()
    (nested,) = out.glob("*.nested.template.json")
    named = (out / "Shop.template.json").read_text("utf-8") + nested.read_text("utf-8")
    manifest = json.loads((out / "manifest.json").read_text("utf-8"))
    url = manifest["artifacts"]["Shop"]["properties"]["stackTemplateAssetObjectUrl"]
    layer = template(out)["Resources"][LAYER]["Properties"]["Content"]
    assert layer["S3Key"] in keys
    assert layer["S3Bucket"] == {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}
    assert url.rpartition("/")[2] in keys
    # That of the nested stack is another one too, and the parent names it.
    before = json.loads((typescript / "Shop.assets.json").read_text("utf-8"))["files"]
    changed = {name for name, one in before.items() if files[name] != one}
    assert len(changed) == 2
    assert not any(name in named for name in changed)
    assert sum(key.removesuffix(".json") in named for key in keys if key.endswith(".json")) == 1


def test_to_do_it_again_changes_nothing(typescript: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run("instrument", typescript, "-o", out)
    once = contents(out)

    again = run("instrument", out, "--in-place")

    assert again.returncode == 0
    assert contents(out) == once


def test_an_instrumented_assembly_runs_with_its_trace(typescript: Path, tmp_path: Path) -> None:
    run("instrument", typescript, "-o", tmp_path / "out")

    done = run("invoke", tmp_path / "out", "Shop/Orders", "--json", "--event", "-", given="{}")

    line = json.loads(done.stdout)
    assert line["payload"] == {"statusCode": 202, "body": ""}
    assert len(line["spans"]) == 1


@pytest.fixture
def sam(tmp_path: Path) -> Path:
    """A SAM template, and the code of its functions."""
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders/app.py").write_text(INLINE)
    (tmp_path / "template.yaml").write_text(SAM)
    return tmp_path / "template.yaml"


def test_a_sam_template_is_instrumented_and_keeps_its_form(sam: Path) -> None:
    out = sam.with_name("instrumented.yaml")

    done = run("instrument", sam, "-o", out, "--set", "service_name=shop")

    assert done.returncode == 0, done.stderr
    resources = written(out)["Resources"]
    worker = resources["Worker"]["Properties"]
    assert resources["Orders"]["Properties"]["Handler"] == ENTRY_POINT
    assert worker["Layers"][1] == {"Ref": LAYER}
    assert worker["Environment"]["Variables"]["OTEL_SERVICE_NAME"] == "jobs"
    assert resources[LAYER]["Type"] == "AWS::Serverless::LayerVersion"
    assert (sam.parent / resources[LAYER]["Properties"]["ContentUri"]).exists()
    lines = iter(out.read_text().splitlines())
    kept = [line for line in SAM.splitlines() if "Handler:" not in line]
    assert all(line in lines for line in kept), "in this order"


def test_a_template_that_nothing_changes_is_written_as_it_was(sam: Path) -> None:
    out = sam.with_name("out.yaml")
    run("instrument", sam, "-o", out, "--skip", "*")
    assert out.read_text() == SAM


def test_globals_of_sam_count(sam: Path) -> None:
    text = SAM.replace("    Runtime: python3.13\n", "    Handler: app.handler\n").replace(
        "      Handler: app.handler\n", "      Runtime: python3.12\n"
    )
    sam.write_text(text)

    run("instrument", sam, "--in-place")

    variables = written(sam)["Resources"]["Orders"]["Properties"]["Environment"]["Variables"]
    assert variables["LAMBDA_OTEL_HANDLER"] == "app.handler"


@pytest.mark.parametrize(
    ("properties", "reason"),
    [
        ("Tags: {lambda-otel-lite: off}", "tagged lambda-otel-lite=off"),
        ('Tags: {lambda-otel-lite: "off"}', "tagged lambda-otel-lite=off"),
        ("Layers: !If [Large, [a], [b]]", "its Layers is known at deployment only"),
        ("Environment: !If [Large, {}, {}]", "its Environment is known at deployment only"),
        ("Environment: {Variables: !If [Large, {}, {}]}", "its Environment is known"),
        ("Runtime: !FindInMap [Python, Newest, Name]", "its Runtime is known"),
        ("Runtime: python3.9", "its runtime is 'python3.9'"),
        ("PackageType: Image", "a container image"),
        (f"Handler: {ENTRY_POINT}", "is not set"),
    ],
)
def test_what_is_left_alone_has_a_reason(sam: Path, properties: str, reason: str) -> None:
    name = properties.partition(":")[0]
    lines = [line for line in SAM.splitlines() if not line.startswith(f"      {name}:")]
    start = lines.index("  Worker:") + 3
    lines[start:start] = [f"      {properties}"]
    if name in ("Layers", "Environment"):
        del lines[start + 3 :]
    sam.write_text("\n".join(lines) + "\n")

    done = run("instrument", sam, "--in-place", "--json")

    assert done.returncode == 0, done.stderr
    outcomes = {one["function"]: one for one in json.loads(done.stdout)}
    assert outcomes["Worker"]["status"] != "instrumented"
    assert reason in outcomes["Worker"]["reason"]
    assert outcomes["Orders"]["status"] == "instrumented"


def test_a_parameters_default_counts_as_runtime(sam: Path) -> None:
    parameters = "Parameters:\n  Python: {Type: String, Default: python3.13}\nResources:\n"
    text = SAM.replace("Runtime: python3.13", "Runtime: !Ref Python")
    sam.write_text(text.replace("Resources:\n", parameters))

    assert "2 instrumented" in run("instrument", sam, "--in-place").stdout


def test_only_and_skip_choose_functions(sam: Path) -> None:
    only = json.loads(
        run("instrument", sam, "-o", sam.with_name("a.yaml"), "--json", "--only", "O*").stdout
    )
    skip = json.loads(
        run("instrument", sam, "-o", sam.with_name("b.yaml"), "--json", "--skip", "O*").stdout
    )

    assert {one["function"]: one["code"] for one in only} == {"Orders": None, "Worker": "not-asked"}
    assert {one["function"]: one["code"] for one in skip} == {
        "Orders": "not-chosen",
        "Worker": None,
    }


@pytest.mark.parametrize("as_json", [True, False])
def test_plain_cloudformation_is_instrumented(tmp_path: Path, *, as_json: bool) -> None:
    body = {
        "Resources": {
            "Orders": {
                "Type": "AWS::Lambda::Function",
                "Properties": {
                    "Runtime": "python3.13",
                    "Handler": "index.handler",
                    "Role": "arn:aws:iam::123456789012:role/orders",
                    "Code": {"ZipFile": INLINE},
                },
            }
        }
    }
    path = tmp_path / "template.json"
    if as_json:
        path.write_text(json.dumps(body, indent=2))
    else:
        YAML().dump(body, path)

    done = run("instrument", path, "--in-place")

    assert done.returncode == 0, done.stderr
    resources = written(path)["Resources"]
    assert resources[LAYER]["Type"] == "AWS::Lambda::LayerVersion"
    assert resources[LAYER]["Properties"]["Content"] == "lambda-otel-lite-python3.13.zip"
    assert path.read_text().startswith("{") == as_json


def assembly_of(folder: Path, **options: Any) -> tuple[Stack, Path]:
    app = App(outdir=str(folder), analytics_reporting=False)
    return Stack(app, "Shop", **options), folder


def function(stack: Stack, name: str, **properties: Any) -> lambda_.Function:
    values: dict[str, Any] = {
        "runtime": lambda_.Runtime.PYTHON_3_13,
        "handler": "index.handler",
        "code": lambda_.Code.from_inline(INLINE),
    }
    return lambda_.Function(stack, name, **(values | properties))


def synthesized(stack: Stack) -> None:
    app = stack.node.root
    assert isinstance(app, App)
    app.synth()


def test_what_the_constructs_did_holds(tmp_path: Path) -> None:
    stack, folder = assembly_of(tmp_path)
    instrument(function(stack, "Orders"))
    Telemetry.of(function(stack, "Vendor")).opt_out("vendor code")
    synthesized(stack)
    before = template(folder)

    done = run("instrument", folder, "--in-place", "--json")

    assert template(folder) == before
    outcomes = {one["function"]: one for one in json.loads(done.stdout)}
    assert outcomes["Shop/Vendor"]["reason"] == "opted out at Shop/Vendor: vendor code"
    assert outcomes["Shop/Orders"]["status"] == "instrumented"


def test_a_bucket_that_is_known_is_named(tmp_path: Path) -> None:
    stack, folder = assembly_of(
        tmp_path,
        env=Environment(account="123456789012", region="eu-west-1"),
        synthesizer=DefaultStackSynthesizer(bucket_prefix="telemetry/"),
    )
    function(stack, "Orders")
    synthesized(stack)

    run("instrument", folder, "--in-place")

    content = template(folder)["Resources"][LAYER]["Properties"]["Content"]
    assert content["S3Bucket"] == "cdk-hnb659fds-assets-123456789012-eu-west-1"
    assert content["S3Key"].startswith("telemetry/")


def test_a_stack_that_uploads_nothing_takes_a_published_layer(tmp_path: Path) -> None:
    stack, folder = assembly_of(tmp_path, synthesizer=LegacyStackSynthesizer())
    function(stack, "Orders")
    synthesized(stack)
    arn = "arn:aws:lambda:eu-west-1:123456789012:layer:telemetry:1"

    assert_refused(run("instrument", folder, "--in-place"), "uploads no files", "layer_arn=ARN")
    done = run("instrument", folder, "--in-place", "--set", f"layer_arn={arn}")

    assert done.returncode == 0, done.stderr
    assert functions(template(folder))["Orders"]["Layers"] == [arn]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("--output", "--in-place")),
        (("--in-place", "-o", "out.yaml"), ("--output", "--in-place")),
        (("-o", "elsewhere/out.yaml"), ("beside the template",)),
        (("--in-place", "--set", "mode"), ("NAME=VALUE",)),
        (("--in-place", "--set", "mdoe=async"), ("telemetry.mdoe", "mode, queue_size")),
        (("--in-place", "--set", "mode=fast"), ("'fast'", "'async'")),
        (("--in-place", "--set", "batch_size=9000"), ("batch_size is 9000", "queue_size")),
    ],
)
def test_what_is_wrong_is_one_line(
    sam: Path, arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert_refused(run("instrument", sam, *arguments), *words)
    assert sam.read_text() == SAM


@pytest.mark.parametrize(
    "text", ["", "- a\n", "Resources: 1\n", "a: [\n", "{", '{"Resources": []}']
)
def test_what_is_no_template_is_one_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    assert_refused(run("instrument", path, "--in-place"), str(path), "template")


def test_more_than_lambda_takes_is_refused(sam: Path) -> None:
    # No layer is built, of which a line would tell.
    command = ("instrument", sam, "--in-place", "--set", "layer_arn=arn:aws:lambda:x:1:layer:l:1")
    layers = "".join(f"        - arn:aws:lambda:eu-west-1:1:layer:l{n}:1\n" for n in range(4))
    sam.write_text(SAM.replace("      Layers:\n", f"      Layers:\n{layers}"))
    assert_refused(run(*command), "Worker", "6 layers", "--skip")
    sam.write_text(SAM.replace("OTEL_SERVICE_NAME: jobs", f"LONG: {'x' * 4090}"))
    assert_refused(run(*command), "Worker", "bytes", "4096")


NEWEST = """\
Resources:
  Managed:
    Type: AWS::Lambda::Function
    Properties:
      Code: {ZipFile: "def handler(event, context): ..."}
      Handler: index.handler
      Runtime: python3.13
      CapacityProviderConfig:
        LambdaManagedInstancesCapacityProviderConfig: {CapacityProviderArn: arn}
  Newer:
    Type: AWS::Lambda::Function
    Properties:
      Code: {ZipFile: "def handler(event, context): ..."}
      Handler: index.handler
      Runtime: python3.15
"""


def test_managed_instances_are_in_sync_mode_and_a_newer_python_waits_for_its_setting(
    tmp_path: Path,
) -> None:
    source = tmp_path / "template.yaml"
    command = (
        "instrument",
        source,
        "--in-place",
        "--set",
        "layer_arn=arn:aws:lambda:x:1:layer:l:1",
    )
    for newer, handler in (("false", "index.handler"), ("true", "lambda_otel_lite_entry.handler")):
        source.write_text(NEWEST)
        run(*command, "--set", "mode=async", "--set", f"newer_python={newer}")
        found = functions(written(source))
        variables = found["Managed"]["Environment"]["Variables"]
        assert variables["LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE"] == "sync"
        assert found["Newer"]["Handler"] == handler
