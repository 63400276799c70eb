"""How often instrumenting a fleet calls into the CDK, which takes most of the time of a synth."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .conftest import ROOT

#: Calls for each function of the fleet: those of the app itself, and those of its telemetry.
APP, TELEMETRY = 9, 10


def calls(output: Path, functions: int) -> int:
    """Synthesize an instrumented stack of so many functions, and count the calls."""
    done = subprocess.run(
        [sys.executable, ROOT / "tests/benchmarks/fleet_app.py"],
        env={
            **os.environ,
            "CDK_OUTDIR": str(output),
            "FLEET_STACKS": "1",
            "FLEET_FUNCTIONS": str(functions),
            "FLEET_TELEMETRY": "1",
            # Prints every call. Source: https://github.com/aws/jsii/blob/main/CONTRIBUTING.md
            "JSII_DEBUG": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr.count('"api":"')


def test_a_function_more_takes_no_more_calls_than_it_did(tmp_path: Path) -> None:
    three, six = calls(tmp_path / "three", 3), calls(tmp_path / "six", 6)
    assert 0 < (six - three) / 3 <= APP + TELEMETRY
