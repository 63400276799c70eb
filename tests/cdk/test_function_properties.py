"""What types the properties of `InstrumentedFunction`, and what it hands on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from aws_cdk import Stack

from lambda_otel_lite_cdk import InstrumentedFunction

from .conftest import INLINE, ROOT


def test_the_types_are_those_of_the_oldest_aws_cdk_lib(oldest: Path) -> None:
    """`make types` renews them."""
    generate = (oldest, ROOT / "requirements/function_properties.py")
    written = subprocess.run(generate, check=True, capture_output=True).stdout
    ruff = (Path(sys.executable).with_name("ruff"), "format", "--stdin-filename", "any.py", "-")
    formatted = subprocess.run(ruff, input=written, check=True, capture_output=True, cwd=ROOT)

    module = ROOT / "constructs/lambda_otel_lite_cdk/_function_properties.py"
    assert module.read_text("utf-8") == formatted.stdout.decode()


def test_the_types_need_no_aws_cdk() -> None:
    code = (
        "import sys\nfrom lambda_otel_lite_cdk import FunctionProperties\n"
        "print(sorted(FunctionProperties.__required_keys__), 'aws_cdk' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout == "['code', 'handler', 'runtime'] False\n"


def test_a_property_without_a_type_is_handed_on_too(stack: Stack) -> None:
    """As one that only a newer aws-cdk-lib has."""
    with pytest.raises(TypeError, match="newest_property"):
        InstrumentedFunction(stack, "Orders", **INLINE, newest_property=1)  # type: ignore[call-arg]
