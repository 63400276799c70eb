from __future__ import annotations

import codecs
import gzip
import os
import threading
from pathlib import Path

import pytest

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.traces import logs
from lambda_otel_lite_cdk.cli.traces.logs import Log, open_log


def _read(path: Path) -> list[bytes]:
    with open_log(str(path)) as log:
        return [line for line in log.lines() if line is not None]


@pytest.mark.parametrize(
    "lines",
    [
        [b"one\n", b"two\n"],
        [b"no line end"],
        [b"\r\n", b"a\rb\n", b"\n"],
        [b"x" * 1_000_000 + b"\n", b"y" * 600_000],
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_lines_are_yielded_unchanged(tmp_path: Path, lines: list[bytes], *, zipped: bool) -> None:
    content = b"".join(lines)
    (tmp_path / "log").write_bytes(gzip.compress(content) if zipped else content)
    assert _read(tmp_path / "log") == lines


def test_a_gzip_file_of_several_members_is_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n"))
    assert _read(tmp_path / "log") == [b"one\n", b"two\n"]


def test_a_cut_gzip_file_is_read_up_to_the_cut_and_reported(tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(b"line %d\n" % number for number in range(100_000)))
    (tmp_path / "log").write_bytes(whole[: len(whole) // 2])
    read: list[bytes | None] = []
    with (
        pytest.raises(UsageProblem, match=r"damaged gzip \(it ends early.*fetch it again"),
        open_log(str(tmp_path / "log")) as log,
    ):
        read.extend(log.lines())
    assert len(read) > 1000
    assert read[0] == b"line 0\n"


def test_a_file_that_only_begins_like_gzip_is_reported(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\x1f\x8bnothing of the kind")
    with pytest.raises(UsageProblem, match="damaged gzip"):
        _read(tmp_path / "log")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; give the log of an instrumented function"),
        (gzip.compress(b"a\0b", mtime=0), "is a binary file; give a log as UTF-8 or UTF-16"),
        (b"\x7fELF\0\0\0", "is a binary file"),
    ],
)
def test_what_is_not_a_log_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "log").write_bytes(content)
    with pytest.raises(UsageProblem, match=message):
        _read(tmp_path / "log")


@pytest.mark.parametrize(
    "content",
    [
        "one\r\nzwö\n".encode("utf-8-sig"),
        "one\r\nzwö\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + "one\r\nzwö\n".encode("utf-16-be"),
        "one\r\nzwö\n".encode("utf-16-le"),
        "one\r\nzwö\n".encode("utf-16-be"),
        gzip.compress("one\r\nzwö\n".encode("utf-16"), mtime=0),
    ],
)
def test_a_log_in_another_encoding_is_read_as_utf_8(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log").write_bytes(content)
    assert _read(tmp_path / "log") == [b"one\r\n", "zwö\n".encode()]


def test_a_line_that_is_too_long_is_read_in_pieces(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_LONGEST_LINE", 1000)
    (tmp_path / "log").write_bytes(b"x" * 600_000 + b"\nnext\n")
    read = _read(tmp_path / "log")
    assert len(read) > 2
    assert b"".join(read) == b"x" * 600_000 + b"\nnext\n"


@pytest.mark.parametrize("name", ["missing", "."])
def test_what_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageProblem, match=r"cannot be read \(.*\); give a file, or -"):
        _read(tmp_path / name)


def test_a_pipe_yields_each_line_as_it_comes_and_none_while_it_is_quiet() -> None:
    source, target = os.pipe()
    with os.fdopen(source), os.fdopen(target, "wb", buffering=0) as writer:
        lines = Log("pipe", source).lines()
        writer.write(b"first\nhalf")
        assert next(lines) == b"first\n"
        assert next(lines) is None
        assert next(lines) is None, "nothing came meanwhile"
        writer.write(b" of it\n")
        assert next(line for line in lines if line) == b"half of it\n"
        threading.Timer(0, writer.close).start()
        assert [line for line in lines if line] == []
