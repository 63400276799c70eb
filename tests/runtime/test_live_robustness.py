"""Functions that do to stdout, logging, processes and responses what functions do."""

import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from lambda_otel_lite.lifecycle.response import LARGEST
from lambda_otel_lite.processor import DROPPED_SPANS
from lambda_otel_lite_cdk.cli.assembly.functions import TemplateFunction
from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator
from tests.platform.environment import RUNTIME, Environment, spans_in

from .live import ZERO_CODE, roots, variables

BOTH = pytest.mark.parametrize("mode", ["sync", "async"])


def _function(
    folder: Path,
    code: str,
    mode: str = "sync",
    extra: Mapping[str, str] | None = None,
    *,
    timeout: float = 10.0,
) -> Environment:
    (folder / "app.py").write_text(dedent(code), "utf-8")
    return Environment(folder, ZERO_CODE, variables(mode, "app", **(extra or {})), timeout=timeout)


_RAISING_LOG = """
    import logging
    for handler in logging.getLogger().handlers:
        handler.setFormatter(logging.Formatter("%(tenant)s %(message)s"))
    from opentelemetry import trace
    tracer = trace.get_tracer("app")
    def handler(event, context):
        for _ in range(event["spans"]):
            with tracer.start_as_current_span("row"):
                pass
        return 1
"""


@BOTH
def test_a_log_format_that_fails_ends_no_invocation(mode: str, tmp_path: Path) -> None:
    """The warning of dropped spans is logged in either thread."""
    extra = {"LAMBDA_SPAN_PROCESSOR_QUEUE_SIZE": "4"}
    with _function(tmp_path, _RAISING_LOG, mode, extra=extra) as function:
        for _ in range(2):
            invocation = function.invoke({"spans": 10})
            assert invocation.response == 1
            assert len(function.spans(invocation)) == 4
        assert any(
            "own logging failed" in line and "7 spans dropped" in line
            for line in function.output.lines
        )


@pytest.mark.parametrize(
    "call",
    [
        "trace.get_current_span().set_attribute('user', None)",
        "trace.get_current_span().add_event('seen', {'at': object()})",
        "ended = tracer.start_span('ended'); ended.end(); ended.set_attribute('late', 1)",
        "trace.set_tracer_provider(trace.get_tracer_provider())",
    ],
)
def test_what_the_sdk_logs_within_the_users_calls_raises_nothing(call: str, tmp_path: Path) -> None:
    """With the API alone, as without telemetry, none of these calls logs anything."""
    code = _RAISING_LOG.replace("return 1", f"{call}\n        return 1")
    with _function(tmp_path, code) as function:
        assert function.invoke({"spans": 1}).response == 1


@BOTH
def test_the_handlers_span_is_kept_and_says_what_was_dropped(mode: str, tmp_path: Path) -> None:
    code = _RAISING_LOG.replace("%(tenant)s", "").replace("return 1", "raise ValueError('boom')")
    extra = {"LAMBDA_SPAN_PROCESSOR_QUEUE_SIZE": "4"}
    with _function(tmp_path, code, mode, extra=extra) as function:
        for spans, dropped in ((2, None), (3, None), (4, 1), (9, 6), (0, None)):
            invocation = function.invoke({"spans": spans})
            (root,) = roots(function.spans(invocation))
            assert root.status == "ERROR"
            assert root.attributes.get(DROPPED_SPANS) == dropped


def test_a_deadline_in_a_full_queue_keeps_the_handlers_span(tmp_path: Path) -> None:
    code = _RAISING_LOG.replace("%(tenant)s", "").replace("return 1", "import time; time.sleep(9)")
    extra = {"LAMBDA_SPAN_PROCESSOR_QUEUE_SIZE": "4"}
    with _function(tmp_path, code, timeout=1.5, extra=extra) as function:
        invocation = function.invoke({"spans": 5})
        (root,) = roots(function.spans(invocation))
        assert root.attributes["error.type"] == "timeout"
        assert root.attributes[DROPPED_SPANS] == 2


@BOTH
@pytest.mark.parametrize(
    "code",
    [
        "sys.stdout.close()",
        "sys.stdout = None",
        "sys.stdout = sys.stderr = io.StringIO()",
        "os.close(1); sys.reused = open(os.devnull, 'w')",
    ],
)
def test_records_do_not_go_by_sys_stdout(mode: str, code: str, tmp_path: Path) -> None:
    source = f"""
        import io, os, sys
        def handler(event, context):
            {code}
            return 1
    """
    with _function(tmp_path, source, mode) as function:
        invocation = function.invoke()
        assert invocation.response == 1
        assert len(function.spans(invocation)) == 1


def test_what_the_function_prints_into_a_buffer_is_its_own(tmp_path: Path) -> None:
    """A deadline comes at any time."""
    source = """
        import contextlib, io, time
        def handler(event, context):
            with contextlib.redirect_stdout(io.StringIO()) as text:
                if event.get("late"):
                    time.sleep(9)
                print("mine")
            return text.getvalue()
    """
    with _function(tmp_path, source, timeout=1.5) as function:
        assert function.invoke().response == "mine\n"
        assert len(function.spans(function.invoke({"late": True}))) == 1


@BOTH
@pytest.mark.parametrize(
    "code",
    [
        "print('10%', end='', flush=True)",
        "sys.stderr.write('half a line')",
        "sys.stdout.writelines(['a\\n', 'b'])",
        "print('a\\nb', end='')",
    ],
)
def test_a_record_has_a_line_of_its_own(mode: str, code: str, tmp_path: Path) -> None:
    source = f"""
        import sys
        def handler(event, context):
            {code}
            return 1
    """
    with _function(tmp_path, source, mode) as function:
        for _ in range(2):
            invocation = function.invoke()
            records = [one for one in function.lines(invocation) if "__otel_otlp_stdout" in one]
            assert [record[:1] for record in records] == ["{"]
        assert "" not in function.output.lines


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("sync", "return {1, 2}"),
        ("async", "return {1, 2}"),
        ("sync", "return (one for one in (1,))"),
        ("sync", "return {'a': [1, {'b': object()}]}"),
        ("async", "a = []; a.append(a); return a"),
    ],
)
def test_a_response_that_cannot_be_encoded_is_an_error(
    mode: str, code: str, tmp_path: Path
) -> None:
    error_type = "Runtime.MarshalError"
    source = f"def handler(event, context):\n    if event.get('good'): return 'ü'\n    {code}\n"
    with _function(tmp_path, source, mode) as function:
        for _ in range(2):
            invocation = function.invoke()
            assert invocation.error["errorType"] == error_type
            (span,) = function.spans(invocation)
            assert span.status == "ERROR"
            assert span.attributes["error.type"] == error_type
            assert span.status_message == f"{error_type}: {invocation.error['errorMessage']}"
        (span,) = function.spans(function.invoke({"good": True}))
        assert span.status == "UNSET"


def test_a_response_that_utf_8_cannot_hold_is_an_error(tmp_path: Path) -> None:
    """It ends the platform's runtime."""
    with _function(tmp_path, "def handler(event, context): return '\\ud800'") as function:
        (span,) = function.spans(function.invoke())
        assert span.status == "ERROR"
        assert span.attributes["error.type"] == "UnicodeEncodeError"


_DECORATED = """
    from lambda_otel_lite import create_traced_handler, init_telemetry
    tracer, completion = init_telemetry()
    @create_traced_handler("work", completion)
    def inner(event, context):
        return event
    def handler(event, context):
        inner(event, context)
        if event.get("raise"):
            raise ValueError
        return {1, 2} if event.get("bad") else 1
"""


@BOTH
def test_what_a_decorator_around_the_traced_handler_does_is_not_its_own(
    mode: str, tmp_path: Path
) -> None:
    """The span ends when the handler does, and is exported in the same invocation."""
    (tmp_path / "app.py").write_text(dedent(_DECORATED), "utf-8")
    with Environment(tmp_path, "app.handler", variables(mode)) as function:
        for event in ({}, {"raise": 1}, {"bad": 1}, {}):
            (span,) = function.spans(function.invoke(event))
            assert span.status == "UNSET"


_MARSHALLER = """
    from awslambdaric.lambda_runtime_client import LambdaRuntimeClient
    from awslambdaric.lambda_runtime_marshaller import LambdaMarshaller
    class Marshaller(LambdaMarshaller):
        {slots}
        def marshal_response(self, response):
            if response == "bad":
                raise ValueError("no bad ones")
            return super().marshal_response(response)
    LambdaRuntimeClient.marshaller = Marshaller()
    def handler(event, context):
        return event.get("answer")
"""


def test_a_marshaller_of_the_users_own_is_followed_too(tmp_path: Path) -> None:
    with _function(tmp_path, _MARSHALLER.format(slots="pass")) as function:
        (good,) = function.spans(function.invoke({"answer": 1}))
        (bad,) = function.spans(function.invoke({"answer": "bad"}))
        assert (good.status, bad.status) == ("UNSET", "ERROR")
        assert bad.attributes["error.type"] == "ValueError"


def test_a_marshaller_that_cannot_be_followed_changes_nothing(tmp_path: Path) -> None:
    refuse = (
        "__setattr__ = lambda self, name, value: object.__setattr__(self, 'jsonEncoder', value) \
            if name == 'jsonEncoder' else 1 / 0"
    )
    with _function(tmp_path, _MARSHALLER.format(slots=refuse)) as function:
        for answer in (1, 2):
            invocation = function.invoke({"answer": answer})
            assert invocation.response == answer
            assert len(function.spans(invocation)) == 1


@pytest.mark.parametrize("letter", ["x", "ü"])
def test_a_response_that_is_too_large_is_an_error(letter: str, tmp_path: Path) -> None:
    """Up to the byte that the platform's own message names."""
    (tmp_path / "app.py").write_text(
        "def handler(event, context): return event['letter'] * event['count']", "utf-8"
    )
    function = TemplateFunction(
        logical_id="orders",
        path="Test/Orders",
        runtime=RUNTIME,
        handler=ZERO_CODE,
        architecture="x86_64",
        memory_mb=128,
        timeout_s=20,
        environment=variables("sync", "app"),
        code=tmp_path,
        inline_code=None,
        layers=(),
        unresolved_layers=(),
    )
    fits = (LARGEST - 2) // len(letter.encode())
    found = []
    with Emulator(function, python=Path(sys.executable)) as emulator:
        for count in (fits, fits + 1):
            result = emulator.invoke({"letter": letter, "count": count})
            (span,) = spans_in(result.log_lines)
            found.append((span.status, span.attributes.get("error.type")))
            said = str(result.payload)[:200]
    assert found == [("UNSET", None), ("ERROR", "Function.ResponseSizeTooLarge")]
    assert f"{LARGEST} bytes" in said


_ASYNC_EXCEPTION = """
    import ctypes, sys, threading
    def handler(event, context):
        for ident, frame in sys._current_frames().items():
            while event.get("kill") and frame is not None:
                if "lambda_otel_lite" in frame.f_code.co_filename:
                    if ident != threading.get_ident():
                        kill = ctypes.pythonapi.PyThreadState_SetAsyncExc
                        kill(ctypes.c_ulong(ident), ctypes.py_object(SystemExit))
                    break
                frame = frame.f_back
        return 1
"""


def test_the_extension_survives_what_is_meant_to_end_its_thread(tmp_path: Path) -> None:
    with _function(tmp_path, _ASYNC_EXCEPTION, "async") as function:
        for event in ({}, {"kill": 1}, {}, {"kill": 1}, {"kill": 1}, {}):
            invocation = function.invoke(event)
            assert (invocation.response, invocation.outcome) == (1, "ended")
        function.shut_down()
        assert len(function.spans_since(0)) == 6


def test_a_coroutine_is_no_response(tmp_path: Path) -> None:
    with _function(tmp_path, "async def handler(event, context): return 1") as function:
        invocation = function.invoke()
        (span,) = function.spans(invocation)
        assert span.attributes["error.type"] == invocation.error["errorType"]


_FORKING = """
    import multiprocessing, os, sys
    from opentelemetry import trace
    tracer = trace.get_tracer("app")
    def work():
        with tracer.start_as_current_span("outer"):
            with tracer.start_as_current_span("inner"):
                pass
    def fork(end):
        child = os.fork()
        if child == 0:
            work()
            end()
        os.waitpid(child, 0)
    def handler(event, context):
        with tracer.start_as_current_span("before"):
            pass
        with tracer.start_as_current_span("open"):
            if event["how"] == "exit":
                fork(sys.exit)
            elif event["how"] == "_exit":
                fork(lambda: os._exit(0))
            else:
                process = multiprocessing.get_context("fork").Process(target=work)
                process.start()
                process.join()
        return 1
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@BOTH
@pytest.mark.parametrize("how", ["exit", "_exit", "multiprocessing"])
def test_the_spans_of_a_forked_process_are_exported_once(
    mode: str, how: str, tmp_path: Path
) -> None:
    with _function(tmp_path, _FORKING, mode) as function:
        invocation = function.invoke({"how": how})
        assert invocation.response == 1
        spans = function.spans(invocation)
        assert sorted(span.name for span in spans) == [
            *("before", "inner", "open", "orders", "outer")
        ]
        by_name = {span.name: span for span in spans}
        assert by_name["outer"].parent_id == by_name["open"].span_id
        assert by_name["inner"].parent_id == by_name["outer"].span_id
        assert by_name["orders"].status == "UNSET"


@pytest.mark.parametrize(
    ("mode", "when", "library"),
    [
        ("sync", "import", "gevent"),
        ("async", "import", "gevent"),
        ("async", "handler", "gevent"),
        ("async", "import", "eventlet"),
        ("async", "handler", "eventlet"),
    ],
)
def test_real_threads_whatever_has_been_patched(
    mode: str, when: str, library: str, tmp_path: Path
) -> None:
    patch = {
        "gevent": "from gevent import monkey; monkey.patch_all()",
        "eventlet": "import eventlet; eventlet.monkey_patch()",
    }[library]
    at_import, in_handler = (patch, "pass") if when == "import" else ("pass", patch)
    source = f"""
        import warnings; warnings.simplefilter("ignore")
        {at_import}
        def handler(event, context):
            {in_handler}
            while event.get("endless"): pass
            return 1
    """
    with _function(tmp_path, source, mode, timeout=1.5) as function:
        for _ in range(3):
            invocation = function.invoke()
            assert invocation.response == 1
            assert len(function.spans(invocation)) == 1
        (span,) = function.spans(function.invoke({"endless": True}))
        assert span.attributes["error.type"] == "timeout"


@pytest.mark.parametrize("when", ["import", "handler"])
@pytest.mark.parametrize(
    "patch",
    ["from gevent import monkey; monkey.patch_all()", "import eventlet; eventlet.monkey_patch()"],
)
def test_finalize_mode_exports_at_each_end_where_no_signal_arrives(
    patch: str, when: str, tmp_path: Path
) -> None:
    at_import, in_handler = (patch, "pass") if when == "import" else ("pass", patch)
    source = f"""
        import warnings; warnings.simplefilter("ignore")
        {at_import}
        def handler(event, context):
            {in_handler}
            return 1
    """
    with _function(tmp_path, source, "finalize") as function:
        for warnings in (1, 0):
            invocation = function.invoke()
            assert invocation.response == 1
            assert len(function.spans(invocation)) == 1
            lines = function.lines(invocation)
            assert sum("finalize mode is not available" in line for line in lines) == warnings
        assert function.shut_down() == -signal.SIGTERM


def test_memory_does_not_grow_with_spans_that_are_never_ended(tmp_path: Path) -> None:
    source = """
        import gc, weakref
        from opentelemetry import trace
        tracer = trace.get_tracer("app")
        started = weakref.WeakSet()
        def handler(event, context):
            for number in range(50):
                span = tracer.start_span("stream")
                span.set_attribute("prompt", "x" * 1000)
                started.add(span)
            del span
            gc.collect()
            return len(started)
    """
    with _function(tmp_path, source) as function:
        assert [function.invoke().response for _ in range(3)] == [0, 0, 0]


_USERS_PROCESSOR = """
    import sys
    from opentelemetry import trace
    from opentelemetry.sdk.trace import SpanProcessor
    from lambda_otel_lite import LambdaSpanProcessor, create_traced_handler, init_telemetry
    class Failing(SpanProcessor):
        def force_flush(self, timeout_millis=30000):
            {failure}
    class Last(SpanProcessor):
        flushes = 0
        def force_flush(self, timeout_millis=30000):
            Last.flushes += 1
            return True
    tracer, completion = init_telemetry(span_processors=[Failing(), Last()])
    @create_traced_handler("work", completion)
    def handler(event, context):
        return Last.flushes
"""


@BOTH
@pytest.mark.parametrize("failure", ["return False", "raise RuntimeError", "sys.exit(1)"])
def test_a_processor_that_fails_stops_neither_the_next_one_nor_an_invocation(
    mode: str, failure: str, tmp_path: Path
) -> None:
    with _function(tmp_path, _USERS_PROCESSOR.format(failure=failure), mode) as function:
        assert [function.invoke().response for _ in range(3)] == [0, 1, 2]


_SDK_VARIABLES: list[tuple[str, str, Any]] = [
    ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "10k", "a whole number"),
    ("OTEL_ATTRIBUTE_COUNT_LIMIT", "-1", "a whole number"),
    ("OTEL_SPAN_EVENT_COUNT_LIMIT", "1e3", "a whole number"),
    ("OTEL_SPAN_LINK_COUNT_LIMIT", "128.0", "a whole number"),
    ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4KB", "no limit"),
    ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "none", "a whole number"),
    ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "0x10", "a whole number"),
    ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "many", "a whole number"),
    ("OTEL_TRACES_SAMPLER", "always", "parentbased_always_on"),
    ("OTEL_SDK_DISABLED", "1", "true, false"),
    ("OTEL_RESOURCE_ATTRIBUTES", "team", "key=value"),
]


@pytest.mark.parametrize(("name", "value", "said"), _SDK_VARIABLES)
def test_a_bad_value_of_the_sdks_own_variables_is_one_warning(
    name: str, value: str, said: str, tmp_path: Path
) -> None:
    source = f"""
        import os
        def handler(event, context):
            return os.environ[{name!r}]
    """
    with _function(tmp_path, source, extra={name: value}) as function:
        invocation = function.invoke()
        # What the function itself sees is what was set.
        assert invocation.response == value
        assert len(function.spans(invocation)) == 1
        (warning,) = [line for line in function.output.lines if name in line]
        assert f"{name}={value!r} is not accepted" in warning
        assert said in warning


@pytest.mark.parametrize("value", [" ", ",", "", "unheard-of"])
def test_odd_propagators_do_not_keep_the_function_from_importing_the_api(
    value: str, tmp_path: Path
) -> None:
    source = """
        from opentelemetry import propagate
        def handler(event, context):
            carrier = {}
            propagate.inject(carrier)
            return sorted(carrier)
    """
    with _function(tmp_path, source, extra={"OTEL_PROPAGATORS": value}) as function:
        invocation = function.invoke()
        assert "traceparent" in invocation.response or value == "unheard-of"
        assert len(function.spans(invocation)) == 1


@pytest.mark.parametrize(
    ("argument", "spans", "warnings"), [("2", 1, 1), ("half", 1, 1), ("nan", 1, 1), ("0", 0, 0)]
)
def test_a_samplers_bad_argument_is_one_warning(
    argument: str, spans: int, warnings: int, tmp_path: Path
) -> None:
    extra = {
        "OTEL_TRACES_SAMPLER": "Parentbased_TraceIdRatio ",
        "OTEL_TRACES_SAMPLER_ARG": argument,
    }
    with _function(tmp_path, "def handler(event, context): return 1", extra=extra) as function:
        assert len(function.spans(function.invoke())) == spans
        found = [line for line in function.output.lines if "SAMPLER" in line]
        assert len(found) == warnings


def test_a_pipe_that_nobody_reads_blocks_no_invocation(tmp_path: Path) -> None:
    extra = {"OTLP_STDOUT_SPAN_EXPORTER_OUTPUT_TYPE": "pipe", "OTEL_TRACES_SAMPLER": "always_off"}
    with _function(
        tmp_path, "def handler(event, context): return 1", timeout=5, extra=extra
    ) as function:
        assert [function.invoke().response for _ in range(3)] == [1, 1, 1]
