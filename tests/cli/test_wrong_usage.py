"""Wrong ways to call the command: one line that says what to do, exit code 2, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.cli.command import COMMAND, ENVIRONMENT, assert_refused, run
from tests.cli.records import log_record

pytestmark = pytest.mark.once

#: Arguments, and words of the line. The files are those of `folder`.
REFUSED = [
    (["decod"], ["No such command 'decod'", "'decode'"]),
    (["--verbose"], ["No such option '--verbose'"]),
    (["decode", "missing.log"], ["missing.log cannot be read", "No such file"]),
    (["decode", "binary"], ["binary is a binary file", "give a log"]),
    (["decode", "empty.log"], ["empty.log is empty"]),
    (["decode", "plain.log"], ["plain.log holds no spans"]),
    (["decode", "half.gz"], ["half.gz is damaged gzip"]),
    (["decode", "plain.log", "--format", "xml"], ["'xml' is not one of"]),
    (["decode", "plain.log", "--json", "--format", "html"], ["contradict each other"]),
    (["decode", "plain.log", "-o", "missing/report.html"], ["cannot be written", "No such file"]),
    (["decode", "plain.log", "-o", "folder"], ["folder", "is a directory"]),
    (["fleet", "missing"], ["missing"]),
    (["fleet", "plain.log"], ["plain.log"]),
    (["fleet", "folder"], ["folder"]),
    (["fleet", "broken"], ["broken"]),
    (["fleet", "--region", "eu-west-1", "folder"], ["--region", "--account"]),
    (["invoke", "Orders"], ["cdk.out"]),
    (["invoke", "app", "Nobody"], ["'Nobody'"]),
    (["invoke", "app", "Orders", "--event", "missing.json"], ["missing.json"]),
    (["invoke", "app", "Orders", "--event", "plain.log"], ["plain.log", "JSON"]),
    (["invoke", "app", "Orders", "--event", "folder"], ["folder"]),
    (["invoke", "app", "Orders", "--env", "NAME"], ["NAME", "NAME=VALUE"]),
    (["invoke", "app", "Orders", "--repeat", "none"], ["'none' is not a valid integer"]),
    (["invoke", "app", "Orders", "--source", "missing"], ["missing"]),
    (["layer", "--python", "2.7", "-o", "layer"], ["'2.7' is not one of '3.12'"]),
    (["layer", "--python", "3.13"], ["Missing option '-o'"]),
    (["layer", "--python", "3.13", "-o", "plain.log/layer.zip"], ["plain.log"]),
    (["instrument", "missing", "-o", "out"], ["missing"]),
    (["instrument", "plain.log", "-o", "out.yaml"], ["plain.log"]),
    (["instrument", "binary", "-o", "out.yaml"], ["binary"]),
    (["instrument", "app", "-o", "out", "--set", "mode=fast"], ["'fast'", "sync"]),
    (["instrument", "app", "-o", "out", "--set", "sampler_ratio=2"], ["2", "0 to 1"]),
    (["instrument", "app", "-o", "out", "--set", "speed=1"], ["speed"]),
    (["instrument", "app"], ["--output", "--in-place"]),
    (["forwarder"], ["Missing option '-o'"]),
    (["forwarder", "-o", "plain.log"], ["plain.log"]),
    (["demo", "--endpoint", "nowhere"], ["--endpoint", "'nowhere'"]),
    (["demo", "-o", "plain.log"], ["plain.log"]),
    (["tail"], ["Missing argument"]),
    (["tail", "/aws/lambda/x", "--since", "noon"], ["--since noon is no time", "10m"]),
    (["completion", "tcsh"], ["'tcsh' is not one of 'bash'"]),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an app of one function, and files that are not what they should be."""
    folder = tmp_path_factory.mktemp("wrong")
    (folder / "folder").mkdir()
    (folder / "empty.log").touch()
    (folder / "plain.log").write_text("START\nwork\nEND\n")
    (folder / "spans.log").write_text(log_record())
    (folder / "binary").write_bytes(bytes(range(256)) * 8)
    (folder / "half.gz").write_bytes(b"\x1f\x8b\x08\x00\x00")
    (folder / "broken").mkdir()
    (folder / "broken/manifest.json").write_text("{")
    function = {"Runtime": "python3.13", "Handler": "app.handler", "Code": {"ZipFile": ""}}
    template = {"Resources": {"Orders": {"Type": "AWS::Lambda::Function", "Properties": function}}}
    artifact = {
        "type": "aws:cloudformation:stack",
        "environment": "aws://unknown-account/unknown-region",
        "properties": {"templateFile": "Shop.template.json"},
    }
    (folder / "app").mkdir()
    (folder / "app/Shop.template.json").write_text(json.dumps(template))
    (folder / "app/manifest.json").write_text(
        json.dumps({"version": "48.0.0", "artifacts": {"Shop": artifact}})
    )
    return folder


@pytest.mark.parametrize(("arguments", "words"), REFUSED, ids=" ".join)
def test_it_is_one_line_with_what_to_do(
    arguments: list[str], words: list[str], folder: Path
) -> None:
    assert_refused(run(*arguments, cwd=folder), *words)


def test_without_a_command_the_help_is_shown(folder: Path) -> None:
    done = run(cwd=folder)

    assert "Commands:" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read and write everything")
@pytest.mark.parametrize(
    "arguments", [["decode", "secret.log"], ["decode", "spans.log", "-o", "locked/report.html"]]
)
def test_what_may_not_be_read_or_written_is_named(arguments: list[str], folder: Path) -> None:
    (folder / "locked").mkdir(exist_ok=True, mode=0o500)
    (folder / "secret.log").touch(mode=0o000)

    assert_refused(run(*arguments, cwd=folder), "Permission denied", arguments[-1])


@pytest.mark.parametrize("arguments", [["decode", "spans.log"], ["decode", "spans.log", "--json"]])
def test_a_pipe_that_is_closed_ends_it_without_a_word(arguments: list[str], folder: Path) -> None:
    """As `| head` closes it."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [COMMAND, *arguments],
            cwd=folder,
            env=ENVIRONMENT,
            stdout=writer,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writer)

    assert done.stderr == ""


def test_standard_input_without_a_log_is_refused(folder: Path) -> None:
    assert_refused(run("decode", cwd=folder), "is empty", "give the log")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_an_encoding_without_the_signs_of_the_drawing_is_no_problem(
    encoding: str, folder: Path
) -> None:
    done = run("decode", "spans.log", cwd=folder, environment={"PYTHONIOENCODING": encoding})

    assert (done.returncode, done.stderr) == (0, "")
    assert "Trace " in done.stdout
