"""What README says and what the code does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from lambda_otel_lite.configuration.variables import ENTRY_POINT

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def test_the_entry_point_exists_in_the_runtime() -> None:
    module, _, attribute = ENTRY_POINT.rpartition(".")
    path = ROOT / "runtime" / (module.replace(".", "/") + ".py")

    assert re.search(rf"^{attribute} = ", path.read_text(), re.MULTILINE)


def synthesize(folder: Path, code: str) -> subprocess.CompletedProcess[str]:
    """Run an app in a folder of its own."""
    (folder / "orders").mkdir()
    (folder / "orders/app.py").write_text("def handler(event, context): ...\n")
    (folder / "app.py").write_text(code)
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=folder,
        env={**os.environ, "CDK_OUTDIR": str(folder / "cdk.out")},
        capture_output=True,
        text=True,
        check=False,
    )


def example(after: str) -> str:
    """Return the first Python code in README after some text."""
    return README.partition(after)[2].partition("```python\n")[2].partition("```")[0]


def test_the_example_synthesizes(tmp_path: Path) -> None:
    done = synthesize(tmp_path, example('pip install "lambda-otel-lite[cdk]"'))

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cdk.out/Shop.template.json").exists()


def test_the_example_of_the_forwarder_synthesizes(tmp_path: Path) -> None:
    imports = """
from aws_cdk import App, Stack
from aws_cdk.aws_secretsmanager import Secret
from lambda_otel_lite_cdk import Kinesis, OtlpForwarder
app = App()
stack = Stack(app, "Shop")
"""
    done = synthesize(tmp_path, imports + example("## The forwarder") + "app.synth()\n")

    assert done.returncode == 0, done.stderr
    assert "AWS::Logs::AccountPolicy" in (tmp_path / "cdk.out/Shop.template.json").read_text()
