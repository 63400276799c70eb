from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lambda_otel_lite_cdk.cli.assembly.functions import (
    TemplateFunction,
    find_function,
    read_functions,
)
from lambda_otel_lite_cdk.cli.assembly.templates import read_templates
from lambda_otel_lite_cdk.cli.emulator.environment import own_variables
from lambda_otel_lite_cdk.cli.errors import UsageProblem
from tests.cli.conftest import MACHINE, PYTHON


@pytest.fixture(scope="module")
def functions(assembly: Path) -> list[TemplateFunction]:
    return read_functions(read_templates(assembly))


def test_a_function_is_read_from_its_template(functions: list[TemplateFunction]) -> None:
    plain = find_function(functions, "Shop/Plain")
    assert plain.path == "Shop/Plain"
    assert (plain.runtime, plain.handler) == (f"python{PYTHON}", "app.handler")
    assert (plain.timeout_s, plain.memory_mb, plain.architecture) == (2, 192, MACHINE)
    assert plain.code is not None
    assert [path.name for path in plain.code.iterdir()] == ["app.py"]


def test_layers_are_found_in_their_order(functions: list[TemplateFunction]) -> None:
    layers = find_function(functions, "Shop/TwoLayers").layers
    assert [(layer / "python" / "greeting.py").exists() for layer in layers if layer] == [
        True,
        False,
    ]


def test_stacks_of_a_stage_are_read(functions: list[TemplateFunction]) -> None:
    assert find_function(functions, "Other/Branch/Plain").code is not None


def test_a_short_name_that_several_functions_have_is_refused(
    functions: list[TemplateFunction],
) -> None:
    with pytest.raises(UsageProblem, match="give one of: Other/Branch/Plain, Shop/Plain"):
        find_function(functions, "Plain")


def test_an_unknown_function_is_refused_with_the_known_ones(
    functions: list[TemplateFunction],
) -> None:
    with pytest.raises(UsageProblem, match=r"no function is named 'Nope'.*Shop/Plain"):
        find_function(functions, "Nope")


def test_a_function_of_another_runtime_is_refused(functions: list[TemplateFunction]) -> None:
    with pytest.raises(UsageProblem, match=r"Shop/Node runs on nodejs22\.x; .* Python runtime"):
        find_function(functions, "Shop/Node")


def test_references_are_resolved_by_parameters(functions: list[TemplateFunction]) -> None:
    sender = find_function(functions, "Shop/Sender")
    reference = sender.environment["QUEUE_URL"]["Ref"]
    variables = own_variables(sender, {reference: "http://queue"})
    assert variables == {"QUEUE_URL": "http://queue", "PLACE": "in us-east-1"}
    assert own_variables(sender, {reference: "q", "AWS::Region": "eu-west-1"})["PLACE"] == (
        "in eu-west-1"
    )


def test_a_reference_without_a_value_is_named(functions: list[TemplateFunction]) -> None:
    with pytest.raises(
        UsageProblem,
        match=r'QUEUE_URL of function Shop/Sender is \{"Ref": "Jobs\w+"\}.*give --env QUEUE_URL=',
    ):
        own_variables(find_function(functions, "Shop/Sender"), {})


def test_a_value_that_no_parameter_gives_is_named(functions: list[TemplateFunction]) -> None:
    plain = replace(
        find_function(functions, "Shop/Plain"), environment={"X": {"Fn::ImportValue": "Shop"}}
    )
    with pytest.raises(UsageProblem, match=r'X of .* is \{"Fn::ImportValue": "Shop"\}.*=VALUE$'):
        own_variables(plain, {})


def test_a_folder_without_an_assembly_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match=r"is not a cloud assembly .*manifest\.json"):
        read_templates(tmp_path)
