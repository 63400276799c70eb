"""`lambda-otel invoke` as a user starts it, with everything that can be chosen."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.cli.command import COMMAND, assert_refused, complete, run, run_code
from tests.cli.conftest import MACHINE
from tests.cli.records import log_record


def _invoke(*arguments: str | Path, event: object = None) -> subprocess.CompletedProcess[str]:
    return run("invoke", *arguments, "--event", "-", given=json.dumps(event or {}))


def _lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_json_is_a_line_for_each_invocation(assembly: Path) -> None:
    event = {"print": ["a log line", log_record("work")], "import": "json.decoder"}
    done = _invoke(assembly, "Shop/Plain", "--json", "--repeat", "2", event=event)
    cold, warm = _lines(done)
    assert done.returncode == 1, "the module has no TEXT"
    assert (cold["cold"], warm["cold"]) == (True, False)
    assert cold["logs"][:2] == ["loaded", "a log line"]  # type: ignore[index]
    assert warm["logs"][0] == "a log line"  # type: ignore[index]
    assert [span["name"] for span in cold["spans"]] == ["work"]  # type: ignore[attr-defined]
    assert cold["error"]["errorType"] == "AttributeError"  # type: ignore[index]
    assert cold["request_id"] != warm["request_id"]
    assert done.stderr.count("\n") == 1


def test_cold_and_warm_runs_are_shown_apart(assembly: Path) -> None:
    done = _invoke(assembly, "Shop/Inline", "--repeat", "4", event={"a": 1})
    assert done.returncode == 0
    cold, warm, *payload = done.stdout.splitlines()
    assert cold.split()[:4] == ["cold", "start", "1", "x"]
    assert warm.split()[:3] == ["warm", "3", "x"]
    assert json.loads("\n".join(payload)) == {"a": 1}


def test_what_runs_is_described_with_what_differs_from_lambda(assembly: Path) -> None:
    done = _invoke(assembly, "Shop/Plain")
    assert f"192 MB (not enforced here), timeout 2 s, {MACHINE}\n" in done.stderr
    done = _invoke(assembly, "Shop/OtherMachine")
    assert f"(this machine is {MACHINE}: compiled packages in the code may not load)" in done.stderr


def test_variables_and_parameters_are_given(assembly: Path) -> None:
    given = ["--env", "QUEUE_URL=a=b", "--env", "EXTRA=1"]
    [line] = _lines(_invoke(assembly, "Shop/Sender", "--json", *given))
    environment = line["payload"]["environment"]  # type: ignore[index]
    assert (environment["QUEUE_URL"], environment["EXTRA"]) == ("a=b", "1")
    assert_refused(_invoke(assembly, "Shop/Sender", "--env", "x"), "--env is 'x'", "NAME=VALUE")


def test_the_assembly_is_cdk_out_by_default(assembly: Path) -> None:
    done = run("invoke", "Shop/Inline", cwd=assembly.parent)
    assert (done.returncode, json.loads(done.stdout)) == (0, {})


def test_code_is_taken_from_a_folder(assembly: Path, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def handler(event, context): return 'mine'\n")
    done = _invoke(assembly, "Shop/Plain", "--source", tmp_path)
    assert json.loads(done.stdout) == "mine"


def test_a_layer_that_is_not_in_the_assembly_is_given_as_a_folder_or_zip(
    assembly: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "layer"
    (folder / "python").mkdir(parents=True)
    (folder / "python" / "foreign.py").write_text("TEXT = 'from the layer'\n")
    (folder / "bin").mkdir()
    zipped = tmp_path / "layer.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.write(folder / "python" / "foreign.py", "python/foreign.py")
    for layer in (folder, zipped):
        done = _invoke(assembly, "Shop/Foreign", "--layer", layer, event={"import": "foreign"})
        assert json.loads(done.stdout)["text"] == "from the layer", done.stderr
        assert ("note: the layers hold bin beside python" in done.stderr) is (layer == folder)
    assert_refused(
        _invoke(assembly, "Shop/Foreign"), "uses 1 layer(s)", "arn:aws:lambda:", "--layer PATH"
    )
    zipped.write_bytes(b"PK")
    done = _invoke(assembly, "Shop/Foreign", "--layer", zipped)
    assert done.returncode == 2
    assert "layer.zip is neither a folder nor a zip file" in done.stderr


def test_code_that_is_not_in_the_assembly_is_asked_for(assembly: Path) -> None:
    done = _invoke(assembly, "Shop/FromBucket")
    assert_refused(done, "the code of function Shop/FromBucket", "--source")


def test_a_handler_may_return_what_looks_like_an_error(assembly: Path, tmp_path: Path) -> None:
    answer = {"errorType": "a", "errorMessage": "b"}
    (tmp_path / "app.py").write_text(f"def handler(event, context): return {answer}\n")
    done = _invoke(assembly, "Shop/Plain", "--source", tmp_path)
    assert (done.returncode, json.loads(done.stdout)) == (0, answer)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["one", "two", "three"], ["one function at a time", "[CDK_OUT] FUNCTION"]),
        (["--event", "missing.json", "F"], ["the event missing.json cannot be read"]),
        (
            ["--source", "missing", "ASSEMBLY", "Shop/Plain"],
            ["--source is missing", "not a folder"],
        ),
        (["nowhere", "F"], ["nowhere is not a cloud assembly", "cdk synth"]),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    assembly: Path, arguments: list[str], words: list[str]
) -> None:
    given = [str(assembly) if argument == "ASSEMBLY" else argument for argument in arguments]
    assert_refused(run("invoke", *given), *words)


@pytest.mark.parametrize(("platform", "missing"), [("darwin", []), ("win32", ["fcntl", "termios"])])
@pytest.mark.parametrize("arguments", [["invoke", "cdk.out", "F"], ["demo"]])
def test_another_system_is_refused_in_one_line(
    platform: str, missing: list[str], arguments: list[str]
) -> None:
    # What the standard library and click do on Windows cannot be done here.
    code = (
        f"import sys, click, shutil, tempfile; sys.platform = {platform!r}; "
        f"sys.modules |= dict.fromkeys({missing!r})"
    )
    done = run_code(code, *arguments)
    assert_refused(done, "runs on Linux", f"not on {platform}", "use a Linux machine")


def test_a_change_of_the_code_or_the_event_runs_it_again(assembly: Path, tmp_path: Path) -> None:
    source = tmp_path / "app.py"
    source.write_text("def handler(event, context): return ['first', event]\n")
    event = tmp_path.with_suffix(".json")
    event.write_text("1")
    options = ("--source", tmp_path, "--event", event, "--watch", "--json")
    process = subprocess.Popen(
        [COMMAND, "invoke", assembly, "Shop/Plain", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        assert json.loads(process.stdout.readline())["payload"] == ["first", 1]
        assert process.stderr.readline() == "waiting for a change (Ctrl-C ends)\n"
        event.write_text("22")
        assert json.loads(process.stdout.readline())["payload"] == ["first", 22]
        assert process.stderr.readline().startswith("waiting for a change")
        source.write_text("def handler(event, context): return 1 / 0\n")
        assert json.loads(process.stdout.readline())["error"]["errorType"] == "ZeroDivisionError"
        assert "failed: ZeroDivisionError" in process.stderr.readline()
        assert process.stderr.readline().startswith("waiting for a change")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 128 + signal.SIGINT


FORKS_AND_HANGS = """
import os, signal, subprocess

def handler(event, context):
    child = subprocess.Popen(["sleep", "600"])
    with open(os.environ["PIPE"], "w") as pipe:
        print(os.getpid(), child.pid, file=pipe)
    signal.pause()
"""


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 128 + signal.SIGTERM), (signal.SIGKILL, -signal.SIGKILL)],
    ids=["SIGTERM", "SIGKILL"],
)
def test_an_ended_command_leaves_no_process_behind(
    assembly: Path, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    """Not even SIGKILL, which the command cannot handle, leaves the function running."""
    (tmp_path / "app.py").write_text(FORKS_AND_HANGS)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    options = ("--source", tmp_path, "--env", f"PIPE={pipe}")
    process = subprocess.Popen(
        [COMMAND, "invoke", assembly, "Shop/OneLayer", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    # Blocks until the function runs.
    pids = [int(pid) for pid in pipe.read_text().split()]
    ends = [os.pidfd_open(pid) for pid in pids]
    process.send_signal(number)
    assert process.wait(60) == code
    for end in ends:
        # Readable once the process has ended; 10 seconds are far more than it takes.
        assert select.select([end], [], [], 10)[0], f"one of {pids} lives on"
        os.close(end)


@pytest.mark.parametrize(
    ("cwd", "words", "found"),
    [
        (".", "Shop/T", "plain,Shop/TwoLayers"),
        (".", "cdk.out Shop/T", "plain,Shop/TwoLayers"),
        (".", "Shop/No", ""),
        ("cdk.out", "Shop/T", ""),
    ],
    ids=["default", "given", "none", "no assembly"],
)
def test_function_names_are_completed_from_the_assembly(
    assembly: Path, cwd: str, words: str, found: str
) -> None:
    assert complete(f"invoke {words}", assembly.parent / cwd) == found


def test_logs_trace_and_error_are_printed(assembly: Path) -> None:
    event = {"print": ["a log line", log_record("deep work")], "import": "app"}
    done = _invoke(assembly, "Shop/Plain", event=event)
    assert done.returncode == 1, "the module has no TEXT"
    assert "a log line" in done.stderr
    assert "__otel_otlp_stdout" not in done.stderr + done.stdout
    assert "shop: deep work" in done.stdout
    assert "Shop/Plain failed:" in done.stderr.splitlines()[-1]


def test_the_payload_is_printed(assembly: Path, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"sku": 1}')
    done = run("invoke", assembly, "Shop/Inline", "--event", event)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"sku": 1})


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("Nope", ["no function is named 'Nope'", "Shop/Plain"]),
        ("Shop/Node", ["nodejs22.x", "Python runtime"]),
        ("Shop/Sender", ["QUEUE_URL", "Shop/Sender", '"Ref"', "--param Jobs"]),
    ],
)
def test_a_function_that_cannot_run_is_refused_in_one_line(
    assembly: Path, function: str, words: list[str]
) -> None:
    assert_refused(_invoke(assembly, function), *words)


def test_an_event_that_is_not_json_is_refused(assembly: Path) -> None:
    done = run("invoke", assembly, "Shop/Plain", "--event", "-", given="x")
    assert_refused(done, "the event in standard input is not JSON", "fix it")
