"""Nested stacks, really synthesized."""

from __future__ import annotations

import pytest
from aws_cdk import App, NestedStack, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from lambda_otel_lite_cdk.cli.assembly.functions import (
    TemplateFunction,
    find_function,
    read_functions,
)
from lambda_otel_lite_cdk.cli.assembly.templates import read_templates
from lambda_otel_lite_cdk.cli.emulator.environment import own_variables
from tests.cli.conftest import RUNTIME


class Inner(NestedStack):
    """A function that uses its parent's layer and queue, and a queue of its own."""

    def __init__(
        self, scope: Stack, name: str, code: str, layer: lambda_.ILayerVersion, outer: sqs.Queue
    ) -> None:
        super().__init__(scope, name)
        self.queue = sqs.Queue(self, "Own")
        lambda_.Function(
            self,
            "Work",
            runtime=RUNTIME,
            handler="app.handler",
            code=lambda_.Code.from_asset(code),
            layers=[layer],
            environment={"OUTER": outer.queue_url, "NAME": name},
        )


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> list[TemplateFunction]:
    folder = tmp_path_factory.mktemp("nested")
    for name in ("code", "layer"):
        (folder / name).mkdir()
        (folder / name / "app.py").write_text("def handler(e, c): return e")
    app = App(outdir=str(folder / "cdk.out"), analytics_reporting=False)
    stack = Stack(app, "Shop")
    layer = lambda_.LayerVersion(
        stack, "Layer", code=lambda_.Code.from_asset(str(folder / "layer"))
    )
    outer = sqs.Queue(stack, "Outer")
    inner = [Inner(stack, name, str(folder / "code"), layer, outer) for name in ("One", "Two")]
    lambda_.Function(
        stack,
        "Top",
        runtime=RUNTIME,
        handler="app.handler",
        code=lambda_.Code.from_asset(str(folder / "code")),
        environment={"INNER": inner[0].queue.queue_url},
    )
    # What a stack depends on is not only its assets.
    stack.add_dependency(Stack(app, "Other"))
    app.synth()
    return read_functions(read_templates(folder / "cdk.out"))


def test_functions_of_nested_stacks_have_their_paths_and_code(
    functions: list[TemplateFunction],
) -> None:
    assert sorted(function.path for function in functions) == [
        "Shop/One/Work",
        "Shop/Top",
        "Shop/Two/Work",
    ]
    assert all(function.code and (function.code / "app.py").exists() for function in functions)


def test_a_value_from_the_parent_is_the_parents_expression(
    functions: list[TemplateFunction],
) -> None:
    work = find_function(functions, "Two/Work")
    assert work.environment["NAME"] == "Two"
    reference = work.environment["OUTER"]["Ref"]
    assert reference.startswith("Outer")
    assert own_variables(work, {reference: "http://outer"})["OUTER"] == "http://outer"


def test_a_parents_layer_is_found(functions: list[TemplateFunction]) -> None:
    [layer] = find_function(functions, "One/Work").layers
    assert layer is not None
    assert layer.exists()


def test_a_value_from_a_nested_stack_is_that_stacks_expression(
    functions: list[TemplateFunction],
) -> None:
    assert find_function(functions, "Top").environment["INNER"]["Ref"].startswith("Own")
