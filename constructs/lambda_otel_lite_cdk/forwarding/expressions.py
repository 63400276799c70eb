"""The words that a CloudFormation template is made of."""

from __future__ import annotations

from typing import Any


def resource(kind: str, **properties: Any) -> dict[str, Any]:
    """Return a resource of a type."""
    return {"Type": kind, "Properties": properties}


def kept(kind: str, **properties: Any) -> dict[str, Any]:
    """Return a resource that outlives the stack."""
    made = resource(kind, **properties)
    return {**made, "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


def arn(name: str) -> dict[str, Any]:
    """Return the ARN of a resource of the template."""
    return {"Fn::GetAtt": [name, "Arn"]}


def sub(text: str) -> dict[str, Any]:
    """Return a text with what stands for its names in it."""
    return {"Fn::Sub": text}


def choose(condition: str, then: Any, otherwise: Any) -> dict[str, Any]:
    """Return a value that depends on a condition."""
    return {"Fn::If": [condition, then, otherwise]}


def equals(parameter: str, value: str) -> dict[str, Any]:
    """Return the condition that a parameter has a value."""
    return {"Fn::Equals": [{"Ref": parameter}, value]}


def negated(condition: Any) -> dict[str, Any]:
    """Return the opposite of a condition."""
    return {"Fn::Not": [condition]}
