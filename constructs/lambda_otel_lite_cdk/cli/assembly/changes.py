"""Wait until an assembly, or what it was made from, changes; with the standard library alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

type Snapshot = dict[str, tuple[int, int]]

_POLL_SECONDS = 0.3
#: Folders in which tools write although nobody changes anything.
_IGNORED = {"__pycache__", ".git", ".venv", "node_modules", ".mypy_cache", ".ruff_cache"}


def snapshot(paths: Iterable[Path]) -> Snapshot:
    """Return modification time and size of each file below some paths.

    Args:
        paths: Files and folders; those that do not exist count as empty.
    """
    found: Snapshot = {}
    for path in paths:
        for file in _files(path):
            try:
                state = os.stat(file)  # noqa: PTH116 - a tree may have many thousands
            except FileNotFoundError:
                continue
            found[file] = (state.st_mtime_ns, state.st_size)
    return found


def wait_for_change(paths: list[Path], before: Snapshot) -> None:
    """Return once something has changed and then stayed the same for a moment.

    Args:
        paths: Files and folders.
        before: Their snapshot at the time from which changes count.
    """
    while (now := snapshot(paths)) == before:
        time.sleep(_POLL_SECONDS)
    # An editor or a synth may still be writing.
    while (later := snapshot(paths)) != now:
        now = later
        time.sleep(_POLL_SECONDS)


def _files(path: Path) -> Iterator[str]:
    if path.is_file():
        yield str(path)
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if name not in _IGNORED]
        yield from (f"{folder}/{name}" for name in names if not name.endswith(".pyc"))
