"""A small CDK app, really synthesized, whose functions do what an event tells them."""

from __future__ import annotations

import json
import os
import platform
import py_compile
import shutil
import subprocess
import sys
import tarfile
from importlib import resources
from pathlib import Path

import pytest
from aws_cdk import App, Duration, Stack, Stage
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

ROOT = Path(__file__).parents[2]
NODE_TOOLS = ROOT / "requirements/npm/node_modules"
MACHINE = {"aarch64": "arm64", "amd64": "x86_64"}.get(
    platform.machine().lower(), platform.machine().lower()
)
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
RUNTIME = lambda_.Runtime(
    f"python{PYTHON}", lambda_.RuntimeFamily.PYTHON, supports_inline_code=True
)

HANDLER = """
import os, sys, time

print("loaded")

def handler(event, context):
    for line in event.get("print", []):
        print(line)
    if "stderr" in event:
        print(event["stderr"], file=sys.stderr)
    if "long" in event:
        print("x" * event["long"])
    if "unfinished" in event:
        sys.stdout.write(event["unfinished"])
        sys.stdout.flush()
    if "fail" in event:
        raise ValueError(event["fail"])
    if "exit" in event:
        os._exit(event["exit"])
    while event.get("hang"):
        time.sleep(60)
    if "import" in event:
        module = __import__(event["import"], fromlist=["TEXT"])
        return {"text": module.TEXT, "file": module.__file__}
    if "fork" in event:
        import subprocess
        return subprocess.Popen(["sleep", "600"]).pid
    return {
        "environment": dict(os.environ), "path": sys.path, "python": sys.version_info[:2],
        "folder": os.getcwd(), "request": context.aws_request_id, "pid": os.getpid(),
        "parent": os.getppid(),
    }
"""

EXTENSION = """
import http.client, os, threading

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
ended = threading.Event()

def call(method, path, body, **headers):
    connection = http.client.HTTPConnection(API)
    connection.request(method, "/2020-01-01/extension/" + path, body, headers)
    response = connection.getresponse()
    response.read()
    return response.headers

NAME = {"Lambda-Extension-Name": "flusher"}
ID = call("POST", "register", '{"events": ["INVOKE"]}', **NAME)["Lambda-Extension-Identifier"]

def flush():
    while True:
        call("GET", "event/next", None, **{"Lambda-Extension-Identifier": ID})
        ended.wait()
        ended.clear()
        print("flushed " + "x" * 100_000, flush=True)

threading.Thread(target=flush, daemon=True).start()

def handler(event, context):
    print("handled", event)
    ended.set()
"""


def _write(folder: Path, files: dict[str, str]) -> str:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return str(folder)


def _compiled_layer(folder: Path) -> str:
    """Return a layer whose byte code differs from its source."""
    _write(folder, {"python/greeting.py": 'TEXT = "byte code"\n'})
    source = folder / "python" / "greeting.py"
    py_compile.compile(str(source), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
    source.write_text('TEXT = "source"\n')
    return str(folder)


class Shop(Stack):
    """Functions with and without layers, a queue, and a function that is not Python."""

    def __init__(self, scope: App | Stage, construct_id: str, folder: Path) -> None:
        super().__init__(scope, construct_id)
        code = lambda_.Code.from_asset(_write(folder / "code", {"app.py": HANDLER}))
        first = _compiled_layer(folder / "first")
        _write(folder / "first", {"python/shared/__init__.py": "", "python/shared/a.py": "TEXT=1"})
        second = _write(
            folder / "second", {"python/shared/a.py": "TEXT=2", "python/shared/b.py": "TEXT=3"}
        )
        layers = [
            lambda_.LayerVersion(self, name, code=lambda_.Code.from_asset(path))
            for name, path in (("First", first), ("Second", second))
        ]
        queue = sqs.Queue(self, "Jobs")

        def function(name: str, **properties: object) -> None:
            given = {"runtime": RUNTIME, "handler": "app.handler", "code": code, **properties}
            lambda_.Function(self, name, **given)  # type: ignore[arg-type]  # one per property

        mine, other = lambda_.Architecture.X86_64, lambda_.Architecture.ARM_64
        if mine.name != MACHINE:
            mine, other = other, mine
        function("Plain", timeout=Duration.seconds(2), memory_size=192, architecture=mine)
        function("OtherMachine", architecture=other)
        bucket = s3.Bucket.from_bucket_name(self, "Code", "code")
        function("FromBucket", code=lambda_.Code.from_bucket(bucket, "code.zip"))
        function("OneLayer", layers=layers[:1])
        function("TwoLayers", layers=layers)
        function("Sender", environment={"QUEUE_URL": queue.queue_url, "PLACE": f"in {self.region}"})
        arn = "arn:aws:lambda:eu-west-1:123456789012:layer:Foreign:1"
        foreign = lambda_.LayerVersion.from_layer_version_arn(self, "ForeignLayer", arn)
        function("Foreign", layers=[foreign])
        function("Broken", handler="missing.handler")
        function(
            "Inline", handler="index.handler", code=lambda_.Code.from_inline("handler=lambda e,c:e")
        )
        extension = _write(folder / "extension", {"app.py": EXTENSION})
        function("Extension", code=lambda_.Code.from_asset(extension))
        function(
            "Node",
            runtime=lambda_.Runtime.NODEJS_22_X,
            handler="index.handler",
            code=lambda_.Code.from_inline("exports.handler = async e => e"),
        )


@pytest.fixture(scope="session")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a synth of one stack and of a stage with another one wrote."""
    folder = tmp_path_factory.mktemp("app")
    app = App(outdir=str(folder / "cdk.out"), analytics_reporting=False)
    Shop(app, "Shop", folder)
    Shop(Stage(app, "Other"), "Branch", folder)
    app.synth()
    return folder / "cdk.out"


@pytest.fixture(scope="session")
def typescript(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The cloud assembly of a TypeScript app, compiled and synthesized by the real aws-cdk-lib."""
    folder = tmp_path_factory.mktemp("typescript")
    # What jsii installs is what npm has.
    for package in ("aws_cdk", "aws_cdk.cloud_assembly_schema", "constructs"):
        (found,) = (
            one
            for one in resources.files(package).joinpath("_jsii").iterdir()
            if one.name.endswith(".tgz")
        )
        with resources.as_file(found) as path, tarfile.open(path) as packed:
            packed.extractall(folder / "unpacked", filter="data")
        unpacked = folder / "unpacked/package"
        name = json.loads((unpacked / "package.json").read_text("utf-8"))["name"]
        (folder / "node_modules" / name).parent.mkdir(parents=True, exist_ok=True)
        unpacked.rename(folder / "node_modules" / name)
    example = ROOT / "constructs/demo/elsewhere"
    shutil.copytree(example / "orders", folder / "orders")
    shutil.copy(example / "app.ts", folder)
    node = os.environ["JSII_NODE"]
    options = ("--module", "commonjs", "--target", "es2022", "--skipLibCheck", "--types", "")
    compiler = NODE_TOOLS / "typescript/bin/tsc"
    for command in ((node, compiler, *options, "app.ts"), (node, "app.js")):
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "cdk.out"
