"""How often instrumenting a fleet calls into the CDK, which takes most of the time of a synth."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import ROOT

pytestmark = pytest.mark.once
#: Calls for each function of the fleet: those of the app itself, those of its telemetry, and those
#: that forward its log group.
APP, TELEMETRY, FORWARDING = 9, 6, 16


def calls(output: Path, *, stacks: int, functions: int, telemetry: str = "1") -> int:
    """Synthesize an instrumented fleet, so many functions in each stack, and count the calls."""
    done = subprocess.run(
        [sys.executable, ROOT / "tests/benchmarks/fleet_app.py"],
        env={
            **os.environ,
            "CDK_OUTDIR": str(output),
            "FLEET_STACKS": str(stacks),
            "FLEET_FUNCTIONS": str(functions),
            "FLEET_TELEMETRY": telemetry,
            # Prints every call. Source: https://github.com/aws/jsii/blob/main/CONTRIBUTING.md
            "JSII_DEBUG": "1",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stderr.count('"api":"')


def for_a_function(folder: Path, stacks: int, telemetry: str) -> float:
    """Return how many calls a function more in each stack takes."""
    few, more = (
        calls(folder / f"{stacks}x{count}", stacks=stacks, functions=count, telemetry=telemetry)
        for count in (2, 4)
    )
    return (more - few) / (2 * stacks)


def test_a_function_more_takes_no_more_calls_than_it_did(tmp_path: Path) -> None:
    assert 0 < for_a_function(tmp_path, 1, "1") <= APP + TELEMETRY


def test_a_forwarded_function_takes_as_many_calls_in_a_fleet_of_any_size(tmp_path: Path) -> None:
    in_one = for_a_function(tmp_path, 1, "forwarded")
    assert 0 < in_one <= APP + TELEMETRY + FORWARDING
    # What grows with stacks times functions would show here.
    assert for_a_function(tmp_path, 4, "forwarded") == in_one
