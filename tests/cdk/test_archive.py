from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING

import pytest

from lambda_otel_lite_cdk.layer.archive import asset_size, pack, unpacked_size

if TYPE_CHECKING:
    from pathlib import Path


def written(folder: Path, names: list[str], *, mode: int, time: int) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name * 100)
        path.chmod(mode)
        os.utime(path, (time, time))
    return folder


def test_hazard_38_an_archive_is_made_of_names_and_contents_alone(tmp_path: Path) -> None:
    # A folder lists its files in the order in which they were made on some file systems.
    names = ["python/b.py", "python/a/c.py", "python/a.py"]
    one = written(tmp_path / "one", names, mode=0o600, time=1)
    two = written(tmp_path / "deeper/two", names[::-1], mode=0o755, time=2_000_000_000)
    (two / "empty").mkdir()
    pack(one, tmp_path / "one.zip")
    pack(two, tmp_path / "two.zip")
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_what_is_in_an_archive_is_sorted_compressed_and_for_everybody_to_read(
    tmp_path: Path,
) -> None:
    folder = written(tmp_path / "in", ["b.py", "a/c.py"], mode=0o600, time=1)
    pack(folder, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.testzip() is None
        members = archive.infolist()
    assert [member.filename for member in members] == ["a/c.py", "b.py"]
    assert all(member.compress_size < member.file_size for member in members)
    # The upper half is the Unix mode: a regular file. Source: APPNOTE.TXT, 4.4.15.
    assert {(member.create_system, member.external_attr >> 16) for member in members} == {
        (3, 0o100644)
    }


def test_a_folder_and_its_archive_have_one_unpacked_size(tmp_path: Path) -> None:
    folder = written(tmp_path / "in", ["b.py", "a/c.py"], mode=0o644, time=1)
    pack(folder, tmp_path / "out.zip")
    assert unpacked_size(folder) == unpacked_size(tmp_path / "out.zip") == 1000


@pytest.mark.parametrize("kind", ["folder", "archive", "neither"])
def test_the_size_of_an_asset_is_read_from_the_assembly(kind: str, tmp_path: Path) -> None:
    if kind == "folder":
        written(tmp_path / "asset.abc", ["b.py"], mode=0o644, time=1)
    elif kind == "archive":
        pack(
            written(tmp_path / "in", ["b.py"], mode=0o644, time=1),
            tmp_path / "asset.abc.zip",
        )
    assert asset_size(tmp_path, "abc.zip") == (0 if kind == "neither" else 400)
