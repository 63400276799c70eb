"""`lambda-otel fleet --account`, against the real boto3 and moto's account."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from aws_cdk import App, DefaultStackSynthesizer, NestedStack, Stack
from aws_cdk import aws_lambda as lambda_
from click.testing import CliRunner, Result
from moto import mock_aws

from lambda_otel_lite.configuration.variables import ENTRY_POINT
from lambda_otel_lite_cdk import Telemetry, TelemetrySettings
from lambda_otel_lite_cdk.cli.main import main
from tests.cli.command import assert_refused, run

REGION = "eu-west-1"
LAYER = f"arn:aws:lambda:{REGION}:123456789012:layer:telemetry:1"
CODE = "def handler(event, context): ..."
INSTRUMENTED = {"LAMBDA_OTEL_HANDLER": "index.handler"}
pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An account without functions, and its Lambda client."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    # Functions are configured, not run: nothing of them goes into a container.
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield boto3.client("lambda")


def create(client: Any, name: str, **properties: Any) -> None:
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    iam = boto3.client("iam")
    if not iam.list_roles()["Roles"]:
        iam.create_role(RoleName="functions", AssumeRolePolicyDocument=trust)
    role = iam.get_role(RoleName="functions")["Role"]["Arn"]
    values = {"Runtime": "python3.13", "Handler": "index.handler", **properties}
    client.create_function(FunctionName=name, Role=role, Code={"ZipFile": b""}, **values)


def fleet(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["fleet", "--account", *arguments])


def rows(*arguments: str) -> dict[str, dict[str, Any]]:
    return {row["function"]: row for row in json.loads(fleet("--json", *arguments).output)}


def test_every_function_of_the_account_is_listed_whatever_the_number_of_pages(account: Any) -> None:
    for number in range(120):
        create(account, f"worker-{number}")

    assert len(rows()) == 120


def test_the_account_says_which_functions_are_instrumented_and_how(account: Any) -> None:
    variables = INSTRUMENTED | {
        "LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE": "async",
        "OTEL_SERVICE_NAME": "shop",
        "PASSWORD": "hunter2",
    }
    create(account, "orders", Handler=ENTRY_POINT, Environment={"Variables": variables})
    create(account, "worker")
    create(account, "site", Runtime="nodejs22.x")

    said = fleet().output
    lines = {line.split()[0]: line for line in said.splitlines()}

    assert "instrumented  async  shop" in lines["orders"]
    assert "missing" in lines["worker"]
    assert "its runtime is nodejs22.x, not Python" in lines["site"]
    assert "3 functions: 1 instrumented, 1 missing, 1 skipped" in said
    assert "hunter2" not in said + fleet("--json").output
    assert rows()["orders"]["updated"].startswith("20")
    assert fleet("--require-all").exit_code == 1


@pytest.fixture
def assembly(tmp_path: Path) -> Path:
    """An app with functions in a stack and in a nested one, and one that is left alone."""
    app = App(outdir=str(tmp_path), analytics_reporting=False)
    synthesizer = DefaultStackSynthesizer(generate_bootstrap_version_rule=False)
    stack = Stack(app, "Shop", synthesizer=synthesizer)
    nested = NestedStack(stack, "Jobs")
    Telemetry.of(app).instrument(TelemetrySettings(layer_arn=LAYER, mode="async"))
    for scope, name in ((stack, "Orders"), (nested, "Worker"), (stack, "Vendor")):
        lambda_.Function(
            scope,
            name,
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="index.handler",
            code=lambda_.Code.from_inline(CODE),
        )
    vendor = stack.node.find_child("Vendor")
    Telemetry.of(vendor).opt_out("vendor code")
    app.synth()
    return tmp_path


@pytest.fixture
def deployed(assembly: Path, account: Any) -> dict[str, str]:
    """The app deployed; the names of its functions by their construct paths."""
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="assets", CreateBucketConfiguration={"LocationConstraint": REGION})
    (nested,) = assembly.glob("*.nested.template.json")
    s3.put_object(Bucket="assets", Key="nested", Body=nested.read_bytes())
    template = json.loads((assembly / "Shop.template.json").read_text("utf-8"))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::CloudFormation::Stack":
            resource["Properties"]["TemplateURL"] = (
                f"https://assets.s3.{REGION}.amazonaws.com/nested"
            )
    boto3.client("cloudformation").create_stack(
        StackName="Shop",
        TemplateBody=json.dumps(template),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[{"ParameterKey": "BootstrapVersion", "ParameterValue": "30"}],
    )
    names = [one["FunctionName"] for one in account.list_functions()["Functions"]]
    for name in names:
        # moto's CloudFormation does not hand a function its layers.
        if "Vendor" not in name:
            account.update_function_configuration(FunctionName=name, Layers=[])
    return {path: next(one for one in names if path in one) for path in ("Orders", "Worker")}


def test_an_app_that_is_deployed_as_synthesized_shows_the_account(
    assembly: Path, deployed: dict[str, str]
) -> None:
    found = rows(str(assembly))

    assert set(found) == {"Shop/Orders", "Shop/Jobs/Worker", "Shop/Vendor"}
    assert {path: row["status"] for path, row in found.items()} == {
        "Shop/Orders": "instrumented",
        "Shop/Jobs/Worker": "instrumented",
        "Shop/Vendor": "skipped",
    }
    assert [row["drift"] for row in found.values()] == [[], [], []]
    assert all(row["updated"] for row in found.values())
    assert fleet(str(assembly), "--require-all").exit_code == 0


def test_what_was_changed_in_the_account_is_drift(
    assembly: Path, deployed: dict[str, str], account: Any
) -> None:
    for path, handler in (("Orders", ENTRY_POINT), ("Worker", "index.handler")):
        account.update_function_configuration(
            FunctionName=deployed[path],
            Handler=handler,
            Environment={"Variables": INSTRUMENTED},
        )

    found = rows(str(assembly))
    done = fleet(str(assembly), "--require-all")

    assert found["Shop/Orders"]["status"] == "instrumented"
    assert (
        "LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE is None, synthesized is 'async'"
        in found["Shop/Orders"]["drift"]
    )
    assert found["Shop/Jobs/Worker"]["code"] == "not-deployed"
    assert (
        f"Handler is 'index.handler', synthesized is '{ENTRY_POINT}'"
        in (found["Shop/Jobs/Worker"]["drift"])
    )
    assert done.exit_code == 1
    assert "not instrumented: Shop/Jobs/Worker" in done.output


def test_an_app_that_is_not_deployed_says_so(assembly: Path) -> None:
    found = rows(str(assembly))

    assert {tuple(row["drift"]) for row in found.values()} == {("not deployed",)}
    assert "3 function(s) deployed otherwise" in fleet(str(assembly), "--require-all").output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("give CDK_OUT", "--account")),
        (("--region", "eu-west-1"), ("--account",)),
        (("--account", "--profile", "nobody"), ("nobody", "--profile")),
    ],
)
def test_what_cannot_be_read_is_one_line(
    arguments: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert_refused(run("fleet", *arguments), *words)


def test_without_a_region_the_command_says_what_to_give(tmp_path: Path) -> None:
    nowhere = {
        "AWS_DEFAULT_REGION": "",
        "AWS_REGION": "",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }
    assert_refused(run("fleet", "--account", environment=nowhere), "--region")
