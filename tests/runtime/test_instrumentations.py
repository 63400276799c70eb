"""Named libraries are instrumented, no others, and a missing one is one warning."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import botocore.session
import pytest
import requests
from opentelemetry.instrumentation import instrumentor as instrumentor_module
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor

from lambda_otel_lite.startup.instrumentations import instrument
from tests.spans import make_telemetry


@pytest.fixture(autouse=True)
def _uninstrumented() -> Iterator[None]:
    yield
    instrumentors: tuple[Any, ...] = (BotocoreInstrumentor, RequestsInstrumentor)
    for instrumentor in (one() for one in instrumentors):
        if instrumentor.is_instrumented_by_opentelemetry:
            instrumentor.uninstrument()


def test_libraries_are_instrumented_by_name(caplog: pytest.LogCaptureFixture) -> None:
    telemetry = make_telemetry()

    instrument(["botocore", "requests"], telemetry.completion.tracer_provider)

    assert hasattr(requests.Session.send, "opentelemetry_instrumentation_requests_applied")
    client = botocore.session.get_session().create_client(
        "sts",
        region_name="eu-west-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="x",
        aws_secret_access_key="x",  # noqa: S106 - no secret
        config=botocore.config.Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(botocore.exceptions.EndpointConnectionError):
        client.get_caller_identity()
    assert telemetry.span.name == "STS.GetCallerIdentity"
    assert not caplog.records


@pytest.mark.parametrize("name", ["no_such_library", "no-such-library", "..", "a b"])
def test_a_missing_package_is_one_warning_that_names_it(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    instrument([name], make_telemetry().completion.tracer_provider)

    (warning,) = caplog.records
    package = name.replace("_", "-")
    assert f"opentelemetry-instrumentation-{package}" in warning.getMessage()


def test_a_module_without_an_instrumentor_counts_as_missing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    empty = ModuleType("opentelemetry.instrumentation.empty")
    vars(empty)["Base"] = vars(instrumentor_module)[
        "BaseInstrumentor"
    ]  # imported there, not defined
    monkeypatch.setitem(sys.modules, empty.__name__, empty)

    instrument(["empty"], make_telemetry().completion.tracer_provider)

    assert "has no instrumentor" in caplog.text


def test_an_instrumentor_that_fails_is_one_warning_and_the_next_is_loaded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(self: object, **options: object) -> None:
        raise RuntimeError("not today")

    monkeypatch.setattr(BotocoreInstrumentor, "instrument", fail)

    instrument(["botocore", "requests"], make_telemetry().completion.tracer_provider)

    (warning,) = caplog.records
    assert "'botocore' failed" in warning.getMessage()
    assert RequestsInstrumentor().is_instrumented_by_opentelemetry


_INSTRUMENTORS = """
from abc import abstractmethod
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
class _Common(BaseInstrumentor):
    def instrumentation_dependencies(self): return {requires}
    def _instrument(self, **options): self.options = options
    def _uninstrument(self, **options): ...
class Abstract(_Common):
    @abstractmethod
    def library(self): ...
class Client(Abstract):
    def library(self): return "client"
class Server(Abstract):
    def library(self): return "server"
"""


class Bundle:
    """A folder with an instrumentation, with the metadata that an installer leaves or without.

    Args:
        folder: An empty folder, on the path.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(
        self, module: str, distribution: str | None, offered: str = "", requires: str = "[]"
    ) -> None:
        code = self.folder / "opentelemetry" / "instrumentation" / module
        code.mkdir(parents=True)
        (code / "__init__.py").write_text(_INSTRUMENTORS.format(requires=requires))
        (code / "package.py").write_text(f"_instruments = {requires}\n")
        if distribution:
            metadata = self.folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
            metadata.mkdir()
            (metadata / "METADATA").write_text(f"Name: {distribution}\nVersion: 1.0\n")
            (metadata / "entry_points.txt").write_text(
                f"[opentelemetry_instrumentor]\n{offered}\n".replace(
                    "MODULE", f"opentelemetry.instrumentation.{module}"
                )
            )


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bundle]:
    monkeypatch.syspath_prepend(tmp_path)
    yield Bundle(tmp_path)
    for name in [name for name in sys.modules if name.startswith("opentelemetry.instrumentation.")]:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def _switched_on(module: str) -> list[str]:
    """Return the instrumentors of a module that are on."""
    found = vars(sys.modules[f"opentelemetry.instrumentation.{module}"])
    return [
        name
        for name in ("Client", "Server")
        if found[name]().is_instrumented_by_opentelemetry
        and found[name]().options["tracer_provider"] is not None
    ]


_BOTH = "grpc_client = MODULE:Client\ngrpc_server = MODULE:Server"


@pytest.mark.parametrize(
    ("listed", "distribution", "offered", "switched_on"),
    [
        (["grpc"], "opentelemetry-instrumentation-grpc", _BOTH, ["Client", "Server"]),
        (["grpc_client"], "opentelemetry-instrumentation-grpc", _BOTH, ["Client"]),
        (["grpc-server"], "opentelemetry-instrumentation-grpc", _BOTH, ["Server"]),
        (
            ["grpc", "grpc_client"],
            "opentelemetry-instrumentation-grpc",
            _BOTH,
            ["Client", "Server"],
        ),
        (
            ["opentelemetry-instrumentation-grpc"],
            "opentelemetry-instrumentation-grpc",
            _BOTH,
            ["Client", "Server"],
        ),
        (
            ["kafka-python"],
            "opentelemetry-instrumentation-kafka-python",
            "kafka = MODULE:Client",
            ["Client"],
        ),
        (
            ["kafka"],
            "opentelemetry-instrumentation-kafka-python",
            "kafka = MODULE:Client",
            ["Client"],
        ),
        (
            ["aio_pika"],
            "opentelemetry-instrumentation-aio-pika",
            "aio-pika = MODULE:Server",
            ["Server"],
        ),
        (["openai"], "openinference-instrumentation-openai", "oai = MODULE:Client", ["Client"]),
        (["smith"], "agent-smith", "smith = MODULE:Client", ["Client"]),
        (["grpc"], None, "", ["Client", "Server"]),
        (["kafka-python"], None, "", ["Client", "Server"]),
    ],
    ids=str,
)
def test_instrumentors_are_found_by_what_their_packages_offer(  # noqa: PLR0913 - a table
    *,
    listed: list[str],
    distribution: str | None,
    offered: str,
    switched_on: list[str],
    bundle: Bundle,
    caplog: pytest.LogCaptureFixture,
) -> None:
    module = "grpc" if "grpc" in str(listed) else "kafka"
    requires = "[]" if distribution else '["kafka-python >= 2.0"]'
    bundle.add(module, distribution, offered, requires)

    instrument(listed, make_telemetry().completion.tracer_provider)

    assert _switched_on(module) == switched_on
    assert not caplog.records


def test_of_several_libraries_one_is_enough(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    """A package for a library and its asynchronous sister, of which few functions have both."""
    bundle.add("mixed", "opentelemetry-instrumentation-mixed", "a = MODULE:Client\nb = no.such:X")

    instrument(["mixed"], make_telemetry().completion.tracer_provider)

    assert _switched_on("mixed") == ["Client"]
    assert not caplog.records


def test_a_library_of_another_version_is_one_warning(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    bundle.add(
        "mixed",
        "opentelemetry-instrumentation-mixed",
        "a = MODULE:Client\nb = MODULE:Server",
        '["pytest < 1.0"]',
    )

    instrument(["mixed"], make_telemetry().completion.tracer_provider)

    assert _switched_on("mixed") == []
    (warning,) = caplog.records
    assert "pytest < 1.0" in warning.getMessage()
    assert "'mixed' needs the package opentelemetry-instrumentation-mixed" in warning.getMessage()
