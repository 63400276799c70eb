"""The wheel in environments of its own, where nothing of the clone is found."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import uv

from tests.pages import README, blocks
from tests.receiver import OtlpReceiver

from .conftest import PACKAGES, ROOT

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"

#: A handler that is traced with the wheel's base alone, which prints its log record.
TRACED = """
from lambda_otel_lite import create_traced_handler, init_telemetry
tracer, completion_handler = init_telemetry()
create_traced_handler("orders", completion_handler)(lambda event, context: None)({}, None)
"""
APP = """
import sys
from aws_cdk import App, Stack, aws_lambda as lambda_
from lambda_otel_lite_cdk import InstrumentedFunction, OtlpForwarder
app = App(outdir=sys.argv[1])
stack = Stack(app, "Shop")
forwarder = OtlpForwarder(stack, "Forwarder", endpoint="https://collector.example.com")
InstrumentedFunction(
    stack,
    "Orders",
    runtime=getattr(lambda_.Runtime, f"PYTHON_3_{sys.version_info.minor}"),
    handler="app.handler",
    code=lambda_.Code.from_inline("def handler(event, context): ..."),
    forwarding=forwarder.forwarding,
)
app.synth()
"""

type Install = Callable[..., Path]


@pytest.fixture(scope="module")
def install(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Make an environment with the wheel, some of its extras, and what they ask for."""

    def make(*extras: str, beside: str = "") -> Path:
        venv = tmp_path_factory.mktemp("venv")
        uv_bin = uv.find_uv_bin()
        base = getattr(sys, "_base_executable", sys.executable)
        subprocess.run([uv_bin, "venv", "--quiet", "--clear", "-p", base, venv], check=True)
        command = (uv_bin, "pip", "install", "--quiet", "-p", venv / "bin/python")
        pins = ("--constraint", ROOT / "requirements/dev.txt")
        named = f"{wheel}[{','.join(extras)}]" if extras else str(wheel)
        subprocess.run([*command, *pins, named], check=True)
        if beside:
            subprocess.run([*command, "--no-deps", beside], check=True)
        return venv

    return make


def attempt(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in an empty folder, with nothing kept from before and no PYTHON* variable."""
    folder.mkdir()
    return attempt_in(folder, *command)


def attempt_in(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder that is there already."""
    return subprocess.run(
        command,
        cwd=folder,
        env={
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
            "XDG_CACHE_HOME": str(folder.parent / "cache"),
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache/uv"),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def run(folder: Path, *command: str | Path) -> str:
    """Run a command that succeeds in an empty folder; return what it printed."""
    folder.mkdir()
    return run_in(folder, *command)


def run_in(folder: Path, *command: str | Path) -> str:
    """Run a command that succeeds in a folder that is there already."""
    done = attempt_in(folder, *command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refusal(folder: Path, *command: str | Path) -> str:
    """Run a command that says in one line what is missing, and return that line."""
    done = attempt(folder, *command)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done
    return done.stderr


def test_the_base_traces_and_its_record_is_decoded(install: Install, tmp_path: Path) -> None:
    """The HTML report is the page in the wheel."""
    base, cli = install(), install("cli")
    log = tmp_path / "log"

    log.write_text(run(tmp_path / "traced", base / "bin/python", "-c", TRACED))
    page = run(tmp_path / "page", cli / "bin/lambda-otel", "decode", log, "--format", "html")

    assert "__otel_otlp_stdout" in log.read_text()
    assert page.startswith("<!doctype html>")
    assert '"orders"' in page


@pytest.mark.once
def test_the_base_and_the_command_alone_say_which_extra_is_missing(
    install: Install, tmp_path: Path
) -> None:
    base, cli = install(), install("cli")
    construct = "from lambda_otel_lite_cdk import Telemetry"

    command = refusal(tmp_path / "base", base / "bin/lambda-otel", "fleet", "cdk.out")
    constructs = attempt(tmp_path / "constructs", cli / "bin/python", "-c", construct)

    assert 'run `pip install "lambda-otel-lite-cdk[cli]"`' in command
    assert 'run `pip install "lambda-otel-lite-cdk[cdk]"`' in constructs.stderr.splitlines()[-1]


#: Every module of the command, imported where aws-cdk-lib is not.
MODULES = """
import importlib, pkgutil
import lambda_otel_lite_cdk.cli as command
for module in pkgutil.walk_packages(command.__path__, f"{command.__name__}."):
    importlib.import_module(module.name)
"""


@pytest.mark.once
def test_the_command_needs_no_cdk_but_for_the_demo(install: Install, tmp_path: Path) -> None:
    venv = install("cli")
    layer = tmp_path / "layer"

    run(tmp_path / "modules", venv / "bin/python", "-c", MODULES)
    run(tmp_path / "layers", venv / "bin/lambda-otel", "layer", "--python", PYTHON, "-o", layer)

    assert not list(venv.glob("lib/*/site-packages/aws_cdk"))
    assert (layer / "lambda-otel-lite/lambda_otel_lite/handler.py").exists()


@pytest.mark.once
def test_another_distribution_with_the_same_package_is_named_once(
    install: Install, tmp_path: Path
) -> None:
    venv = install("cli", beside="lambda-otel-lite==0.15.0")
    build = "from lambda_otel_lite_cdk.layer.build import stage_layer; stage_layer('3.13')"

    imported = attempt(
        tmp_path / "imported", venv / "bin/python", "-c", "import lambda_otel_lite_cdk"
    )
    command = refusal(tmp_path / "command", venv / "bin/lambda-otel", "--help")
    built = attempt(tmp_path / "built", venv / "bin/python", "-c", build)

    assert imported.returncode == 0
    assert imported.stderr == command
    assert "distribution lambda-otel-lite 0.15.0 is installed" in command
    assert "run `pip uninstall lambda-otel-lite`" in command
    assert "No layer can be built: the distribution" in built.stderr.splitlines()[-1]


def test_every_extra_can_be_installed_and_nothing_comes_from_the_clone(
    install: Install, tmp_path: Path
) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"].keys() - {"dev"}
    venv = install(*extras)

    names = ", ".join(PACKAGES)
    where = f"import {names}; print(*(m.__file__ for m in ({names})), sep='\\n')"
    homes = run(tmp_path / "imports", venv / "bin/python", "-c", where).splitlines()

    site = venv / f"lib/python{PYTHON}/site-packages"
    assert {Path(home).parent for home in homes} == {site / package for package in PACKAGES}
    assert all((site / package / "py.typed").exists() for package in PACKAGES)


@pytest.fixture(scope="module")
def everything(install: Install) -> Path:
    """An environment as README has it made."""
    return install("demo")


@pytest.mark.once
def test_the_demo_runs_in_an_empty_folder(
    everything: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the extra's own Node, not that of this environment."""
    monkeypatch.delenv("JSII_NODE", raising=False)
    demo = tmp_path / "empty"

    done = attempt(demo, everything / "bin/lambda-otel", "demo")

    assert done.returncode == 0, done.stderr
    assert "lambda-otel-lite: building the telemetry layer" in done.stderr
    assert done.stdout.count("Trace ") == 1
    assert done.stdout.splitlines()[-1] == "Report for a browser: lambda-otel-demo/report.html"
    assert (demo / "lambda-otel-demo/report.html").read_text().startswith("<!doctype html>")
    assert [path.name for path in demo.iterdir()] == ["lambda-otel-demo"]


@pytest.mark.once
def test_readme_is_followed_from_its_first_command_after_the_installation_to_its_last(
    everything: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In its order: each app is saved and synthesized, each command run as it stands.

    The demo and what needs an account have tests of their own.
    """
    shop = tmp_path / "shop"
    monkeypatch.setenv("PATH", f"{everything}/bin:{os.environ['PATH']}")
    handler = "def handler(event, context):\n    return {'statusCode': 200}\n"
    save = "mkdir orders && cp ../app.py ../orders.log . && cp ../handler.py orders/app.py"
    (tmp_path / "handler.py").write_text(handler)
    (tmp_path / "orders.log").write_text(run(tmp_path / "traced", "python", "-c", TRACED))
    first, *others = blocks("python", [README])
    (tmp_path / "app.py").write_text(first)
    run(shop, "sh", "-ec", save)
    lines = [line for block in blocks("sh", [README]) for line in block.splitlines()]
    left_out = ("make ", "pip ", "lambda-otel demo", "lambda-otel fleet --account")

    commands = [line for line in lines if not line.startswith(left_out)]
    with OtlpReceiver() as receiver:
        script = "\n".join(commands).replace("http://localhost:4318", receiver.endpoint)
        run_in(shop, "sh", "-exc", script)
    for number, app in enumerate(others):
        (shop / f"app{number}.py").write_text(app)
        run_in(shop, "sh", "-exc", f"CDK_OUTDIR=out{number} python app{number}.py")

    assert receiver.spans
    assert len(commands) > 5
    assert (shop / "report.html").read_text().startswith("<!doctype html>")
    assert len(list(shop.glob("out?/*.template.json"))) == len(others) > 1


def test_the_command_and_the_constructs_find_their_data(install: Install, tmp_path: Path) -> None:
    venv = install("cdk")
    layer, output = tmp_path / "layer", tmp_path / "cdk.out"

    usage = run(tmp_path / "help", venv / "bin/lambda-otel", "--help")
    version = run(tmp_path / "version", venv / "bin/lambda-otel", "--version").strip()
    command = (venv / "bin/lambda-otel", "layer", "--python", PYTHON, "-o", layer)
    run(tmp_path / "layers", *command)
    run(tmp_path / "app", venv / "bin/python", "-c", APP, output)

    assert usage.startswith("Usage: lambda-otel ")
    assert (layer / "lambda-otel-lite/lambda_otel_lite/version.py").read_text().count(version) == 1
    assert (output / "Shop.template.json").exists()
    assert list(output.glob("asset.*/otlp_forwarder/handler.py"))
