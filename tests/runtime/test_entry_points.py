"""What packages offer is found by its name, in the files of few packages."""

from __future__ import annotations

from pathlib import Path

import pytest

from lambda_otel_lite.startup.entry_points import EntryPoint, entry_points, normalized

_FILE = """\
[console_scripts]
tool = package:main

[ group ]
# a comment
One_Two = package.module:Class.inner
three = package:thing [extra]

broken line
[other]
four = package:four
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with one package that offers something, and with others."""
    for name, text in {
        "Some_Package-1.0.dist-info": _FILE,
        "older_package-2.0-py3.13.egg-info": "[group]\nold = older:thing\n",
        "nothing-1.0.dist-info": None,
        "some_package": None,
    }.items():
        (tmp_path / name).mkdir()
        if text is not None:
            (tmp_path / name / "entry_points.txt").write_text(text)
    (tmp_path / "broken-1.0.dist-info").mkdir()
    (tmp_path / "broken-1.0.dist-info" / "entry_points.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "a-file-1.0.dist-info").touch()
    monkeypatch.setattr("sys.path", [str(tmp_path), str(tmp_path / "missing"), ""])
    monkeypatch.chdir(tmp_path / "nothing-1.0.dist-info")
    return tmp_path


@pytest.mark.usefixtures("site")
def test_all_that_is_offered_in_a_group_is_found() -> None:
    assert list(entry_points("group")) == [
        EntryPoint("some-package", "one-two", "package.module:Class.inner"),
        EntryPoint("some-package", "three", "package:thing"),
        EntryPoint("older-package", "old", "older:thing"),
    ]
    assert list(entry_points("no such group")) == []


@pytest.mark.usefixtures("site")
def test_only_packages_of_a_promising_name_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def note(path: str, group: str) -> list[tuple[str, str]]:
        del group
        read.append(path)
        return []

    monkeypatch.setattr("lambda_otel_lite.startup.entry_points._read", note)

    assert list(entry_points("group", "older", "newer")) == []

    assert [Path(path).parent.name for path in read] == ["older_package-2.0-py3.13.egg-info"]


def test_of_two_installations_of_a_package_the_first_on_the_path_counts(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = site / "first"
    (first / "some.package-2.0.dist-info").mkdir(parents=True)
    (first / "some.package-2.0.dist-info" / "entry_points.txt").write_text("[group]\nnew = a:b\n")
    monkeypatch.setattr("sys.path", [str(first), str(site)])

    assert [one.name for one in entry_points("group", "some")] == ["new"]


def test_an_entry_point_is_loaded_by_its_path() -> None:
    assert EntryPoint("p", "n", "pathlib:Path.exists").load() is Path.exists
    assert EntryPoint("p", "n", " pathlib : Path ").load() is Path
    with pytest.raises(ImportError):
        EntryPoint("p", "n", "no_such_module:x").load()


@pytest.mark.parametrize("name", ["kafka-python", "Kafka_Python", " kafka.python "])
def test_a_name_may_be_spelt_in_several_ways(name: str) -> None:
    assert normalized(name) == "kafka-python"
