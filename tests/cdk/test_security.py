"""Promises of SECURITY.md that no other test holds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk import InstrumentedFunction, OtlpForwarder
from lambda_otel_lite_cdk.layer.build import stage_layer

from .conftest import INLINE, PYTHON, ROOT, resources


def rights_of(make: Callable[[Stack], lambda_.Function]) -> list[object]:
    """Return the roles and policies of the stack that a function is made in."""
    stack = Stack(App(analytics_reporting=False), "Shop")
    make(stack)
    return [*resources(stack, "AWS::IAM::Role"), *resources(stack, "AWS::IAM::Policy")]


def forwarded(stack: Stack) -> InstrumentedFunction:
    """Make an instrumented function whose log records go to a forwarder in another stack."""
    app = stack.node.root
    assert isinstance(app, App)
    other = Stack(app, "Telemetry")
    forwarder = OtlpForwarder(other, "Forwarder", endpoint="https://collector.example.com")
    return InstrumentedFunction(stack, "Orders", **INLINE, forwarding=forwarder.forwarding)


def test_instrumenting_grants_nothing() -> None:
    plain = rights_of(lambda stack: lambda_.Function(stack, "Orders", **INLINE))

    assert len(plain) == 1
    assert rights_of(lambda stack: InstrumentedFunction(stack, "Orders", **INLINE)) == plain
    assert rights_of(forwarded) == plain


def test_a_kept_layer_is_used_without_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = stage_layer(PYTHON)
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path))

    assert stage_layer(PYTHON) == built
    assert list(tmp_path.iterdir()) == []


def test_a_package_with_another_hash_is_refused(tmp_path: Path) -> None:
    """Of a copy of the packages, the lock asks for other hashes than the index's packages have."""
    for name in ("runtime/lambda_otel_lite", "constructs/lambda_otel_lite_cdk"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, tmp_path / Path(name).name, ignore=ignored)
    lock = tmp_path / "lambda_otel_lite_cdk/locks/layer.txt"
    lock.write_text(re.sub(r"sha256:[0-9a-f]{64}", f"sha256:{'0' * 64}", lock.read_text()))

    main = "from lambda_otel_lite_cdk.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", main, "layer", "--python", PYTHON, "-o", tmp_path / "layer"],
        env={
            **os.environ,
            "PYTHONPATH": str(tmp_path),
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR") or str(Path.home() / ".cache/uv"),
        },
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "Hash mismatch" in done.stderr
    assert not (tmp_path / "layer").exists()
