"""The example of Managed Instances and tenants: synthesized, and run as Lambda runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from lambda_otel_lite_cdk.cli.assembly.functions import TemplateFunction, read_functions
from lambda_otel_lite_cdk.cli.assembly.templates import read_templates
from lambda_otel_lite_cdk.cli.main import main
from tests.platform.environment import Environment, spans_in
from tests.platform.slots import ManagedInstance

pytestmark = pytest.mark.once

EXAMPLE = Path(__file__).parents[2] / "constructs" / "demo" / "managed"
TENANT = "Lambda-Runtime-Aws-Tenant-Id"


@pytest.fixture(scope="module")
def assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("managed")
    subprocess.run(
        [sys.executable, EXAMPLE / "app.py"],
        cwd=folder,
        env={**os.environ, "CDK_OUTDIR": "cdk.out"},
        check=True,
        capture_output=True,
    )
    return folder / "cdk.out"


@pytest.fixture
def functions(assembly: Path) -> dict[str, TemplateFunction]:
    found = read_functions(read_templates(assembly))
    return {one.path.rpartition("/")[2]: one for one in found}


def variables(function: TemplateFunction) -> dict[str, str]:
    return {name: value for name, value in function.environment.items() if isinstance(value, str)}


def test_the_shared_function_serves_several_at_once(
    functions: dict[str, TemplateFunction], tmp_path: Path
) -> None:
    own = variables(functions["Shared"])
    handler = functions["Shared"].handler
    with ManagedInstance(EXAMPLE / "prices", handler, own, 3, tmp_path) as instance:
        invocations = [instance.start({"item": "pen"}) for _ in range(6)]
        instance.finish()

    spans = [span for one in instance.connections for span in spans_in(one.lines)]
    assert [one.response for one in invocations] == [{"item": "pen", "price": 15}] * 6
    assert {span.attributes["faas.invocation_id"] for span in spans} == {
        one.request_id for one in invocations
    }
    assert len({span.trace_id for span in spans}) == 6
    assert "aws.lambda.tenant_id" not in spans[0].attributes


def test_the_isolated_function_names_its_tenant(functions: dict[str, TemplateFunction]) -> None:
    own = variables(functions["Isolated"])
    with Environment(EXAMPLE / "prices", functions["Isolated"].handler, own) as platform:
        blue = platform.invoke({"item": "pen"}, headers={TENANT: "blue"})
        nobody = platform.invoke({"item": "pen"})

        assert blue.response == {"item": "pen", "price": 12}
        (span,) = platform.spans(blue)
        assert span.attributes["aws.lambda.tenant_id"] == "blue"
        assert platform.exported_before_answer(blue) == []
        (span,) = platform.spans(nobody)
        assert "aws.lambda.tenant_id" not in span.attributes


def test_the_page_can_be_followed(assembly: Path) -> None:
    command = ["invoke", str(assembly), "Shared", "--event", "-"]
    done = CliRunner().invoke(main, command, input='{"item": "pen"}')

    assert done.exit_code == 0, done.output
    assert '"price": 15' in done.output
    assert "prices: " in done.output
