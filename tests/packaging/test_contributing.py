"""What CONTRIBUTING, SECURITY and the table of hazards say of the code is so."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import hazards
from tests.packaging.test_sources import FLOORS

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
PACKAGES = (
    "runtime/lambda_otel_lite",
    "runtime/lambda_otel_lite_layer",
    "runtime/otlp_forwarder",
    "constructs/lambda_otel_lite_cdk",
)


@pytest.mark.parametrize("package", PACKAGES)
def test_the_page_lists_the_rooms_from_the_ground_up(package: str) -> None:
    section = PAGE.partition(f": `{package}`")[2].partition("\n#")[0]
    listed = re.findall(r"^\| `(\w+)(?:/|\.py)` \|", section, re.MULTILINE)
    floors = [line.split() for line in FLOORS[package].split("\n")]
    floor_of = {
        room: floor for floor, rooms in enumerate(floors) for room in rooms if room[0] != "_"
    }

    assert set(listed) == floor_of.keys()
    assert [floor_of[room] for room in listed] == sorted(floor_of.values())


def test_every_path_on_the_page_exists() -> None:
    # What is in .cache is there once a command has made it.
    named = re.findall(r"`(?!\.cache/)((?:[\w.]+/)+[\w.]*|[\w/]+\.py)`", PAGE)
    homes = [ROOT, ROOT / "tests", *(ROOT / package for package in PACKAGES)]

    assert named
    assert [name for name in named if not any((home / name).exists() for home in homes)] == []


def test_the_floors_of_the_command_are_its_folders() -> None:
    named = set(re.findall(r"`cli/(\w+)/`", PAGE))
    folder = ROOT / "constructs/lambda_otel_lite_cdk/cli"

    assert named == {path.parent.name for path in folder.glob("*/__init__.py")}


@pytest.mark.parametrize("document", ["SECURITY.md", "tests/HAZARDS.md"])
def test_every_test_that_is_named_exists(document: str) -> None:
    named = re.findall(r"`(test_\w+)`", (ROOT / document).read_text("utf-8"))

    assert named
    assert set(named) - set(hazards.names_of_tests()) == set()


def test_each_promise_has_a_test() -> None:
    rows = re.findall(
        r"^\| (?!promise|---)(.+) \| (.+) \|$", (ROOT / "SECURITY.md").read_text(), re.MULTILINE
    )

    assert len(rows) >= 10
    assert [promise for promise, tests in rows if "`test_" not in tests] == []


#: What each change on the page brings, asked where all of them are applied.
ADDED = """
import json

from aws_cdk import App, Duration, Stack, aws_lambda
from click.testing import CliRunner

from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.extractors.auto import extractor_for
from lambda_otel_lite_cdk import InstrumentedFunction, TelemetrySettings
from lambda_otel_lite_cdk.cli.main import main

event = {"invokingEvent": "{}", "configRuleName": "encrypted"}
app = App(analytics_reporting=False)
settings = TelemetrySettings(owner="orders", layer_arn="arn:aws:lambda:eu-west-1:1:layer:ours:1")
InstrumentedFunction(
    Stack(app, "Shop"),
    "Orders",
    runtime=aws_lambda.Runtime.PYTHON_3_13,
    handler="index.handler",
    code=aws_lambda.Code.from_inline("def handler(event, context): ..."),
    timeout=Duration.seconds(1),
    telemetry=settings,
)
said = app.synth().get_stack_by_name("Shop").messages
print(json.dumps({
    "read": Settings.from_environ({"LAMBDA_OTEL_OWNER": "orders"}).owner,
    "written": settings.environment()["LAMBDA_OTEL_OWNER"],
    "span": extractor_for(event)(event, None).span_name,
    "command": CliRunner().invoke(main, ["variables", "owner"]).output,
    "found": [one.entry.data.partition(" [")[0] for one in said if "timeout" in one.entry.data],
}))
"""


def test_each_change_on_the_page_does_what_the_page_says(tmp_path: Path) -> None:
    files = run(
        ROOT, "git", "ls-files", "runtime", "constructs", "tests", "docs", "README.md"
    ).split("\n")
    for name in filter(None, files):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    changes = re.findall(r"^```diff\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    for number, change in enumerate(changes):
        patch = tmp_path / f"{number}.diff"
        patch.write_text(change)
        run(tmp_path, "git", "apply", str(patch))
    python = (sys.executable, "-c")
    run(tmp_path, sys.executable, "-m", "tests.documentation")

    assert json.loads(run(tmp_path, *python, ADDED)) == {
        "read": "orders",
        "written": "orders",
        "span": "encrypted",
        "command": "LAMBDA_OTEL_OWNER: The team that answers for the function.\n",
        "found": [
            "Shop/Orders: its timeout is 1 s, too short for a cold start. Give it 3 seconds."
        ],
    }
    assert "`LAMBDA_OTEL_OWNER` | " in (tmp_path / "docs/settings.md").read_text("utf-8")
    settings = tmp_path / "constructs/lambda_otel_lite_cdk/settings/settings.py"
    assert "owner: The team that answers" in settings.read_text("utf-8")


def run(folder: Path, *command: str) -> str:
    """Return what a command prints, run in a copy of the clone and with the code there."""
    paths = [str(folder / part) for part in ("runtime", "constructs", "")]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
