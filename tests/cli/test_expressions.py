from __future__ import annotations

from typing import Any

import pytest

from lambda_otel_lite_cdk.cli.assembly.expressions import UnresolvedError, resolve

PARAMETERS = {"Table": "orders", "Table.Arn": "arn:aws:dynamodb:r:1:table/orders", "A::B": "c"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        (7, "7"),
        (True, "true"),
        ({"Ref": "Table"}, "orders"),
        ({"Fn::GetAtt": ["Table", "Arn"]}, "arn:aws:dynamodb:r:1:table/orders"),
        ({"Fn::GetAtt": "Table.Arn"}, "arn:aws:dynamodb:r:1:table/orders"),
        ({"Fn::Join": ["-", ["a", {"Ref": "A::B"}]]}, "a-c"),
        (
            {"Fn::Sub": "${A::B}/${Table.Arn}/${!kept}"},
            "c/arn:aws:dynamodb:r:1:table/orders/${kept}",
        ),
        ({"Fn::Sub": ["${own}", {"own": {"Ref": "Table"}}]}, "orders"),
        (
            {"Fn::Select": [1, {"Fn::Split": ["/", {"Fn::GetAtt": ["Table", "Arn"]}]}]},
            "orders",
        ),
        ({"Fn::Select": ["0", ["a", "b"]]}, "a"),
    ],
)
def test_what_cdk_writes_is_resolved(value: Any, text: str) -> None:
    assert resolve(value, PARAMETERS) == text


@pytest.mark.parametrize(
    ("value", "parameter"),
    [
        ({"Ref": "Nope"}, "Nope"),
        ({"Fn::Join": ["", ["a", {"Fn::GetAtt": ["Nope", "Arn"]}]]}, "Nope.Arn"),
        ({"Fn::ImportValue": "other"}, None),
        ({"Fn::Select": [9, ["a"]]}, None),
        ({"Fn::Select": [0, {"Fn::GetAZs": ""}]}, None),
        (None, None),
    ],
)
def test_a_missing_parameter_is_named(value: Any, parameter: str | None) -> None:
    with pytest.raises(UnresolvedError) as raised:
        resolve(value, PARAMETERS)
    assert raised.value.parameter == parameter
