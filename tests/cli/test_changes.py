from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lambda_otel_lite_cdk.cli.assembly.changes import snapshot, wait_for_change


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "app.py").write_text("1")
    return tmp_path


def test_files_and_folders_are_seen_and_what_is_missing_counts_as_empty(folder: Path) -> None:
    (folder / "code" / "dangling").symlink_to(folder / "nowhere")
    (folder / "event.json").write_text("{}")
    paths = [folder / "code", folder / "event.json", folder / "missing"]
    assert {Path(file).name for file in snapshot(paths)} == {"app.py", "event.json"}


def test_what_tools_write_is_not_a_change(folder: Path) -> None:
    before = snapshot([folder])
    (folder / "code" / "__pycache__").mkdir()
    (folder / "code" / "__pycache__" / "app.txt").write_text("")
    (folder / "code" / "app.pyc").write_text("")
    assert snapshot([folder]) == before


@pytest.mark.parametrize(
    "change",
    [
        lambda code: (code / "app.py").write_text("22"),
        lambda code: (code / "new.py").write_text(""),
        lambda code: (code / "app.py").unlink(),
    ],
    ids=["change", "add", "remove"],
)
def test_a_change_ends_the_wait(folder: Path, change: Callable[[Path], None]) -> None:
    before = snapshot([folder])
    change(folder / "code")
    wait_for_change([folder], before)
    assert snapshot([folder]) != before
