"""Functions run under the real emulator with the real runtime client."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lambda_otel_lite_cdk.cli.assembly.functions import (
    TemplateFunction,
    find_function,
    read_functions,
)
from lambda_otel_lite_cdk.cli.assembly.templates import read_templates
from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator
from lambda_otel_lite_cdk.cli.errors import UsageProblem


@pytest.fixture(scope="module")
def functions(assembly: Path) -> dict[str, TemplateFunction]:
    found = read_functions(read_templates(assembly))
    return {
        function.path.removeprefix("Shop/"): find_function(found, function.path)
        for function in found
        if function.path.startswith("Shop/") and function.runtime.startswith("python")
    }


def _is_running(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False


def test_a_function_sees_lambdas_environment_and_nothing_of_this_one(
    functions: dict[str, TemplateFunction], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_DEVELOPER", "1")
    with Emulator(functions["Plain"], variables={"EXTRA": "given"}) as emulator:
        result = emulator.invoke({})
    assert result.error is None
    variables = result.payload["environment"]
    assert "SECRET_OF_THE_DEVELOPER" not in variables
    assert variables["EXTRA"] == "given"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "192"
    assert variables["AWS_LAMBDA_FUNCTION_TIMEOUT"] == "2"
    assert variables["AWS_REGION"] == "us-east-1"
    assert variables["TZ"] == ":UTC"
    assert result.payload["folder"] == variables["LAMBDA_TASK_ROOT"]
    assert result.payload["path"][0] == str(functions["Plain"].code)
    assert result.payload["python"] == list(sys.version_info[:2])
    assert result.payload["request"] == result.request_id


def test_lines_belong_to_their_invocation_and_are_whole(
    functions: dict[str, TemplateFunction],
) -> None:
    with Emulator(functions["Plain"]) as emulator:
        first = emulator.invoke({"print": ["one"], "stderr": "to stderr", "long": 200_000})
        second = emulator.invoke({"print": ["two"], "unfinished": "no line end"})
    assert first.log_lines == ("loaded", "one", "to stderr", "x" * 200_000)
    assert second.log_lines == ("two", "no line end")
    assert first.request_id != second.request_id
    for result in (first, second):
        assert result.report is not None
        assert result.request_id in result.report


def test_a_whole_log_record_fits_into_a_functions_stdout(
    functions: dict[str, TemplateFunction],
) -> None:
    """A write that does not fit is cut, and another thread's line can land in the gap."""
    code = "import fcntl\ndef handler(e, c): return fcntl.fcntl(1, fcntl.F_GETPIPE_SZ)"
    with Emulator(replace(functions["Inline"], inline_code=code)) as emulator:
        assert emulator.invoke({}).payload >= 1024 * 1024


def test_what_an_extension_prints_after_the_answer_belongs_to_the_invocation(
    functions: dict[str, TemplateFunction],
) -> None:
    with Emulator(functions["Extension"]) as emulator:
        for number in range(3):
            result = emulator.invoke(number)
            assert result.log_lines == (f"handled {number}", "flushed " + "x" * 100_000)


def test_a_failed_handler_gives_lambdas_error(functions: dict[str, TemplateFunction]) -> None:
    with Emulator(functions["Plain"]) as emulator:
        result = emulator.invoke({"fail": "no stock"})
        assert result.error is not None
        assert (result.error["errorType"], result.error["errorMessage"]) == (
            "ValueError",
            "no stock",
        )
        assert result.payload is None
        assert emulator.invoke({}).error is None


def test_a_handler_that_cannot_be_imported_gives_lambdas_error(
    functions: dict[str, TemplateFunction],
) -> None:
    with Emulator(functions["Broken"]) as emulator:
        error = emulator.invoke({}).error
    assert error is not None
    assert error["errorType"] == "Runtime.ImportModuleError"


def test_after_a_crash_the_next_invocation_starts_anew(
    functions: dict[str, TemplateFunction],
) -> None:
    with Emulator(functions["Plain"]) as emulator:
        crashed = emulator.invoke({"print": ["last words"], "exit": 3})
        assert crashed.error is not None
        assert crashed.error["errorType"] == "Runtime.ExitError"
        assert crashed.log_lines == ("loaded", "last words")
        assert emulator.invoke({"print": ["again"]}).log_lines == ("loaded", "again")


def test_a_timeout_ends_the_invocation(functions: dict[str, TemplateFunction]) -> None:
    with Emulator(functions["Plain"]) as emulator:
        error = emulator.invoke({"hang": True}).error
    assert error == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": "Task timed out after 2.00 seconds",
    }


def test_a_layers_byte_code_is_used_as_it_is(functions: dict[str, TemplateFunction]) -> None:
    with Emulator(functions["OneLayer"]) as emulator:
        assert emulator.invoke({"import": "greeting"}).payload["text"] == "byte code"


def test_layers_are_merged_in_order(functions: dict[str, TemplateFunction]) -> None:
    with Emulator(functions["TwoLayers"]) as emulator:
        texts = [
            emulator.invoke({"import": name}).payload["text"]
            for name in ("greeting", "shared.a", "shared.b")
        ]
    assert texts == ["byte code", 2, 3]


def test_nothing_is_written_into_the_assembly(
    assembly: Path, functions: dict[str, TemplateFunction]
) -> None:
    def state() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in assembly.rglob("*")}

    before = state()
    with Emulator(functions["TwoLayers"]) as emulator:
        emulator.invoke({"import": "shared.b"})
    assert state() == before


def test_the_platforms_own_packages_are_there(functions: dict[str, TemplateFunction]) -> None:
    with Emulator(functions["Plain"]) as emulator:
        result = emulator.invoke({"import": "boto3"})
    # boto3 was found, and only lacks what the handler asks of it.
    assert result.error is not None
    assert result.error["errorMessage"] == "module 'boto3' has no attribute 'TEXT'"


def test_inline_code_runs(functions: dict[str, TemplateFunction]) -> None:
    with Emulator(functions["Inline"]) as emulator:
        assert emulator.invoke({"a": [1, "ü"]}).payload == {"a": [1, "ü"]}


@pytest.mark.parametrize("event", [{}, {"fork": 1}])
def test_no_process_is_left_behind(
    functions: dict[str, TemplateFunction], event: dict[str, int]
) -> None:
    with Emulator(functions["Plain"]) as emulator:
        processes = emulator.invoke({}).payload
        pids = {processes["pid"], processes["parent"]}
        if event:
            pids.add(emulator.invoke(event).payload)
        assert all(map(_is_running, pids))
    assert not any(map(_is_running, pids))


def test_two_emulators_run_side_by_side(functions: dict[str, TemplateFunction]) -> None:
    with Emulator(functions["Plain"]) as one, Emulator(functions["Inline"]) as other:
        assert one.invoke({"print": ["mine"]}).log_lines == ("loaded", "mine")
        assert other.invoke(1).payload == 1


def test_an_unknown_value_stops_before_anything_is_started(
    functions: dict[str, TemplateFunction],
) -> None:
    with (
        pytest.raises(UsageProblem, match="variable QUEUE_URL of function Shop/Sender"),
        Emulator(functions["Sender"]),
    ):
        pass


def test_a_missing_interpreter_is_named(
    functions: dict[str, TemplateFunction],
) -> None:
    with (
        pytest.raises(UsageProblem, match=r"this machine has no Python 3\.99; install it"),
        Emulator(replace(functions["Plain"], runtime="python3.99")),
    ):
        pass


def test_file_descriptors_are_given_back(functions: dict[str, TemplateFunction]) -> None:
    def opened() -> set[str]:
        return {path.name for path in Path("/proc/self/fd").iterdir()}

    before = opened()
    with Emulator(functions["Plain"]) as emulator:
        emulator.invoke({})
    assert opened() <= before
