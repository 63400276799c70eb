"""Keep what was built, so that it need not be built again.

A kept folder is found by a key that is made of everything it was built from. It appears under that
key complete or not at all. A tree that is to be deployed is used only while every byte of it is
what was built: one that somebody's import left a `__pycache__` in, or that lost a file, is built
again.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lambda_otel_lite_cdk.layer.archive import pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


_ARCHIVE = "archive.zip"


def cached_folder(
    key: str,
    build: Callable[[Path], None],
    *,
    is_intact: Callable[[Path], bool] = Path.is_dir,
    instead: Path | None = None,
) -> Path:
    """Return the folder that is kept under a key, building it if it is not there yet.

    Processes that run at the same time may build the same folder; the first one done is kept.

    Args:
        key: A file name made of everything that the build depends on.
        build: Fills the empty folder that it is given.
        is_intact: Whether a kept folder may be used. Default: any that is there, because it is
            complete.
        instead: Where to keep it if nothing can be written to the cache's folder, as in a container
            without a home. Default: a temporary folder.

    Returns:
        A folder to read and not to write to. It is under ``$XDG_CACHE_HOME/lambda-otel-lite``
        (default ``~/.cache/lambda-otel-lite``), which may be removed at any time.
    """
    kept = cache_folder() / key
    if not is_intact(kept):
        kept = _writable(cache_folder(), instead) / key
    if not is_intact(kept):
        with tempfile.TemporaryDirectory(dir=kept.parent, prefix=".building-") as scratch:
            new = Path(scratch, "new")
            new.mkdir()
            build(new)
            try:
                new.rename(kept)
            except OSError:
                # Another process was first, or what is there is damaged.
                if not is_intact(kept):
                    kept.rename(Path(scratch, "damaged"))
                    new.rename(kept)
    return kept


def _writable(folder: Path, instead: Path | None) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".building-"):
            return folder
    except OSError:
        if instead is None:
            return _own_folder()
        replacement = instead / ".lambda-otel-lite"
        replacement.mkdir(parents=True, exist_ok=True)
        return replacement


@cache
def _own_folder() -> Path:
    """Return a folder of this process alone: what others can write to would be deployed."""
    folder = tempfile.mkdtemp(prefix="lambda-otel-lite-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def cached_tree(key: str, build: Callable[[Path], None], instead: Path | None = None) -> Path:
    """Return a tree that is to be deployed: as `cached_folder`, but every byte is what was built.

    Args:
        key: As for `cached_folder`.
        build: As for `cached_folder`.
        instead: As for `cached_folder`.
    """

    def build_with_digest(new: Path) -> None:
        tree = new / "tree"
        tree.mkdir()
        build(tree)
        _normalise_permissions(tree)
        (new / "digest").write_text(_digest_of(tree))

    return cached_folder(key, build_with_digest, is_intact=_is_intact, instead=instead) / "tree"


def cached_archive(key: str, build: Callable[[Path], None], instead: Path | None = None) -> Path:
    """Return the zip archive that is kept under a key, packing it if it is not there yet.

    Args:
        key: As for `cached_folder`.
        build: Fills the empty folder that it is given, which is packed then.
        instead: As for `cached_folder`.

    Returns:
        The archive, as `pack` writes it.
    """

    def build_packed(kept: Path) -> None:
        with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
            tree = Path(scratch, "tree")
            tree.mkdir()
            build(tree)
            pack(tree, kept / _ARCHIVE)

    return cached_tree(f"{key}.zip", build_packed, instead) / _ARCHIVE


def digest(parts: Iterable[bytes]) -> str:
    """Return the SHA-256 of some parts, in hexadecimal; it depends on where each part ends."""
    total = hashlib.sha256()
    for part in parts:
        total.update(len(part).to_bytes(8))
        total.update(part)
    return total.hexdigest()


def cache_folder() -> Path:
    """Return the folder that everything is kept in; it may not be there yet."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lambda-otel-lite"


def _is_intact(kept: Path) -> bool:
    try:
        return (kept / "digest").read_text() == _digest_of(kept / "tree")
    except OSError:
        return False


def _digest_of(tree: Path) -> str:
    # Not by Path.rglob, which takes longer than the hashing: every synth waits for this.
    start = len(str(tree)) + 1
    files = sorted(
        f"{folder}/{name}"[start:] for folder, _, names in os.walk(tree) for name in names
    )
    return digest(
        part for name in files for part in (name.encode(), Path(f"{tree}/{name}").read_bytes())
    )


def _normalise_permissions(tree: Path) -> None:
    # The functions' user must be able to read the tree, whatever umask the synth ran under.
    for path in (tree, *tree.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
