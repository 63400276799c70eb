"""What is imported when: every module costs each cold start."""

import json
import os
import subprocess
import sys

import pytest

import lambda_otel_lite

_REPORT = "\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
_INIT = "from lambda_otel_lite import init_telemetry\ntracer, completion = init_telemetry()\n"
_EXPORT = "with tracer.start_as_current_span('x'): pass\ncompletion.complete()\n"
_SCAN = """
import importlib.metadata
def scan(*arguments, **named):
    raise SystemExit("the installed packages were scanned")
importlib.metadata.entry_points = scan
importlib.metadata.distributions = scan
"""


def _modules(code: str, **environ: str) -> set[str]:
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "COV", "AWS_", "LAMBDA_"))
    }
    done = subprocess.run(
        [sys.executable, "-c", code + _REPORT],
        check=False,
        capture_output=True,
        text=True,
        env=inherited | environ,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def _under(modules: set[str], *packages: str) -> list[str]:
    return sorted(
        name
        for name in modules
        if any(name == one or name.startswith(f"{one}.") for one in packages)
    )


def test_importing_the_package_imports_no_opentelemetry() -> None:
    assert _under(_modules("import lambda_otel_lite"), "opentelemetry") == []


def test_the_table_of_variables_imports_nothing_but_the_table_of_extractors() -> None:
    """The constructs import it too, in an app's own process."""
    before = _modules("import lambda_otel_lite, __future__")

    assert _modules("import lambda_otel_lite.configuration.variables") - before == {
        "lambda_otel_lite.configuration",
        "lambda_otel_lite.configuration.variables",
        "lambda_otel_lite.extractors",
        "lambda_otel_lite.extractors.auto",
    }


@pytest.mark.parametrize("code", [_INIT, _INIT + _EXPORT], ids=["init", "export"])
def test_hazard_21_the_native_exporter_needs_no_protobuf(code: str) -> None:
    modules = _modules(code, LAMBDA_OTEL_EXPORTER="native")

    assert _under(modules, "google", "opentelemetry.proto", "otlp_stdout_span_exporter") == []


@pytest.mark.parametrize("exporter", ["native", "package"])
def test_hazard_21_init_imports_nothing_that_only_an_export_needs(exporter: str) -> None:
    modules = _modules(_INIT, LAMBDA_OTEL_EXPORTER=exporter)

    assert not _under(
        modules,
        "google",
        "gzip",
        "http.client",
        "lambda_otel_lite.export.encoder",
        "lambda_otel_lite.export.package_output",
        "lambda_otel_lite.export.record",
        "lambda_otel_lite.export.truncation",
        "lambda_otel_lite.propagation.xray",
        "opentelemetry.propagate",
        "opentelemetry.proto",
        "otlp_stdout_span_exporter",
        "requests",
    )


@pytest.mark.newest
def test_the_entry_point_imports_nothing_that_the_first_response_does_not_need() -> None:
    """Each of these was seen to cost every cold start a part of a millisecond, or several."""
    invoke = """
from lambda_otel_lite.autowrap import handler
handler({"version": "2.0", "requestContext": {"http": {"method": "GET"}}}, None)
"""
    modules = _modules(
        "import sys\nsys.modules['app'] = sys; sys.handler = lambda event, context: None\n"
        + invoke,
        LAMBDA_OTEL_EXPORTER="native",
        LAMBDA_OTEL_HANDLER="app.handler",
    )

    assert "lambda_otel_lite.export.encoder" in modules
    assert not _under(
        modules,
        "aws_xray_sdk",
        "base64",
        "concurrent",
        "datetime",
        "gzip",
        "lambda_otel_lite.bridges",
        "lambda_otel_lite.lifecycle.handover",
        "lambda_otel_lite.lifecycle.asynchronous",
        "lambda_otel_lite.lifecycle.extension",
        "lambda_otel_lite.lifecycle.sigterm",
        "lambda_otel_lite.extractors.datasource",
        "lambda_otel_lite.extractors.direct",
        "lambda_otel_lite.extractors.messaging",
        "lambda_otel_lite.startup.instrumentations",
        "lambda_otel_lite.startup.log_correlation",
        "opentelemetry.sdk.trace.export",
        "opentelemetry.trace.propagation.tracecontext",
        "platform",
        "random",
        "socket",
        "struct",
        "subprocess",
        "typing_extensions",
        "urllib",
        "uuid",
    )


def test_init_does_not_scan_the_installed_packages() -> None:
    """The API's own choice of a context implementation is by name, so that it needs no scan."""
    modules = _modules(
        f"import opentelemetry.context\n{_SCAN}{_INIT}{_EXPORT}", LAMBDA_OTEL_EXPORTER="native"
    )

    assert "lambda_otel_lite.telemetry" in modules


def test_hazard_17_no_logger_but_the_packages_own_is_configured() -> None:
    """A generic name such as ``handler`` is likely to be one of the function's own loggers."""
    report = """
import lambda_otel_lite.handler, lambda_otel_lite.autowrap, logging
names = logging.root.manager.loggerDict
foreign = [name for name in names if not name.startswith(("lambda_otel_lite", "opentelemetry"))]
loggers = [logging.getLogger(name) for name in list(names)]
configured = [logger.name for logger in loggers if logger.level or logger.handlers]
ours = set(foreign) - BEFORE
assert (ours, configured) == (set(), ["lambda_otel_lite"]), (ours, configured)
"""
    # What the standard library and the SDK bring is theirs.
    code = "import opentelemetry.sdk.trace.export, concurrent.futures, asyncio, logging\n"
    code += "BEFORE = set(logging.root.manager.loggerDict)\n"

    modules = _modules(
        code + _INIT + _EXPORT + report,
        LOG_LEVEL="debug",
        LAMBDA_OTEL_EXPORTER="native",
        LAMBDA_OTEL_HANDLER="os.getcwd",
    )
    assert "lambda_otel_lite.autowrap" in modules


def test_the_default_exporter_is_the_packages() -> None:
    modules = _modules(_INIT + _EXPORT)

    assert _under(modules, "otlp_stdout_span_exporter")


@pytest.mark.parametrize("name", ["OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "OTEL_SPAN_EVENT_COUNT_LIMIT"])
def test_a_bad_value_for_the_sdk_does_not_keep_a_function_from_being_imported(name: str) -> None:
    """The SDK raises for one when it is imported, for another when a provider is made."""
    code = f"import os\n{_INIT}assert os.environ['{name}'] == '10k'\n"

    assert "opentelemetry.sdk.trace" in _modules(code, **{name: "10k"})


def test_every_public_name_is_found_where_the_package_says() -> None:
    for name in lambda_otel_lite.__all__:
        assert getattr(lambda_otel_lite, name) is not None


def test_any_other_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'lambda_otel_lite' has no attribute 'nothing'"):
        _ = lambda_otel_lite.nothing  # type: ignore[attr-defined]
