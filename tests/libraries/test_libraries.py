"""Functions that use third-party libraries answer as they do bare, and their spans come out."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
import uv
from moto.server import ThreadedMotoServer

from lambda_otel_lite_cdk.cli.assembly.functions import TemplateFunction
from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator
from lambda_otel_lite_cdk.cli.emulator.toolchain import interpreter_for, runtime_packages
from lambda_otel_lite_cdk.cli.traces.spans import Span, traces
from lambda_otel_lite_cdk.layer.build import stage_layer
from lambda_otel_lite_cdk.layer.cache import cached_folder
from tests.platform.environment import RUNTIME, Environment, spans_in
from tests.runtime.live import MODES, ZERO_CODE

from .libraries import LIBRARIES, Expected, Library

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "libraries.txt"
FUNCTIONS = Path(__file__).parent / "functions"
INVOCATIONS = 2

#: A line that says that something went wrong, or that is of telemetry.
_NOTABLE = re.compile(
    r"WARN|ERROR|CRITICAL|Traceback|Exception|[Oo]pen_?[Tt]elemetry|lambda_otel_lite"
)
#: How lines begin that are records of telemetry: ours, and Datadog's, which names slow imports.
_RECORDS = ('{"__otel_otlp_stdout"', '{"traces"')
#: What is another in each run: times, ids and numbers.
_OWN = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{16,}|/tmp/[^ \"']+|\d+")


@dataclass(frozen=True)
class Said:
    """What a function said.

    Args:
        answers: Of each invocation its answer, or its error; of an HTTP response the body.
        spans: Of each invocation the spans that came out by its end, and of the shutdown.
        notable: Lines that say that something went wrong, without what differs between runs.
        request_ids: Of each invocation.
    """

    answers: list[Any]
    spans: list[list[Span]]
    notable: list[str]
    request_ids: list[str]


def bundle(library: Library) -> Path:
    """Return a folder with the library and all that it needs; it is kept."""
    names = "\n".join(library.packages)
    key = hashlib.sha256(LOCK.read_bytes() + names.encode()).hexdigest()[:16]

    def install(target: Path) -> None:
        subprocess.run(
            [
                *(uv.find_uv_bin(), "pip", "install", "--quiet", "--no-config"),
                *("--only-binary", ":all:", "--no-python-downloads", "--compile-bytecode"),
                *("--python", str(interpreter_for(RUNTIME)), "--target", str(target)),
                *("--constraint", str(LOCK), *library.packages),
            ],
            check=True,
        )

    return cached_folder(f"library-{RUNTIME}-{key}", install)


@pytest.fixture(scope="session")
def opt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The telemetry layer, unpacked."""
    folder = tmp_path_factory.mktemp("opt")
    shutil.unpack_archive(stage_layer(RUNTIME.removeprefix("python")).path, folder)
    return folder


@pytest.fixture(scope="session")
def aws() -> Iterator[str]:
    """The address of an AWS that has a table."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    dynamodb = boto3.client(
        "dynamodb", endpoint_url=f"http://{host}:{port}", region_name="eu-west-1", **keys
    )
    dynamodb.create_table(
        TableName="idempotency",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def all_bare() -> dict[str, Said]:
    """What functions said without telemetry, by name."""
    return {}


def variables(library: Library, endpoint: str) -> dict[str, str]:
    own = {"AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "eu-west-1"}
    return {**own, "AWS_DEFAULT_REGION": "eu-west-1", **library.environment}


def emulated(
    task: Path, library: Library, handler: str, environment: dict[str, str], layers: Sequence[Path]
) -> Said:
    """Run a function under the official emulator."""
    function = TemplateFunction(
        logical_id="orders",
        path="Test/Orders",
        runtime=RUNTIME,
        handler=handler,
        architecture="x86_64",
        memory_mb=512,
        timeout_s=20,
        environment=environment,
        code=task,
        inline_code=None,
        layers=tuple(layers),
        unresolved_layers=(),
    )
    with Emulator(function, python=interpreter_for(RUNTIME)) as emulator:
        results = [emulator.invoke(library.event) for _ in range(INVOCATIONS)]
    return Said(
        [answer(result.payload, result.error) for result in results],
        [spans_in(result.log_lines) for result in results],
        notable(line for result in results for line in result.log_lines),
        [result.request_id for result in results],
    )


def shut_down(
    task: Path, library: Library, handler: str, environment: dict[str, str], opt: Path
) -> Said:
    """Run a function on the tests' own platform, which says when it ends: the emulator does not."""
    python = interpreter_for(RUNTIME)
    path = [opt / "python", runtime_packages(python, RUNTIME)]
    credentials = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    own = {"PYTHONPATH": ":".join(map(str, path)), **credentials, **environment}
    with Environment(task, handler, own, python=python) as platform:
        invocations = [platform.invoke(library.event) for _ in range(INVOCATIONS)]
        platform.shut_down()
        first = [one.first_line for one in invocations] + [invocations[-1].last_line]
        lines = platform.output.lines
    ends = [*first[1:], len(lines)]
    return Said(
        [answer(one.response, one.error) for one in invocations],
        [spans_in(lines[start:end]) for start, end in zip(first, ends, strict=True)],
        notable(lines),
        [one.request_id for one in invocations],
    )


def answer(payload: Any, error: Any) -> Any:
    if error:
        return [error["errorType"], error["errorMessage"]]
    if isinstance(payload, dict) and "statusCode" in payload:
        assert payload["statusCode"] == 200, payload
        return json.loads(payload["body"])
    return payload


def notable(lines: Iterator[str] | Sequence[str]) -> list[str]:
    return [
        _OWN.sub("#", line)
        for line in lines
        if not line.lstrip().startswith(_RECORDS) and _NOTABLE.search(line)
    ]


def shape(trace: Sequence[Span]) -> list[tuple[str, str, str]]:
    """Return what is expected of the spans of a trace, in an order of its own."""
    names = {span.span_id: span.name for span in trace}
    return sorted((span.name, span.kind, names.get(span.parent_id or "", "")) for span in trace)


def expected(library: Library) -> list[tuple[str, str, str]]:
    spans: list[Expected] = [library.root, *library.spans]
    return sorted((name, kind, parent or "") for name, kind, parent in spans)


def invocation_of(spans: Sequence[Span]) -> list[str]:
    return [str(span.attributes["faas.invocation_id"]) for span in spans if _is_root(span)]


def _is_root(span: Span) -> bool:
    return "faas.invocation_id" in span.attributes


@pytest.fixture(
    params=[
        pytest.param(library, id=name, marks=pytest.mark.xdist_group(library.module))
        for name, library in LIBRARIES.items()
    ]
)
def library(request: pytest.FixtureRequest) -> Library:
    """Each library."""
    assert isinstance(request.param, Library)
    return request.param


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    """Each mode."""
    return str(request.param)


@pytest.fixture
def task(library: Library, tmp_path: Path) -> Path:
    """The function's code: its module and its bundle."""
    for entry in bundle(library).iterdir():
        (tmp_path / entry.name).symlink_to(entry)
    shutil.copy(FUNCTIONS / f"{library.module}.py", tmp_path / "app.py")
    return tmp_path


@pytest.fixture
def bare(library: Library, task: Path, aws: str, all_bare: dict[str, Said]) -> Said:
    """What the function says without telemetry."""
    name = library.module
    if name not in all_bare:
        all_bare[name] = emulated(task, library, "app.handler", variables(library, aws), ())
    return all_bare[name]


@pytest.fixture
def traced(library: Library, mode: str, task: Path, aws: str, opt: Path) -> Said:
    """What it says with telemetry."""
    environment = {
        **variables(library, aws),
        "LAMBDA_OTEL_HANDLER": "app.handler",
        "LAMBDA_OTEL_EXPORTER": "native",
        "LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE": mode,
        "LAMBDA_OTEL_INSTRUMENTATIONS": ",".join(library.instrumentations),
    }
    if mode == "finalize":
        return shut_down(task, library, ZERO_CODE, environment, opt)
    return emulated(task, library, ZERO_CODE, environment, [opt])


@pytest.mark.libraries
def test_the_function_answers_as_it_does_bare_and_its_spans_come_out(
    library: Library, mode: str, bare: Said, traced: Said
) -> None:
    assert bare.answers == [library.answer] * INVOCATIONS, bare.notable
    assert traced.answers == bare.answers, traced.notable
    warning = library.warnings.get(mode)
    own = [line for line in traced.notable if warning and warning in line]
    assert len(own) == bool(warning)
    assert [line for line in traced.notable if line not in own] == bare.notable
    if mode == "finalize" and not library.flushes:
        assert not any(traced.spans[:INVOCATIONS])
        exported = traced.spans[INVOCATIONS]
        assert [shape(trace) for trace in traces(exported)] == [expected(library)] * INVOCATIONS
        assert sorted(invocation_of(exported)) == sorted(traced.request_ids)
    else:
        spans = traced.spans[:INVOCATIONS]
        assert [shape(trace) for trace in spans] == [expected(library)] * INVOCATIONS
        assert [invocation_of(trace) for trace in spans] == [[one] for one in traced.request_ids]
        assert not any(traced.spans[INVOCATIONS:])
