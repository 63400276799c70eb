"""A stack to put constructs in, and what it synthesizes to."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsii
import pytest
from aws_cdk import App, Environment, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import IConstruct, IValidation

from lambda_otel_lite_cdk.functions.outcome import Outcome, read_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from lambda_otel_lite_cdk.layer.build import StagedCode

#: The one supported Python that is certainly on the machine.
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
RUNTIME = lambda_.Runtime(
    f"python{PYTHON}", lambda_.RuntimeFamily.PYTHON, supports_inline_code=True
)
#: The same, as one of which a snapshot may be taken.
SNAPPED = lambda_.Runtime(
    RUNTIME.name,
    lambda_.RuntimeFamily.PYTHON,
    supports_inline_code=True,
    supports_snap_start=True,
)
#: A function that log groups are forwarded to.
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:forwarder"
ROOT = Path(__file__).parents[2]
#: Where uv keeps what it has downloaded.
UV_CACHE = os.environ.get("UV_CACHE_DIR") or str(
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv"
)

#: Properties that every `Function` needs.
INLINE: dict[str, Any] = {
    "runtime": RUNTIME,
    "handler": "index.handler",
    "code": lambda_.Code.from_inline("def handler(event, context):\n    return event\n"),
}


@pytest.fixture
def stack() -> Stack:
    """A stack named Shop in an app of its own."""
    environment = Environment(account="123456789012", region="eu-west-1")
    return Stack(App(analytics_reporting=False), "Shop", env=environment)


@pytest.fixture(scope="session")
def oldest() -> Path:
    """The interpreter of an environment with the oldest aws-cdk-lib that is supported."""
    make = (sys.executable, ROOT / "requirements/oldest.py")
    return Path(subprocess.run(make, check=True, capture_output=True, text=True).stdout.strip())


def resources(stack: Stack, kind: str) -> list[dict[str, Any]]:
    """Synthesize, and return the properties of the stack's resources of a type, in its order."""
    return [
        found["Properties"]
        for found in template(stack)["Resources"].values()
        if found["Type"] == kind
    ]


def template(stack: Stack) -> dict[str, Any]:
    """Synthesize, and return the stack's template."""
    stage = stack.node.root
    assert isinstance(stage, App)
    synthesized: dict[str, Any] = stage.synth().get_stack_by_name(stack.stack_name).template
    return synthesized


def functions(stack: Stack) -> list[dict[str, Any]]:
    """Synthesize, and return the properties of the stack's functions."""
    return resources(stack, "AWS::Lambda::Function")


def outcomes(stack: Stack) -> list[Outcome]:
    """Synthesize, and return the outcomes of the coverage report in its order."""
    stage = stack.node.root
    assert isinstance(stage, App)
    return list(read_report(Path(stage.synth().directory)).values())


@jsii.implements(IValidation)
class _Later:
    """Change something when the app is validated, which is after every aspect."""

    def __init__(self, change: Callable[[], object]) -> None:
        self._change = change

    def validate(self) -> list[str]:
        self._change()
        return []


def later(scope: IConstruct, change: Callable[[], object]) -> None:
    """Change something after every aspect; to be called before telemetry is asked for."""
    scope.node.add_validation(_Later(change))


def lint(assembly: Path) -> None:
    """Fail where cfn-lint finds an error in a template of an assembly."""
    done = subprocess.run(
        [
            Path(sys.executable).with_name("cfn-lint"),
            *("--non-zero-exit-code", "error"),
            *sorted(assembly.rglob("*.template.json")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def add_filters(group: logs.LogGroup, count: int) -> None:
    """Subscribe so many others to a log group."""
    for number in range(count):
        logs.CfnSubscriptionFilter(
            Stack.of(group),
            f"Filter{number}",
            log_group_name=group.log_group_name,
            destination_arn=f"{ARN}{number}",
            filter_pattern="",
        )


def variables(function: dict[str, Any]) -> dict[str, Any]:
    """Return a function's environment variables."""
    found: dict[str, Any] = function["Environment"]["Variables"]
    return found


def files(staged: StagedCode) -> dict[str, bytes]:
    """Read a staged folder or archive: content by path."""
    if staged.path.is_file():
        with zipfile.ZipFile(staged.path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    return {
        path.relative_to(staged.path).as_posix(): path.read_bytes()
        for path in sorted(staged.path.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def cache_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], Path]:
    """Make the constructs keep what they build under another folder; returns where."""

    def keep(folder: Path) -> Path:
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder))
        monkeypatch.setenv("UV_CACHE_DIR", UV_CACHE)
        return folder / "lambda-otel-lite"

    return keep
