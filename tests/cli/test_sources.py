"""What may be given to `lambda-otel decode`: files, folders and lines of any tool."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from lambda_otel_lite_cdk.cli.traces.log_lines import log_lines
from lambda_otel_lite_cdk.cli.traces.records import Decoder
from tests.cli.command import assert_refused, run
from tests.cli.records import log_record

STREAM = "2026/11/22/[$LATEST]0123456789abcdef0123456789abcdef"


def _names(done: CompletedProcess[str]) -> list[str]:
    return [json.loads(line)["name"] for line in done.stdout.splitlines()]


def _csv(rows: list[list[str]], **form: str) -> str:
    written = io.StringIO(newline="")
    csv.writer(written, **form).writerows(rows)  # type: ignore[arg-type]
    return written.getvalue()


def _spread(record: str) -> str:
    """Logs Insights' JSON: a message that is an object is spread out as one."""
    return json.dumps([{"@timestamp": "1", "@message": json.loads(record)}], indent=2)


def _insights(*messages: str) -> str:
    rows = [[{"field": "@message", "value": message}] for message in messages]
    return json.dumps({"status": "Complete", "results": rows}, indent=4)


ONE, TWO = log_record("one"), log_record("two")


@pytest.mark.parametrize(
    "log",
    [
        f"{ONE}{TWO}",
        f"INFO {{x}} {ONE} and {TWO} trailing {{",
        f"{ONE}\r\nnoise\r\n{TWO}\r\n",
        _csv([["timestamp", "message"], ["1", f"{ONE}\n"], ["2", f"two\nlines {TWO}\n"]]),
        _csv([["@timestamp", "@message", "@x"], ["", "", ""], [ONE, f'a "quoted"\n{TWO}', ""]]),
        _csv([[json.dumps({"note": "", "message": f"{ONE} {TWO}"})]]),
        _csv([[ONE, TWO]], delimiter=";", lineterminator="\r\n"),
        json.dumps({"csv": _csv([[ONE], [TWO]])}),
        json.dumps(json.dumps(json.dumps({"message": f'"{ONE}'}))) + "\n" + TWO,
        "\n".join(json.dumps({"timestamp": 1, "message": line}) for line in (ONE, TWO)),
        json.dumps({"a": {"b": json.loads(ONE)}, "c": {}}) + TWO,
        _spread(ONE) + "\n" + _spread(TWO),
        _insights(f"{ONE}\n", "noise", TWO),
        json.dumps({"logEvents": [{"message": ONE}]}) + json.dumps({"logEvents": [{"m": TWO}]}),
        '"__otel_otlp_stdout' + "x" * 100 + f"\n{ONE}\n{TWO}",
        json.dumps({"headers": {"a": 1}, **json.loads(ONE)}) + TWO,
    ],
    ids=[
        *("together", "inside", "crlf", "csv", "insights csv", "json in csv", "semicolons"),
        *("csv in json", "escaped thrice", "json lines", "object", "spread", "insights json"),
        *("firehose", "cut before", "key after"),
    ],
)
def test_a_record_is_found_wherever_it_is_in_a_line(log: str) -> None:
    decoder = Decoder()
    assert [span.name for span in decoder.decode(log.splitlines(keepends=True))] == ["one", "two"]


def test_a_record_whose_rest_is_missing_is_counted() -> None:
    lines = _spread(ONE).splitlines()
    cut = lines[: len(lines) // 2]
    decoder = Decoder()
    names = [span.name for span in decoder.decode([*cut, TWO, *cut, *["noise"] * 50, *cut])]
    decoder.end()
    assert names == ["two"]
    assert decoder.malformed.total() == 3


def test_log_lines_are_found_in_csv() -> None:
    ids = {"trace_id": "a" * 32, "span_id": "b" * 16}
    rows = [[json.dumps({**ids, "message": 'charged "42"'})], [f"trace_id={'a' * 32} late"]]
    found = [read for row in _csv(rows).splitlines() for read in log_lines(row.encode())]
    assert [line.message for line in found] == ['charged "42"', "late"]


def test_many_broken_records_in_a_line_take_no_long_time() -> None:
    broken = '{"a":"' + '"__otel_otlp_stdout":{\\"__otel_otlp_stdout""__otel_otlp_stdout' * 20_000
    decoder = Decoder()
    assert list(decoder.decode([broken])) == []
    assert decoder.malformed


def test_files_and_folders_are_read_as_one_log(tmp_path: Path) -> None:
    # The folders of an export to S3:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/S3Export.html
    export = tmp_path / "exportedlogs" / "0b6a9b3f"
    for number, record in enumerate((ONE, TWO)):
        folder = export / f"2026-11-22-[$LATEST]{number}"
        folder.mkdir(parents=True)
        (folder / "000000.gz").write_bytes(gzip.compress(f"2026-11-22T10:00:00Z {record}".encode()))
    (tmp_path / "exportedlogs" / "aws-logs-write-test").write_text("Permission Check Successful")
    (export / "picture.png").write_bytes(b"\x89PNG\0")
    (export / "empty").touch()
    (export / "back").symlink_to(export)
    (export / "itself").symlink_to("itself")
    os.mkfifo(export / "pipe")
    (tmp_path / "more.log").write_text(log_record("three"))

    done = run(
        "decode",
        "--json",
        tmp_path / "exportedlogs",
        tmp_path / "more.log",
        export,
        "-",
        given=log_record("four"),
    )

    assert _names(done) == ["one", "two", "three", "four"]
    assert done.returncode == 0
    assert "2 of them are empty or binary" in done.stderr


def test_what_cannot_be_read_is_said_after_what_could_be(tmp_path: Path) -> None:
    (tmp_path / "cut.gz").write_bytes(
        gzip.compress(f"{ONE}\n".encode() + os.urandom(9999).hex().encode())[:-999]
    )
    (tmp_path / "empty.log").touch()
    (tmp_path / "good.log").write_text(TWO)

    done = run(
        "decode", "--json", *(tmp_path / name for name in ("cut.gz", "empty.log", "good.log"))
    )

    assert _names(done) == ["one", "two"]
    assert done.returncode == 2
    damaged, empty = done.stderr.splitlines()
    assert "cut.gz is damaged gzip" in damaged
    assert "empty.log is empty" in empty


def test_a_folder_without_files_is_refused(tmp_path: Path) -> None:
    assert_refused(run("decode", tmp_path), "holds no files", "give one that holds logs")


def test_a_folder_without_logs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\0")
    assert_refused(run("decode", tmp_path), "holds no spans")
