"""The constructs on the oldest aws-cdk-lib that is declared, in an environment of its own."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from uv import find_uv_bin

from .conftest import PYTHON, ROOT

LOCK = ROOT / "requirements/oldest.txt"


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of the environment, which is kept for as long as its lock stays the same."""
    digest = hashlib.sha256(LOCK.read_bytes() + sys.executable.encode()).hexdigest()[:12]
    venv = ROOT / ".cache" / f"oldest-{PYTHON}-{digest}"
    python = venv / "bin/python"
    if not (venv / "complete").exists():
        base = getattr(sys, "_base_executable", sys.executable)
        uv = find_uv_bin()
        subprocess.run([uv, "venv", "--quiet", "--clear", "-p", base, venv], check=True)
        subprocess.run(
            [
                *(uv, "pip", "install", "--quiet", "--require-hashes", "--compile-bytecode"),
                *("--no-deps", "-p", python, "-r", LOCK),
            ],
            check=True,
        )
        (venv / "complete").touch()
    return python


def test_the_lock_is_of_the_oldest_version_that_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = dict(
        requirement.partition(",")[0].split(">=")
        for requirement in project["optional-dependencies"]["cdk"]
    )
    pins = dict(
        line.removesuffix(" \\").split("==")
        for line in LOCK.read_text("utf-8").splitlines()
        if "==" in line and not line.startswith(" ")
    )
    for name in ("aws-cdk-lib", "constructs"):
        assert pins[name].removesuffix(".0") == declared[name]


def test_hazard_31_every_door_works_on_the_oldest_aws_cdk_lib(python: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [python, Path(__file__).with_name("oldest_app.py")],
        env={
            **os.environ,
            "CDK_OUTDIR": str(tmp_path),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT / "constructs")]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    handlers: dict[str, list[str]] = {}
    for template in sorted(tmp_path.glob("*.template.json")):
        found = json.loads(template.read_text("utf-8"))["Resources"].values()
        handlers[template.name.partition(".")[0]] = sorted(
            one["Properties"]["Handler"] for one in found if one["Type"] == "AWS::Lambda::Function"
        )
    ours = "lambda_otel_lite.autowrap.handler"
    assert handlers == {
        "Account": [],
        "Doors": [ours, ours, ours],
        "Fleet": [ours, "otlp_forwarder.handler.handler"],
        "Injected": [ours],
    }
    assert (tmp_path / "telemetry-coverage.json").exists()
