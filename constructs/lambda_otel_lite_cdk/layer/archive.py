"""Pack a folder into an archive whose bytes depend only on what is in the folder."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

#: The time of every file in an archive, the earliest that zip knows.
_TIME = (1980, 1, 1, 0, 0, 0)
#: A regular file that everybody may read, because functions run as another user.
_MODE = 0o100644
_UNIX = 3
#: Packed once, loaded by every execution environment.
_SMALLEST = 9


def pack(folder: Path, archive: Path) -> None:
    """Write the files of a folder into a zip archive.

    Args:
        folder: What is packed; names in the archive are relative to it.
        archive: The archive's file, which is replaced if it exists.
    """
    with zipfile.ZipFile(archive, "w", compresslevel=_SMALLEST) as target:
        for name, path in sorted((one.relative_to(folder).as_posix(), one) for one in _in(folder)):
            member = zipfile.ZipInfo(name, _TIME)
            # By default, the system of the machine that packs.
            member.create_system = _UNIX
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = _MODE << 16
            target.writestr(member, path.read_bytes())


def unpacked_size(asset: Path) -> int:
    """Return the size of the files in a folder or in a zip archive, unpacked, in bytes."""
    if asset.is_dir():
        return sum(path.stat().st_size for path in _in(asset))
    with zipfile.ZipFile(asset) as opened:
        return sum(member.file_size for member in opened.infolist())


def asset_size(assembly: Path, key: object) -> int:
    """Return the size of an asset, unpacked, in bytes; 0 if it is not in a cloud assembly.

    Args:
        assembly: The folder in which the assembly keeps its assets.
        key: Object key under which the asset is published: its hash and a suffix.
    """
    asset = asset_path(assembly, key)
    return unpacked_size(asset) if asset else 0


def asset_path(assembly: Path, key: object) -> Path | None:
    """Return the folder or archive of an asset, None if it is not in a cloud assembly.

    Args:
        assembly: The folder in which the assembly keeps its assets.
        key: Object key under which the asset is published: its hash and a suffix.
    """
    if not isinstance(key, str):
        return None
    # A synthesizer may put a prefix before the hash.
    name = f"asset.{key.rpartition('/')[2].partition('.')[0]}"
    return next((one for one in (assembly / name, assembly / f"{name}.zip") if one.exists()), None)


def has_file(asset: Path, name: str) -> bool:
    """Tell whether a folder or an archive holds a file.

    Args:
        asset: The folder or archive.
        name: The file's path in it.
    """
    if asset.is_dir():
        return (asset / name).is_file()
    if not zipfile.is_zipfile(asset):
        return False
    with zipfile.ZipFile(asset) as opened:
        return name in opened.namelist()


def text_of(asset: Path, names: Iterable[str]) -> str | None:
    """Return the text of the first of some files that a folder or an archive holds.

    Args:
        asset: The folder or archive.
        names: Paths of the files in it.
    """
    if asset.is_dir():
        paths = (asset / name for name in names)
        return next((one.read_text("utf-8", "replace") for one in paths if one.is_file()), None)
    if not zipfile.is_zipfile(asset):
        return None
    with zipfile.ZipFile(asset) as opened:
        held = set(opened.namelist())
        texts = (opened.read(name).decode("utf-8", "replace") for name in names if name in held)
        return next(texts, None)


def _in(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
