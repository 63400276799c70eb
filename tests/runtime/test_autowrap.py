"""The zero-code entry point traces the user's handler and fails as the platform itself would."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lambda_otel_lite.configuration import variables as env
from tests.spans import TRACEPARENT, event, proto_spans

_GOOD = """
from opentelemetry import trace
plain = 7
def handler(event, context):
    trace.get_current_span().set_attribute("seen", True)
    return {"statusCode": 200}
"""
_DECORATED = """
from lambda_otel_lite import create_traced_handler, init_telemetry
tracer, completion = init_telemetry()
@create_traced_handler("by hand", completion)
def handler(event, context):
    return 7
"""
_FAULTS = {
    "broken.py": "def handler(:\n",
    "importing.py": "import no_such_module\n",
    "failing.py": "raise ValueError('at init')\n",
}

# Says how the named module's handler loads: what the platform's runtime would report of it.
_LOAD = """
import json, sys
from awslambdaric.bootstrap import _get_handler
from awslambdaric.lambda_runtime_exception import FaultException
try:
    _get_handler(sys.argv[1])
except FaultException as fault:
    print(json.dumps([fault.exception_type, fault.msg, fault.trace]))
except Exception as error:
    import traceback
    last = traceback.extract_tb(error.__traceback__)[-1]
    print(json.dumps([type(error).__name__, str(error), [last.filename, last.lineno]]))
"""
_CALL = """
import json, sys
from types import SimpleNamespace
from lambda_otel_lite.autowrap import handler
context = SimpleNamespace(aws_request_id="id", invoked_function_arn="arn:a:b:c:d:e")
print(json.dumps({"result": handler(json.load(sys.stdin), context)}))
"""


@pytest.fixture
def task_root(tmp_path: Path) -> Path:
    """Make a folder with the user's code."""
    modules = {"app.py": _GOOD, "decorated.py": _DECORATED, **_FAULTS}
    for name, code in modules.items():
        (tmp_path / name).write_text(code)
    return tmp_path


def _python(
    root: Path, code: str, *arguments: str, sent: Any = None, **environ: str
) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        check=False,
        capture_output=True,
        text=True,
        input=json.dumps(sent),
        cwd=root,
        env=inherited | {"PYTHONPATH": str(root), env.EXPORTER: "native"} | environ,
    )


def _fault(root: Path, handler: str, **environ: str) -> Any:
    done = _python(root, _LOAD, handler, **environ)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _call(
    root: Path, handler: str, sent: Any = None, **environ: str
) -> tuple[Any, list[str], list[str]]:
    """Return the result, the log records and the warnings of one invocation."""
    done = _python(root, _CALL, sent=sent, **{env.HANDLER: handler}, **environ)
    assert done.returncode == 0, done.stderr
    *records, last = done.stdout.splitlines()
    return json.loads(last)["result"], records, done.stderr.splitlines()


@pytest.mark.parametrize(
    ("handler", "error_type"),
    [
        ("importing.handler", "Runtime.ImportModuleError"),
        ("not_there.handler", "Runtime.ImportModuleError"),
        ("a/b/not_there.handler", "Runtime.ImportModuleError"),
        ("broken.handler", "Runtime.UserCodeSyntaxError"),
        ("app.missing", "Runtime.HandlerNotFound"),
        ("sys.exit", "Runtime.BuiltInModuleConflict"),
        ("failing.handler", "ValueError"),
    ],
)
def test_hazard_20_a_fault_is_what_the_platforms_runtime_would_say(
    handler: str, error_type: str, task_root: Path
) -> None:
    expected = _fault(task_root, handler)
    found = _fault(task_root, "lambda_otel_lite_entry.handler", **{env.HANDLER: handler})

    assert found == expected
    assert found[0] == error_type


@pytest.mark.parametrize(
    ("environ", "message"),
    [({env.HANDLER: "nodot"}, "Bad handler 'nodot'"), ({}, "LAMBDA_OTEL_HANDLER is not set")],
)
def test_hazard_20_a_name_without_a_dot_or_none_at_all_is_malformed(
    environ: dict[str, str], message: str, task_root: Path
) -> None:
    found = _fault(task_root, "lambda_otel_lite_entry.handler", **environ)

    assert found[0] == "Runtime.MalformedHandlerName"
    assert message in found[1]
    assert env.HANDLER in found[1]


def test_hazard_20_without_the_platforms_runtime_the_type_is_in_the_message(
    task_root: Path,
) -> None:
    code = "import sys; sys.modules['awslambdaric'] = None; import lambda_otel_lite.autowrap"

    done = _python(task_root, code, **{env.HANDLER: "app.missing"})

    assert "RuntimeError: Runtime.HandlerNotFound: Handler 'missing' missing" in done.stderr


def test_the_users_handler_is_traced_and_its_event_told_apart(task_root: Path) -> None:
    result, records, warnings = _call(task_root, "app.handler", event("api_gateway_v2"))

    assert result == {"statusCode": 200}
    (span,) = proto_spans(records)
    assert span.name == "POST /pets/{id}"
    assert span.trace_id.hex() == TRACEPARENT.split("-")[1]
    assert {attribute.key for attribute in span.attributes} >= {"seen", "http.route"}
    assert warnings == []


def test_the_span_of_a_direct_invocation_is_named_by_the_function(task_root: Path) -> None:
    _, records, _ = _call(task_root, "app.handler", **{env.FUNCTION_NAME: "orders"})

    assert [span.name for span in proto_spans(records)] == ["orders"]


def test_a_handler_that_is_traced_by_hand_is_traced_once(task_root: Path) -> None:
    result, records, _ = _call(task_root, "decorated.handler")

    assert result == 7
    assert [span.name for span in proto_spans(records)] == ["by hand"]


def test_another_extractor_can_be_chosen(task_root: Path) -> None:
    _, records, _ = _call(
        task_root, "app.handler", event("api_gateway_v2"), **{env.EXTRACTOR: "default"}
    )

    assert [span.name for span in proto_spans(records)] == ["lambda"]


def test_an_extractor_that_is_not_there_is_one_warning_and_auto_is_used(task_root: Path) -> None:
    _, records, warnings = _call(
        task_root, "app.handler", event("api_gateway_v2"), **{env.EXTRACTOR: "graphql"}
    )

    assert [span.name for span in proto_spans(records)] == ["POST /pets/{id}"]
    (warning,) = warnings
    assert warning.startswith(
        "LAMBDA_OTEL_EXTRACTOR: 'graphql' is not an extractor; accepted: auto,"
    )
    assert warning.endswith("; using auto")


def test_each_bad_setting_is_warned_of_once_in_the_whole_process(task_root: Path) -> None:
    bad = {env.QUEUE_SIZE: "many", env.PROPAGATORS: "jaeger,tracecontext"}

    _, records, warnings = _call(task_root, "app.handler", **bad)

    assert len(proto_spans(records)) == 1
    assert sorted(warning.partition(":")[0].partition("=")[0] for warning in warnings) == [
        env.QUEUE_SIZE,
        env.PROPAGATORS,
    ]


def test_disabled_is_the_bare_handler_without_any_import(task_root: Path) -> None:
    code = (
        "import lambda_otel_lite.autowrap as a, sys; print(a.handler.__module__,"
        " [name for name in sys.modules if name.startswith('opentelemetry.sdk')])"
    )

    done = _python(task_root, code, **{env.HANDLER: "app.handler", env.SDK_DISABLED: "true"})

    assert done.stdout == "app []\n", done.stderr


@pytest.mark.parametrize("module", ["telemetry", "propagation"])
def test_a_function_runs_without_tracing_where_it_cannot_be_set_up(
    module: str, task_root: Path
) -> None:
    code = f"import sys; sys.modules['lambda_otel_lite.{module}'] = None\n{_CALL}"

    done = _python(task_root, code, **{env.HANDLER: "app.handler", env.PROPAGATORS: "tracecontext"})

    assert json.loads(done.stdout) == {"result": {"statusCode": 200}}
    assert "tracing could not be set up; the function runs without it" in done.stderr
