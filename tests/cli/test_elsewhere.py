"""The examples of constructs/demo/elsewhere, with the commands of its README, as users run them.

SAM's own command line builds, its own translator translates, the CDK's own command line deploys;
moto is the account, and AWS's emulator runs the functions. Docker and Terraform are not there: what
their files say is done here.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
import uv
from moto.server import ThreadedMotoServer
from ruamel.yaml import YAML

from lambda_otel_lite_cdk.cli.assembly.functions import TemplateFunction
from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator
from lambda_otel_lite_cdk.cli.traces.records import Decoder

from .command import COMMAND

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "constructs/demo/elsewhere"
GUIDE = (EXAMPLE / "README.md").read_text("utf-8")
CDK = ROOT / "requirements/npm/node_modules/aws-cdk/bin/cdk"
REGION, BUCKET = "eu-west-1", "packaged"
#: What these programs have an environment of their own for.
ELSEWHERE = (
    *(uv.find_uv_bin(), "run", "--quiet", "--no-project", "--no-config", "--isolated"),
    *("--python", sys.executable, "--with-requirements", ROOT / "requirements/elsewhere.txt", "--"),
)
#: The commands that need an account or a machine with Docker.
NOT_RUN = ("sam deploy", "terraform apply", "docker build", "npx cdk synth", "npx cdk deploy")
TRANSLATE = """
import json, sys
from samtranslator.translator.transform import transform
class Policies:
    def load(self):
        name = "AWSLambdaBasicExecutionRole"
        return {name: f"arn:aws:iam::aws:policy/service-role/{name}"}
print(json.dumps(transform(json.load(sys.stdin), {}, Policies())))
"""
READ_TERRAFORM = "import hcl2, json, sys; print(json.dumps(hcl2.load(sys.stdin)))"
pytestmark = [
    pytest.mark.once,
    # What moto's CloudFormation leaves out.
    pytest.mark.filterwarnings("ignore:Tried to parse AWS..Lambda..Alias"),
    pytest.mark.filterwarnings("ignore:Tried to parse AWS..CDK..Metadata"),
]


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the example to work in."""
    shutil.copytree(EXAMPLE, tmp_path / "example")
    return tmp_path / "example"


def follow(section: str, folder: Path) -> None:
    """Run the commands of a section of the guide, but those that need more than is here."""
    (block,) = re.findall(rf"^## {section}\n.*?^```sh\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
    for line in block.splitlines():
        if line.startswith(NOT_RUN):
            continue
        program, *arguments = shlex.split(line)
        command = [COMMAND] if program == "lambda-otel" else [*ELSEWHERE, program]
        done = subprocess.run(
            [*command, *arguments],
            cwd=folder,
            env={**os.environ, "SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": REGION},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"


def elsewhere(code: str, given: str) -> Any:
    """Run Python where SAM is installed, and return the JSON that it prints."""
    done = subprocess.run(
        [*ELSEWHERE, "python", "-c", code],
        input=given,
        env={**os.environ, "AWS_DEFAULT_REGION": REGION},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An account, behind an address that every program finds."""
    # Functions are configured, not run: nothing of them goes into a container.
    monkeypatch.setenv("MOTO_DOCKER_NETWORK_NAME", "none")
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    try:
        # By this name: moto reads a template's address as it is on AWS's own machines.
        address = f"http://localhost:{server.get_host_and_port()[1]}"
        # All servers of a process have one account.
        urllib.request.urlopen(f"{address}/moto-api/reset", b"").close()
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "testing")
        for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
            monkeypatch.setenv(name, REGION)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        yield
    finally:
        server.stop()


def assert_runs(folder: Path, handler: str, variables: Mapping[str, str], *layers: Path) -> None:
    """Run a function, and see its answer and its trace."""
    function = TemplateFunction(
        logical_id="Orders",
        path="Orders",
        runtime="python3.13",
        handler=handler,
        architecture="x86_64",
        memory_mb=128,
        timeout_s=10,
        environment=variables,
        code=folder,
        inline_code=None,
        layers=layers,
        unresolved_layers=(),
    )
    with Emulator(function) as emulator:
        result = emulator.invoke({"body": "tea"})
    _, spans = Decoder().split(result.log_lines)
    assert result.payload == {"statusCode": 202, "body": "tea"}
    assert [span.name for span in spans] == ["Orders"]


def read_yaml(path: Path) -> Any:
    return YAML(typ="safe").load(path)


def uploaded(template: Any) -> Iterator[tuple[str, Any, str]]:
    """Yield what has a path: its logical id, its properties, and the name of the property."""
    for name, resource in template["Resources"].items():
        for uri in ("CodeUri", "ContentUri"):
            if uri in resource["Properties"]:
                yield name, resource["Properties"], uri


def versions(resources: Mapping[str, Any]) -> set[str]:
    return {name for name, one in resources.items() if one["Type"] == "AWS::Lambda::Version"}


@pytest.mark.usefixtures("account")
def test_sam_builds_and_deploys_what_was_instrumented(example: Path) -> None:
    follow("SAM", example)

    built = example / ".aws-sam/build"
    template = read_yaml(built / "template.yaml")
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    code = {}
    # As `sam package` uploads it.
    for name, properties, uri in uploaded(template):
        code[name] = archive = (built / properties[uri]).resolve()
        if archive.is_dir():
            archive = Path(shutil.make_archive(str(built / name), "zip", archive))
        s3.upload_file(str(archive), BUCKET, name)
        properties[uri] = f"s3://{BUCKET}/{name}"
    translated = elsewhere(TRANSLATE, json.dumps(template))
    resources = translated["Resources"]
    # An alias would else stay at a version without telemetry.
    bare = read_yaml(example / "template.yaml")
    bare["Resources"]["Orders"]["Properties"]["CodeUri"] = f"s3://{BUCKET}/Orders"
    before = elsewhere(TRANSLATE, json.dumps(bare))["Resources"]
    assert versions(before) & versions(resources) == set()
    # Its API is not what is tested here.
    api = [
        name
        for name, one in resources.items()
        if one["Type"].startswith(("AWS::ApiGateway", "AWS::Lambda::Permission"))
    ]
    for name in api:
        del resources[name]
    cloudformation = boto3.client("cloudformation")
    cloudformation.create_stack(
        StackName="shop", TemplateBody=json.dumps(translated), Capabilities=["CAPABILITY_IAM"]
    )
    (stack,) = cloudformation.describe_stacks(StackName="shop")["Stacks"]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    client = boto3.client("lambda")
    (function,) = client.list_functions()["Functions"]
    (layer,) = client.list_layers()["Layers"]
    (wanted,) = (
        one["Properties"] for one in resources.values() if one["Type"] == "AWS::Lambda::Function"
    )
    # moto does not hand a function its layers.
    (reference,) = wanted["Layers"]
    assert resources[reference["Ref"]]["Type"] == "AWS::Lambda::LayerVersion"
    assert layer["LatestMatchingVersion"]["CompatibleRuntimes"] == ["python3.13"]
    variables = function["Environment"]["Variables"]
    assert variables["LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE"] == "async"
    (archive,) = (path for name, path in code.items() if name.startswith("LambdaOtel"))
    assert_runs(code["Orders"], function["Handler"], variables, archive)


@pytest.mark.usefixtures("account")
def test_the_cdks_own_command_deploys_an_instrumented_app_of_typescript(
    typescript: Path, tmp_path: Path
) -> None:
    shutil.copytree(typescript.parent / "cdk.out", tmp_path / "cdk.out")
    follow("CDK in TypeScript", tmp_path)
    # What `cdk bootstrap` leaves.
    boto3.client("ssm").put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String"
    )
    bucket = f"cdk-hnb659fds-assets-123456789012-{REGION}"
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    (line,) = re.findall(r"^npx cdk (deploy .*)$", GUIDE, re.MULTILINE)
    node = os.environ["JSII_NODE"]

    done = subprocess.run(
        [node, CDK, *line.split(), "--require-approval=never", "--no-notices"],
        cwd=tmp_path,
        env={**os.environ, "CDK_DISABLE_VERSION_CHECK": "1", "CI": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    template = json.loads((tmp_path / "instrumented/Shop.template.json").read_text("utf-8"))
    (layer,) = (
        one["Properties"]["Content"]["S3Key"]
        for one in template["Resources"].values()
        if one["Type"] == "AWS::Lambda::LayerVersion"
    )
    assert layer in {one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    functions = boto3.client("lambda").list_functions()["Functions"]
    (orders,) = (one for one in functions if "Orders" in one["FunctionName"])
    (code,) = (tmp_path / "instrumented").glob("asset.*/app.py")
    (archive,) = (tmp_path / "instrumented").glob("asset.*.zip")
    assert_runs(code.parent, orders["Handler"], orders["Environment"]["Variables"], archive)


def test_terraform_has_what_a_function_and_the_forwarder_need(example: Path) -> None:
    follow("Terraform", example)

    read = elsewhere(READ_TERRAFORM, (example / "main.tf").read_text("utf-8"))
    found = {
        (kind.strip('"'), name.strip('"')): body
        for resource in read["resource"]
        for kind, names in resource.items()
        if kind != "__is_block__"
        for name, body in names.items()
        if name != "__is_block__"
    }
    function = found["aws_lambda_function", "orders"]
    (environment,) = function["environment"]
    variables = {name: value.strip('"') for name, value in environment["variables"].items()}
    assert function["layers"] == ["${aws_lambda_layer_version.telemetry.arn}"]
    layer = found["aws_lambda_layer_version", "telemetry"]["filename"].strip('"')
    assert_runs(example / "orders", function["handler"].strip('"'), variables, example / layer)
    stack = found["aws_cloudformation_stack", "forwarder"]
    (path,) = re.findall(r'file\("(.*)"\)', stack["template_body"])
    template = read_yaml(example / path)
    assert stack["parameters"].keys() <= template["Parameters"].keys()
    (archive,) = (example / "forwarder").glob("*.zip")
    assert template["Parameters"]["CodeKey"]["Default"] == archive.name


def test_a_container_image_has_what_a_function_needs(example: Path) -> None:
    follow("Container images", example)

    # Each instruction is one line.
    lines = [line.split(maxsplit=1) for line in (example / "Dockerfile").read_text().splitlines()]
    copied = {text.split()[1]: text.split()[0] for name, text in lines if name == "COPY"}
    variables = dict(
        one.split("=", 1) for name, text in lines if name == "ENV" for one in text.split()
    )
    ((handler,),) = (json.loads(text) for name, text in lines if name == "CMD")
    code, layer = example / copied["${LAMBDA_TASK_ROOT}/"], example / copied["/opt/"]
    assert_runs(code, handler, variables, layer)
