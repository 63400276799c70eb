"""`lambda-otel fleet`; what it says of each function is tested with the constructs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aws_cdk import App, Stack
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite_cdk import Telemetry
from lambda_otel_lite_cdk.cli.fleet import read_coverage
from tests.cli.command import assert_refused, run


def test_brackets_in_a_reason_are_shown_as_they_are(tmp_path: Path) -> None:
    stack = Stack(App(outdir=str(tmp_path), analytics_reporting=False), "Shop")
    lambda_.Function(
        stack,
        "Orders",
        runtime=lambda_.Runtime.PYTHON_3_13,
        handler="index.handler",
        code=lambda_.Code.from_inline("1"),
    )
    Telemetry.of(stack).opt_out("see [bold]SHOP-1[/bold]")
    assembly = stack.node.root.synth().directory  # type: ignore[attr-defined]  # it is an App
    # As wide as the table where nobody says how wide.
    for columns in ("", "200"):
        done = run("fleet", assembly, environment={"COLUMNS": columns})
        assert "see [bold]SHOP-1[/bold]" in done.stdout
    narrow = run("fleet", assembly, environment={"COLUMNS": "60"}).stdout
    assert max(map(len, narrow.splitlines())) <= 60


@pytest.mark.parametrize(
    "manifest",
    [
        "{",
        "[]",
        '{"artifacts": {"Shop": {}}}',
        '{"artifacts": {"Shop": {"type": "aws:cloudformation:stack", "properties": {}}}}',
    ],
)
def test_a_broken_assembly_is_refused_in_one_line(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "manifest.json").write_text(manifest)
    assert_refused(run("fleet", tmp_path), "is not a cloud assembly", "run `cdk synth`")


def test_a_script_reads_what_the_command_shows(assembly: Path) -> None:
    shown = json.loads(run("fleet", assembly, "--json").stdout)
    assert [(one.function, one.status) for one in read_coverage(assembly)] == [
        (one["function"], one["status"]) for one in shown
    ]
