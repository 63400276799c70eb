"""A function of which half of the instrumentation is undone is never synthesized."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import jsii
import pytest
from aws_cdk import App, Aspects, IAspect, Stack, pipelines
from aws_cdk import aws_lambda as lambda_

from lambda_otel_lite.configuration.variables import ENTRY_POINT, HANDLER
from lambda_otel_lite_cdk import Telemetry, instrument

from .conftest import INLINE, functions, outcomes, template, variables

if TYPE_CHECKING:
    from collections.abc import Callable

    from constructs import IConstruct

STABILIZED = {"@aws-cdk/core:aspectStabilization": True}


def replace_environment(one: lambda_.CfnFunction) -> None:
    one.environment = lambda_.CfnFunction.EnvironmentProperty(variables={"HTTP_PROXY": "proxy"})


def replace_layers(one: lambda_.CfnFunction) -> None:
    one.layers = ["arn:aws:lambda:eu-west-1:123456789012:layer:theirs:1"]


def replace_handler(one: lambda_.CfnFunction) -> None:
    one.handler = "index.other"


@jsii.implements(IAspect)
class Change:
    """Change every function that it comes to."""

    def __init__(self, change: Callable[[lambda_.CfnFunction], None]) -> None:
        self._change = change

    def visit(self, node: IConstruct) -> None:
        if isinstance(node, lambda_.CfnFunction):
            self._change(node)


def shop(**context: Any) -> Stack:
    return Stack(App(analytics_reporting=False, context=context), "Shop")


def orders(stack: Stack, **props: Any) -> lambda_.CfnFunction:
    resource = lambda_.Function(stack, "Orders", **{**INLINE, **props}).node.default_child
    assert isinstance(resource, lambda_.CfnFunction)
    return resource


def is_whole(function: dict[str, Any]) -> bool:
    """Tell whether a function has all that it needs to start."""
    return (
        function["Handler"] == ENTRY_POINT
        and bool(variables(function)[HANDLER])
        and any("LambdaOtelLiteLayer" in str(one) for one in function["Layers"])
    )


@pytest.mark.parametrize("context", [{}, STABILIZED], ids=["", "stabilized"])
@pytest.mark.parametrize("change", [replace_environment, replace_layers, replace_handler])
@pytest.mark.parametrize("priority", [0, 200, 1000, 1_000_000])
@pytest.mark.parametrize("scope", ["app", "function"])
def test_what_an_aspect_replaces_is_instrumented_whatever_the_order(
    change: Callable[[lambda_.CfnFunction], None],
    priority: int,
    scope: str,
    context: dict[str, Any],
) -> None:
    templates = []
    for asked_first in (True, False):
        # Without the tree, the function itself is the last construct that aspects come to.
        app = App(analytics_reporting=False, tree_metadata=False, context=context)
        if asked_first:
            Telemetry.of(app).instrument()
        stack = Stack(app, "Shop")
        made = orders(stack)
        target = stack.node.root if scope == "app" else made
        Aspects.of(target).add(Change(change), priority=priority)
        if not asked_first:
            Telemetry.of(stack.node.root).instrument()
        templates.append(template(stack))
        (function,) = functions(stack)
        assert is_whole(function)
        assert variables(function)[HANDLER] == (
            "index.other" if change is replace_handler else "index.handler"
        )
    assert templates[0] == templates[1]


def delete_layers(one: lambda_.CfnFunction) -> None:
    one.add_property_deletion_override("Layers")


def override_layers(one: lambda_.CfnFunction) -> None:
    one.add_property_override("Layers", ["arn:aws:lambda:eu-west-1:123456789012:layer:theirs:1"])


def delete_environment(one: lambda_.CfnFunction) -> None:
    one.add_deletion_override("Properties.Environment")


def delete_the_variable(one: lambda_.CfnFunction) -> None:
    one.add_property_deletion_override(f"Environment.Variables.{HANDLER}")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        (delete_layers, "its Layers is None, written by an override"),
        (override_layers, "its Layers is .*theirs:1.*, written by an override"),
        (delete_environment, f"its Environment has no {HANDLER}"),
    ],
)
@pytest.mark.parametrize("by", ["the app", "an aspect"])
def test_what_an_override_undoes_stops_the_synth(
    override: Callable[[lambda_.CfnFunction], None], said: str, by: str
) -> None:
    stack = shop()
    Telemetry.of(stack).instrument()
    made = orders(stack, environment={"PASSWORD": "hunter2"})
    if by == "the app":
        override(made)
    else:
        Aspects.of(stack).add(Change(override))
    with pytest.raises(RuntimeError, match=f"Shop/Orders: it could not start.*{said}") as raised:
        template(stack)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("by", ["the app", "an aspect"])
def test_a_variable_that_is_deleted_is_set_and_nothing_else_comes_back(by: str) -> None:
    def delete(one: lambda_.CfnFunction) -> None:
        delete_the_variable(one)
        one.add_property_deletion_override("Environment.Variables.PASSWORD")

    stack = shop()
    Telemetry.of(stack).instrument()
    made = orders(stack, environment={"PASSWORD": "hunter2", "TABLE": "orders"})
    if by == "the app":
        delete(made)
    else:
        Aspects.of(stack).add(Change(delete))

    (function,) = functions(stack)
    assert is_whole(function)
    assert variables(function)["TABLE"] == "orders"
    assert "PASSWORD" not in variables(function)


def write_an_expression(one: lambda_.CfnFunction) -> None:
    one.add_property_override("Environment", {"Fn::If": ["Live", {"Variables": {}}, {}]})


def write_variables_as_an_expression(one: lambda_.CfnFunction) -> None:
    one.add_property_override("Environment.Variables", {"Fn::If": ["Live", {"A": "1"}, {}]})


def write_layers_as_an_expression(one: lambda_.CfnFunction) -> None:
    one.add_property_override("Layers", {"Fn::If": ["Live", ["arn"], []]})


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_an_expression, "Environment"),
        (write_variables_as_an_expression, "Environment"),
        (write_layers_as_an_expression, "Layers"),
    ],
)
def test_what_nothing_can_be_added_to_is_left_as_it_is(
    write: Callable[[lambda_.CfnFunction], None], name: str
) -> None:
    stack = shop()
    Telemetry.of(stack).instrument()
    write(orders(stack))

    (outcome,) = outcomes(stack)
    assert (outcome.status, outcome.code) == ("missing", "expression")
    assert f"its {name} is known at deployment only" in outcome.reason
    (function,) = functions(stack)
    assert function["Handler"] == "index.handler"


def test_an_aspect_of_ours_is_not_among_the_suspects() -> None:
    # Where pipelines are imported there is one for them.
    assert pipelines.__name__ in sys.modules
    stack = shop()
    Telemetry.of(stack.node.root).instrument()
    delete_environment(orders(stack))

    with pytest.raises(RuntimeError, match="or by code that ran later"):
        template(stack)


def test_a_layer_is_for_the_runtime_that_an_override_sets() -> None:
    stack = shop()
    Telemetry.of(stack).instrument()
    for name, given in (("Old", lambda_.Runtime.PYTHON_3_9), ("New", lambda_.Runtime.PYTHON_3_12)):
        made = lambda_.Function(stack, name, **{**INLINE, "runtime": given}).node.default_child
        assert isinstance(made, lambda_.CfnFunction)
        made.add_property_override("Runtime", "python3.13")
    assert [one["Runtime"] for one in functions(stack)] == ["python3.13", "python3.13"]
    for function in functions(stack):
        assert is_whole(function)
        assert "Python313" in str(function["Layers"])


def test_a_runtime_that_an_override_takes_out_of_reach_is_left_alone() -> None:
    stack = shop()
    Telemetry.of(stack).instrument()
    orders(stack).add_property_override("Runtime", "provided.al2023")
    (function,) = functions(stack)
    assert function["Handler"] == "index.handler"
    assert "Layers" not in function


def test_the_handler_that_an_override_sets_is_called() -> None:
    stack = shop()
    Telemetry.of(stack).instrument()
    orders(stack).add_property_override("Handler", "index.other")
    (function,) = functions(stack)
    assert is_whole(function)
    assert variables(function)[HANDLER] == "index.other"


def test_a_variable_that_an_override_sets_is_the_apps_own() -> None:
    stack = shop()
    Telemetry.of(stack).instrument()
    orders(stack).add_property_override("Environment.Variables.LAMBDA_OTEL_EXPORTER", "package")
    with pytest.raises(RuntimeError, match="exporter-layer"):
        template(stack)


def test_layers_of_another_stack_stay_references_to_it(tmp_path: Any) -> None:
    app = App(analytics_reporting=False)
    (tmp_path / "python").mkdir()
    theirs = lambda_.LayerVersion(
        Stack(app, "Layers"), "Theirs", code=lambda_.Code.from_asset(str(tmp_path))
    )
    stack = Stack(app, "Shop")
    made = orders(stack)

    def replace(one: lambda_.CfnFunction) -> None:
        one.layers = [theirs.layer_version_arn]

    Aspects.of(made).add(Change(replace))
    Telemetry.of(app).instrument()
    (function,) = functions(stack)
    assert "Fn::ImportValue" in function["Layers"][0]
    assert is_whole(function)


def test_asking_by_name_for_what_cannot_be_instrumented_stops_the_synth() -> None:
    stack = shop()
    made = lambda_.Function(stack, "Orders", **INLINE)
    instrument(made)
    resource = made.node.default_child
    assert isinstance(resource, lambda_.CfnFunction)
    resource.add_property_override("Runtime", "python3.9")
    with pytest.raises(RuntimeError, match=r"Shop/Orders: it was asked for by name, but its runt"):
        template(stack)
