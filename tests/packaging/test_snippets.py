"""What the pages tell to paste: Python that runs and satisfies type checkers, and commands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import parse_wheel_filename

from lambda_otel_lite import __version__
from lambda_otel_lite_cdk.cli.emulator.sqs import connect, moto_server
from tests.pages import PAGES, ROOT, blocks, snippet
from tests.receiver import OtlpReceiver

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ENTRY_POINT = "lambda_otel_lite_entry.handler"


def run(folder: Path, code: str) -> str:
    """Run Python in a folder where a function's code is, as the snippets suppose; return stdout."""
    (folder / "orders").mkdir()
    (folder / "orders/app.py").write_text("def handler(event, context): ...\n")
    (folder / "app.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=folder,
        env={**os.environ, "CDK_OUTDIR": str(folder / "cdk.out")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def resources(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Return the properties of a synthesized app's resources of a type."""
    return [
        resource["Properties"]
        for template in (folder / "cdk.out").glob("*.template.json")
        for resource in json.loads(template.read_text("utf-8"))["Resources"].values()
        if resource["Type"] == kind
    ]


def handlers(folder: Path) -> list[str]:
    return [function["Handler"] for function in resources(folder, "AWS::Lambda::Function")]


def test_every_snippet_is_run() -> None:
    words = [
        "InstrumentedFunction",
        "orders = instrument(",
        "rollout",
        "xray",
        "Kinesis",
        "@traced",
        "CloudWatch",
    ]
    # tests/runtime/test_log_correlation.py runs these.
    words += ["aws_lambda_powertools", "structlog", "print(json.dumps("]
    assert sorted(snippet(word) for word in words) == sorted(blocks("python"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which the first snippet was run, with the log of a function."""
    folder = tmp_path_factory.mktemp("shop")
    call = "handler({}, None)\n"
    (folder / "orders.log").write_text(run(folder, snippet("@traced") + call))
    (folder / "orders/app.py").unlink()
    (folder / "orders").rmdir()
    run(folder, snippet("InstrumentedFunction"))
    return folder


def test_an_instrumented_function_synthesizes(shop: Path) -> None:
    assert sorted(handlers(shop)) == [ENTRY_POINT, "otlp_forwarder.handler.handler"]
    assert len(resources(shop, "AWS::Logs::SubscriptionFilter")) == 1


def test_a_function_that_is_instrumented_afterwards_synthesizes(tmp_path: Path) -> None:
    run(tmp_path, snippet("orders = instrument("))

    assert handlers(tmp_path) == [ENTRY_POINT]
    assert [alias["Name"] for alias in resources(tmp_path, "AWS::Lambda::Alias")] == ["live"]


def test_a_fleet_synthesizes(tmp_path: Path) -> None:
    run(tmp_path, snippet("rollout"))

    assert sorted(handlers(tmp_path)) == ["app.handler"] * 3 + [ENTRY_POINT]


def test_an_app_whose_functions_record_for_xray_synthesizes(tmp_path: Path) -> None:
    run(tmp_path, snippet("xray"))

    (function,) = resources(tmp_path, "AWS::Lambda::Function")
    assert function["Environment"]["Variables"]["LAMBDA_OTEL_INSTRUMENTATIONS"] == "xray"


def test_a_forwarder_to_cloudwatch_synthesizes(tmp_path: Path) -> None:
    run(tmp_path, snippet("CloudWatch"))

    assert handlers(tmp_path) == ["otlp_forwarder.handler.handler"]


def test_two_forwarders_on_a_stream_synthesize(tmp_path: Path) -> None:
    run(tmp_path, snippet("Kinesis"))

    assert handlers(tmp_path) == ["otlp_forwarder.handler.handler"] * 2
    assert len(resources(tmp_path, "AWS::Logs::AccountPolicy")) == 1
    assert len(resources(tmp_path, "AWS::Kinesis::Stream")) == 1


def test_a_handler_in_code_writes_a_record_and_answers(tmp_path: Path) -> None:
    call = "print(handler({'version': '2.0', 'rawPath': '/orders'}, None))\n"
    record, answer = run(tmp_path, snippet("@traced") + call).splitlines()

    assert "__otel_otlp_stdout" in json.loads(record)
    assert answer == "{'statusCode': 200}"


@pytest.fixture(scope="module")
def snippets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with each snippet in a file of its own."""
    folder = tmp_path_factory.mktemp("snippets")
    for number, block in enumerate(blocks("python"), 1):
        (folder / f"snippet_{number}.py").write_text(block)
    return folder


def test_mypy_finds_no_fault(snippets: Path) -> None:
    checked = sorted(snippets.glob("*.py"))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *checked],
        cwd=ROOT,  # for the project's strict settings, and for what mypy remembers of aws_cdk
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == f"Success: no issues found in {len(checked)} source files\n", done.stderr


def test_pyright_finds_no_fault(snippets: Path) -> None:
    prefix = Path(sys.prefix)
    settings = {
        "typeCheckingMode": "strict",
        "venvPath": str(prefix.parent),
        "venv": prefix.name,
    }
    (snippets / "pyrightconfig.json").write_text(json.dumps(settings))
    pyright = ROOT / "requirements/npm/node_modules/pyright/index.js"
    done = subprocess.run(
        [os.environ["JSII_NODE"], pyright, "--outputjson", "--project", snippets],
        capture_output=True,
        text=True,
        check=False,
    )

    found = json.loads(done.stdout)
    assert found["generalDiagnostics"] == []
    assert found["summary"]["filesAnalyzed"] == len(blocks("python"))


#: The pages' collector on the reader's machine.
COLLECTOR = "http://localhost:4318"
COMMANDS = [
    line.partition(" #")[0].strip() for block in blocks("sh") for line in block.splitlines()
]


def commands(program: str) -> list[list[str]]:
    """Return the arguments of each of the pages' commands with a program."""
    return [line.split()[1:] for line in COMMANDS if line.split()[0] == program]


def test_every_command_is_checked() -> None:
    checked = ("lambda-otel", "make", "pip")
    # As `run` does.
    assert COMMANDS.count("CDK_OUTDIR=cdk.out python app.py") == 1
    assert sum(len(commands(program)) for program in checked) == len(COMMANDS) - 1


@pytest.fixture(scope="module")
def account() -> Iterator[dict[str, str]]:
    """The variables by which AWS's clients find an account that is moto's."""
    keys = dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), "testing")
    with moto_server() as endpoint:
        connect(endpoint, "eu-west-1")
        yield {**keys, "AWS_ENDPOINT_URL": endpoint}


@pytest.mark.parametrize("arguments", commands("lambda-otel"), ids=" ".join)
def test_a_command_succeeds_in_the_folder_of_the_first_snippet(
    shop: Path, account: dict[str, str], arguments: list[str]
) -> None:
    program = (sys.executable, "-c", "from lambda_otel_lite_cdk.cli.main import main; main()")
    with OtlpReceiver() as receiver:
        done = subprocess.run(
            [*program, *(each.replace(COLLECTOR, receiver.endpoint) for each in arguments)],
            cwd=shop,
            env=os.environ | account,
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stderr


def test_every_target_of_make_is_there() -> None:
    pages = "".join(page.read_text("utf-8") for page in PAGES)
    named = re.findall(r"(?:^|`)make ([a-z-]+)", pages, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text("utf-8")

    assert {"demo", "test"} <= set(named)
    assert set(named) <= set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))


def test_what_pip_installs_is_this_project() -> None:
    """The wheel that `make build` makes of this version."""
    ((install, quoted),) = commands("pip")
    ((wheel, extra),) = re.findall(r'^"dist/(.+)\[(.+)\]"$', quoted)
    name, version, _, _ = parse_wheel_filename(wheel)

    assert (install, name, str(version)) == ("install", PROJECT["name"], __version__)
    assert extra in PROJECT["optional-dependencies"]
