"""What runs by itself (workflows, hooks) is pinned and knows the project as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lambda_otel_lite_cdk.layer.interpreters import SUPPORTED_VERSIONS
from tests.pages import PAGES

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text()


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_and_say_their_version(workflow: Path) -> None:
    actions = re.findall(r"uses: ((?!\./).+)", workflow.read_text())

    assert [one for one in actions if not re.fullmatch(r"\S+@[0-9a-f]{40} # v[\d.]+", one)] == []


def test_each_supported_python_is_tested_and_what_needs_one_run_gets_it() -> None:
    jobs = re.findall(r'python: "([\d.]+)", marks: ([^}]+) }', (WORKFLOWS[0]).read_text())

    assert [version for version, _ in jobs] == list(SUPPORTED_VERSIONS)
    assert [marks for _, marks in jobs if marks != "not once"] == ['""']


@pytest.mark.parametrize(
    "document",
    [*WORKFLOWS, *(ROOT / name for name in (".ci/run", "CONTRIBUTING.md")), *PAGES],
    ids=lambda path: path.name,
)
def test_every_make_target_that_is_named_exists_and_helps(document: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, re.MULTILINE))
    commands = re.findall(r"(?:run: |`|^)make ((?:[a-z-]+ ?)+)", document.read_text(), re.MULTILINE)

    assert {name for command in commands for name in command.split()} <= targets


def test_every_target_says_what_it_does() -> None:
    targets = re.findall(r"^([a-z-]+):(?!=)(.*)", MAKEFILE, re.MULTILINE)

    assert len(targets) > 10
    assert [name for name, rest in targets if not re.search(r"## \S", rest)] == []


def test_the_hooks_run_what_make_check_runs() -> None:
    (sources,) = re.findall(r"^SOURCES := (.+)", MAKEFILE, re.MULTILINE)
    hooks = re.findall(r"entry: (.+)", (ROOT / ".pre-commit-config.yaml").read_text())

    checked = {".venv/bin/ruff format", ".venv/bin/ruff check", f".venv/bin/mypy {sources}"}
    assert checked <= set(hooks)
