"""The example of README's page "Moving off the X-Ray SDK", as it is synthesized."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner
from moto.server import ThreadedMotoServer

from lambda_otel_lite_cdk.cli.assembly.functions import read_functions
from lambda_otel_lite_cdk.cli.assembly.templates import read_templates
from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator
from lambda_otel_lite_cdk.cli.emulator.environment import PSEUDO_PARAMETERS
from lambda_otel_lite_cdk.cli.main import main
from lambda_otel_lite_cdk.cli.traces.spans import tree
from tests.platform.environment import spans_in

EXAMPLE = Path(__file__).parents[2] / "constructs" / "demo" / "xray"
#: As the page shows it, below the handler's span: each span's depth, name and kind.
TREE = [
    (1, "## handler", "INTERNAL"),
    (2, "## app.charge", "INTERNAL"),
    (2, "store", "INTERNAL"),
    (3, "dynamodb", "CLIENT"),
    (2, "notify", "INTERNAL"),
    (2, "notify", "INTERNAL"),
]


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("xray")
    subprocess.run(
        [sys.executable, EXAMPLE / "app.py"],
        cwd=folder,
        env={**os.environ, "CDK_OUTDIR": "cdk.out"},
        check=True,
        capture_output=True,
    )
    return folder / "cdk.out"


@pytest.fixture
def aws() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    boto3.client(
        "dynamodb",
        endpoint_url=address,
        region_name=PSEUDO_PARAMETERS["AWS::Region"],
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - no secret
    ).create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    yield address
    server.stop()


def test_the_example_is_one_trace_and_answers_as_before(assembly: Path, aws: str) -> None:
    (function,) = read_functions(read_templates(assembly))
    table = next(ref["Ref"] for ref in [function.environment["TABLE"]] if isinstance(ref, dict))
    variables = {
        "AWS_ENDPOINT_URL": aws,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    # The tests' own interpreter has what the function's requirements name.
    running = Emulator(
        function, parameters={table: "orders"}, variables=variables, python=Path(sys.executable)
    )
    with running as emulator:
        good = emulator.invoke({"id": "1", "amount": 12})
        bad = emulator.invoke({"id": "2", "amount": 0})

    assert good.payload == {"charged": 12}
    spans = sorted(spans_in(good.log_lines), key=lambda span: span.start_ns)
    assert [(one.depth, one.span.name, one.span.kind) for one in tree(spans)][1:] == TREE
    assert bad.error is not None
    assert bad.error["errorMessage"] == "0 cannot be charged"
    failed = [span.name for span in spans_in(bad.log_lines) if span.status == "ERROR"]
    assert sorted(failed) == ["## app.charge", "## handler", function.logical_id]


def test_the_example_has_nothing_left_to_gain(assembly: Path) -> None:
    done = CliRunner().invoke(main, ["fleet", str(assembly), "--json"])

    (row,) = json.loads(done.output)
    assert (row["status"], row["xray"]) == ("instrumented", "")
