"""The example of durable functions, as it is synthesized, run as its page says, with its trace."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

EXAMPLE = Path(__file__).parents[2] / "constructs" / "demo" / "durable"
PAGE = (EXAMPLE / "README.md").read_text("utf-8")
#: Of a line of a drawn trace, the tree and the span's name.
_DRAWN = re.compile(r"^([ ├│└─]*\w.*?) +━", re.MULTILINE)


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("durable")
    subprocess.run(
        [sys.executable, EXAMPLE / "app.py"],
        cwd=folder,
        env={**os.environ, "CDK_OUTDIR": "cdk.out"},
        check=True,
        capture_output=True,
    )
    return folder / "cdk.out"


def run(assembly: Path, payload: str) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLE / "run.py", assembly, payload],
        env={**os.environ, "COLUMNS": "80"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_execution_is_the_trace_that_the_page_shows(assembly: Path) -> None:
    said = run(assembly, '{"amount": 12}')

    answers, trace = (block.strip() for block in re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL))
    assert said.startswith(answers)
    assert said.count("Trace ") == 1
    assert _DRAWN.findall(said) == _DRAWN.findall(trace)
    assert len(_DRAWN.findall(trace)) == 20


def test_an_execution_that_fails_is_an_error(assembly: Path) -> None:
    said = run(assembly, '{"amount": 0}')

    assert "0 cannot be charged" in said.splitlines()[0]
    assert said.count("Trace ") == 1
    assert re.search(r"orders: OrdersA9B65338 .* ERROR", said)
