"""The constructs on the newest and on the oldest aws-cdk-lib that is declared."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

from .conftest import ROOT, UV_CACHE, lint

LOCK = ROOT / "requirements/oldest.txt"


def test_the_lock_is_of_the_oldest_version_that_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = dict(
        requirement.partition(",")[0].split(">=")
        for requirement in project["optional-dependencies"]["cdk"]
        if ">=" in requirement
    )
    pins = dict(
        re.split("==| ", line)[:2]
        for line in LOCK.read_text("utf-8").splitlines()
        if "==" in line and not line.startswith(" ")
    )
    for name in ("aws-cdk-lib", "constructs"):
        assert pins[name].removesuffix(".0") == declared[name]


def synthesize(python: Path, output: Path, **environment: str) -> None:
    """Synthesize the app that uses every entry point."""
    done = subprocess.run(
        [python, Path(__file__).with_name("entry_points_app.py")],
        env={
            **os.environ,
            "CDK_OUTDIR": str(output),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "runtime"), str(ROOT / "constructs")]),
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def handlers_in(output: Path) -> dict[str, list[str]]:
    handlers: dict[str, list[str]] = {}
    for template in sorted(output.glob("*.template.json")):
        found = json.loads(template.read_text("utf-8"))["Resources"].values()
        handlers[template.name.partition(".")[0]] = sorted(
            one["Properties"]["Handler"] for one in found if one["Type"] == "AWS::Lambda::Function"
        )
    return handlers


OURS = "lambda_otel_lite_entry.handler"
HANDLERS = {
    "Account": [],
    "Fleet": [OURS, "otlp_forwarder.handler.handler"],
    "Injected": [OURS],
    "Single": [OURS, OURS, OURS],
}


def test_hazard_31_every_entry_point_works_on_the_oldest_aws_cdk_lib(
    oldest: Path, tmp_path: Path
) -> None:
    synthesize(oldest, tmp_path)
    assert handlers_in(tmp_path) == HANDLERS
    assert (tmp_path / "telemetry-coverage.json").exists()


def test_hazard_31_every_entry_point_works_on_the_newest_and_cfn_lint_finds_no_error(
    tmp_path: Path,
) -> None:
    synthesize(Path(sys.executable), tmp_path)
    assert handlers_in(tmp_path) == HANDLERS
    lint(tmp_path)


def test_hazard_39_the_layer_is_built_without_docker(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text(f"#!/bin/sh\ntouch {tmp_path}/called\nexit 1\n")
    docker.chmod(0o755)
    # With nothing kept from before, and this in place of Docker for whoever asks for it.
    synthesize(
        Path(sys.executable),
        tmp_path / "cdk.out",
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        CDK_DOCKER=str(docker),
        PATH=f"{tmp_path}{os.pathsep}{os.environ['PATH']}",
        UV_CACHE_DIR=UV_CACHE,
    )
    assert list((tmp_path / "cdk.out").glob("asset.*.zip"))
    assert not (tmp_path / "called").exists()
