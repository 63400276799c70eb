"""The command as a user starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.records import log_record

COMMAND = [sys.executable, "-c", "from lambda_otel_lite_cdk.cli import main; main()"]


def _run(
    *arguments: str | Path, given: str = "", cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        input=given,
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def _assert_refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line on stderr that holds the words, nothing on stdout, exit code 2."""
    assert done.returncode == 2
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    for word in words:
        assert word in line


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from lambda_otel_lite_cdk.cli import main\n"
        "try: main(['--help'])\nexcept SystemExit: pass\n"
        "print(sorted({'aws_cdk', 'rich', 'opentelemetry', 'boto3', 'jsii'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_invoke_prints_logs_trace_and_result(assembly: Path) -> None:
    event = json.dumps({"print": ["a log line", log_record("deep work")], "import": "app"})
    done = _run("invoke", assembly, "Shop/Plain", "--event", "-", given=event)
    assert done.returncode == 1  # the module has no TEXT: the function failed
    assert "a log line" in done.stderr
    assert "__otel_otlp_stdout" not in done.stderr + done.stdout
    assert "shop: deep work" in done.stdout
    assert "Shop/Plain failed:" in done.stderr.splitlines()[-1]


def test_invoke_prints_the_payload(assembly: Path, tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"sku": 1}')
    done = _run("invoke", assembly, "Shop/Inline", "--event", event)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"sku": 1})


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("Nope", ["no function is named 'Nope'", "Shop/Plain"]),
        ("Shop/Node", ["nodejs22.x", "only Python"]),
        ("Shop/Sender", ["QUEUE_URL", "Shop/Sender", '"Ref"', "--param Jobs"]),
    ],
)
def test_invoke_refuses_in_one_line(assembly: Path, function: str, words: list[str]) -> None:
    _assert_refused(_run("invoke", assembly, function, "--event", "-", given="{}"), *words)


def test_invoke_refuses_what_is_no_assembly_or_event(assembly: Path, tmp_path: Path) -> None:
    _assert_refused(
        _run("invoke", tmp_path, "F", "--event", "-", given="{}"), "no cloud assembly", "cdk synth"
    )
    _assert_refused(
        _run("invoke", assembly, "Shop/Plain", "--event", "-", given="x"), "is not JSON"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["invoke"], ["Missing argument", "invoke --help"]),
        (["invoke", "F", "--repeat", "0"], ["--repeat", "0", "invoke --help"]),
        (["decode", "--format", "xml"], ["'xml'", "otlp-json", "decode --help"]),
        (["nothing"], ["No such command 'nothing'", "--help"]),
    ],
)
def test_wrong_arguments_are_refused_in_one_line(arguments: list[str], words: list[str]) -> None:
    _assert_refused(_run(*arguments), *words)


def test_help_lists_every_command_with_a_sentence_and_the_exit_codes() -> None:
    done = _run("--help")
    listed = done.stdout.partition("Commands:")[2].splitlines()
    assert {line.split()[0] for line in listed if line} >= {
        "completion",
        "decode",
        "demo",
        "invoke",
    }
    assert all(len(line.split()) > 3 for line in listed if line)
    assert "Exit codes: 0 done; 1" in done.stdout


def test_decode_draws_and_counts_what_it_cannot_read() -> None:
    log = "\n".join(["noise", log_record("kept"), log_record()[:-9]])
    done = _run("decode", given=log)
    assert done.returncode == 0
    assert "shop: kept" in done.stdout
    assert done.stderr == (
        "standard input: 1 malformed record(s): "
        "1 not complete JSON, as a line is that was split or pretty-printed\n"
    )


def test_decode_refuses_a_log_without_spans() -> None:
    _assert_refused(_run("decode", given="noise\n"), "holds no spans")


def test_demo_outside_a_clone_is_refused(tmp_path: Path) -> None:
    _assert_refused(_run("demo", cwd=tmp_path), "no clone of the repository")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"JSII_NODE": "/nowhere/node"}, ["JSII_NODE is '/nowhere/node'"]),
        ({}, ["the CDK command line is not at", "make setup"]),
    ],
)
def test_demo_names_the_tool_that_is_missing(
    tmp_path: Path, variables: dict[str, str], words: list[str]
) -> None:
    (tmp_path / "cdk.json").write_text("{}")
    events = tmp_path / "constructs" / "demo" / "events"
    events.mkdir(parents=True)
    (events / "post_order.json").write_text("{}")
    _assert_refused(_run("demo", cwd=tmp_path, **variables), *words)


def test_a_terminated_command_leaves_no_function_behind(assembly: Path) -> None:
    """The function tells its process id, then hangs; the command is ended meanwhile."""
    code = (
        "import sys; from pathlib import Path\n"
        "from lambda_otel_lite_cdk.cli.assembly import functions, templates\n"
        "from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator\n"
        "from lambda_otel_lite_cdk.cli.main import exit_on_signal\n"
        "import signal; signal.signal(signal.SIGTERM, exit_on_signal)\n"
        "found = functions.read_functions(templates.read_templates(Path(sys.argv[1])))\n"
        "with Emulator(functions.find_function(found, 'Shop/OneLayer')) as running:\n"
        "    print(running.invoke({}).payload['pid'])\n"
        "    sys.stdout.flush()\n"
        "    signal.pause()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, assembly], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        pid = int(process.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 128 + signal.SIGTERM
    assert not Path(f"/proc/{pid}").exists()


def test_a_synth_that_fails_is_shown_as_it_said_it(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    (tmp_path / "requirements").symlink_to(root / "requirements")
    events = tmp_path / "constructs" / "demo" / "events"
    events.mkdir(parents=True)
    (events / "post_order.json").write_text("{}")
    (tmp_path / "app.py").write_text(
        "def build():\n    raise ValueError('no such stack')\nbuild()\n"
    )
    (tmp_path / "cdk.json").write_text(json.dumps({"app": f"{sys.executable} app.py"}))
    done = _run("demo", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    *said, last = done.stderr.splitlines()
    assert "    raise ValueError('no such stack')" in said
    assert "ValueError: no such stack" in said
    assert "cdk synth of" in last
    assert "mend what it says above" in last
