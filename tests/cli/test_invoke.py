"""`lambda-otel invoke` as a user starts it, with everything that can be chosen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.cli.records import log_record
from tests.cli.test_command import COMMAND, _assert_refused, _run


def _invoke(*arguments: str | Path, event: object = None) -> subprocess.CompletedProcess[str]:
    return _run("invoke", *arguments, "--event", "-", given=json.dumps(event or {}))


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


def test_cold_and_warm_runs_are_told_apart(assembly: Path) -> None:
    done = _invoke(assembly, "Shop/Inline", "--repeat", "4", event={"a": 1})
    assert done.returncode == 0
    cold, warm, *payload = done.stdout.splitlines()
    assert cold.split()[:4] == ["cold", "start", "1", "x"]
    assert warm.split()[:3] == ["warm", "3", "x"]
    assert json.loads("\n".join(payload)) == {"a": 1}


def test_what_runs_is_told_with_what_is_not_as_on_lambda(assembly: Path) -> None:
    done = _invoke(assembly, "Shop/Plain")
    assert "192 MB (not enforced here), timeout 2 s, x86_64" in done.stderr


def test_variables_and_parameters_are_given(assembly: Path) -> None:
    given = ["--env", "QUEUE_URL=a=b", "--env", "EXTRA=1"]
    [line] = _lines(_invoke(assembly, "Shop/Sender", "--json", *given))
    environment = line["payload"]["environment"]  # type: ignore[index]
    assert (environment["QUEUE_URL"], environment["EXTRA"]) == ("a=b", "1")
    _assert_refused(_invoke(assembly, "Shop/Sender", "--env", "x"), "--env is 'x'", "NAME=VALUE")


def test_the_assembly_is_cdk_out_where_none_is_given(assembly: Path) -> None:
    done = _run("invoke", "Shop/Inline", cwd=assembly.parent)
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
    _assert_refused(
        _invoke(assembly, "Shop/Foreign"), "uses 1 layer(s)", "arn:aws:lambda:", "--layer PATH"
    )


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
        (["--source", "missing", "ASSEMBLY", "Shop/Plain"], ["--source is missing", "no folder"]),
        (["nowhere", "F"], ["nowhere is no cloud assembly", "cdk synth"]),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    assembly: Path, arguments: list[str], words: list[str]
) -> None:
    given = [str(assembly) if argument == "ASSEMBLY" else argument for argument in arguments]
    _assert_refused(_run("invoke", *given), *words)


def test_another_system_is_refused_in_one_line(assembly: Path) -> None:
    code = "import sys; sys.platform = 'darwin'; from lambda_otel_lite_cdk.cli import main; main()"
    for command in (["invoke", str(assembly), "Shop/Plain"], ["demo"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *command], capture_output=True, text=True, check=False
        )
        _assert_refused(done, "runs on Linux", "not on darwin", "use a Linux machine")


def test_a_change_of_the_code_runs_it_again(assembly: Path, tmp_path: Path) -> None:
    source = tmp_path / "app.py"
    source.write_text("def handler(event, context): return 'first'\n")
    options = ["--source", str(tmp_path), "--watch", "--json"]
    process = subprocess.Popen(
        [*COMMAND, "invoke", str(assembly), "Shop/Plain", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process:
        assert json.loads(process.stdout.readline())["payload"] == "first"
        assert process.stderr.readline().startswith("waiting for a change")
        source.write_text("def handler(event, context): return 1 / 0\n")
        assert json.loads(process.stdout.readline())["error"]["errorType"] == "ZeroDivisionError"
        assert "failed: ZeroDivisionError" in process.stderr.readline()
        assert process.stderr.readline().startswith("waiting for a change")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 128 + signal.SIGINT


def test_a_killed_command_leaves_no_process_behind(assembly: Path) -> None:
    """Not even SIGKILL, of which the command knows nothing, leaves the function running."""
    code = (
        "import sys; from pathlib import Path\n"
        "from lambda_otel_lite_cdk.cli.assembly import functions, templates\n"
        "from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator\n"
        "import signal\n"
        "found = functions.read_functions(templates.read_templates(Path(sys.argv[1])))\n"
        "with Emulator(functions.find_function(found, 'Shop/Plain')) as running:\n"
        "    print(running.invoke({}).payload['pid'], running.invoke({'fork': 1}).payload)\n"
        "    sys.stdout.flush()\n"
        "    signal.pause()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, assembly], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        pids = [int(pid) for pid in process.stdout.readline().split()]
        ends = [os.pidfd_open(pid) for pid in pids]
        process.kill()
        process.wait(60)
        for end in ends:
            # Readable once the process has ended; 10 seconds are far more than it takes.
            assert _ended(end, 10_000), f"one of {pids} lives on"
            os.close(end)


def _ended(process: int, milliseconds: int) -> bool:
    import select  # noqa: PLC0415 - here alone

    poll = select.poll()
    poll.register(process, select.POLLIN)
    return bool(poll.poll(milliseconds))


def test_function_names_are_completed_from_the_assembly(assembly: Path) -> None:
    # The shell's script asks the installed command, whose name is in the variable's.
    command = Path(sys.executable).with_name("lambda-otel")
    variables = {"_LAMBDA_OTEL_COMPLETE": "bash_complete", "COMP_CWORD": "2"}
    for begun, found in (("Shop/T", "plain,Shop/TwoLayers"), ("Shop/No", "")):
        done = subprocess.run(
            [command],
            cwd=assembly.parent,
            env={**os.environ, **variables, "COMP_WORDS": f"lambda-otel invoke {begun}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout.strip() == found, done


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_for_each_shell(shell: str) -> None:
    done = _run("completion", shell)
    assert done.returncode == 0
    assert "_LAMBDA_OTEL_COMPLETE" in done.stdout
    if shell == "bash":
        subprocess.run(["/bin/bash", "-n"], input=done.stdout, text=True, check=True)
