"""Write what types the properties of `InstrumentedFunction`, from the aws-cdk-lib of this Python.

`make types` runs it with the interpreter that `oldest.py` names. What it prints is not formatted.
"""

from __future__ import annotations

import importlib.metadata
import inspect
import re
import typing
from collections.abc import Iterator

from aws_cdk.aws_lambda import FunctionProps

HEAD = '''\
"""The properties of `aws_cdk.aws_lambda.Function`, as type checkers and editors need them.

Written by `make types` from the oldest aws-cdk-lib that is supported, {version}; do not edit it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

'''

REQUIRED = '''

class _RequiredProperties(TypedDict):
    """Those without which there is no function."""

'''

OTHERS = '''

class FunctionProperties(_RequiredProperties, total=False):
    """The properties that `InstrumentedFunction` hands to `aws_cdk.aws_lambda.Function` unchanged.

    Type your own functions and subclasses that hand them on with it, as in
    ``def __init__(self, scope, id, **props: Unpack[FunctionProperties])``.

    Source: https://docs.aws.amazon.com/cdk/api/v2/python/aws_cdk.aws_lambda/FunctionProps.html
    """

'''


def main() -> None:
    """Print the module."""
    hints = typing.get_type_hints(FunctionProps.__init__)
    types = {name: write(hint) for name, hint in sorted(hints.items()) if name != "return"}
    parameters = inspect.signature(FunctionProps.__init__).parameters
    required = [name for name in types if parameters[name].default is inspect.Parameter.empty]
    others = [name for name in types if name not in required]
    modules = set(re.findall(r"(aws_cdk(?:\.[a-z_0-9]+)*)\.[A-Z]", " ".join(types.values())))

    print(HEAD.format(version=importlib.metadata.version("aws-cdk-lib")), end="")
    print("\n".join(f"    import {module}" for module in sorted(modules)))
    print(REQUIRED, end="")
    print("\n".join(f"    {name}: {types[name]}" for name in required))
    print(OTHERS, end="")
    print("\n".join(f"    {name}: {types[name]}" for name in others))


def write(hint: typing.Any) -> str:
    """Return a type as it is written in code."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union:
        return " | ".join(write(one) for one in without_int(arguments))
    if origin is not None:
        return f"{write(origin)}[{', '.join(write(one) for one in arguments)}]"
    if hint is type(None):
        return "None"
    if hint is typing.Any or hint.__module__ in ("builtins", "collections.abc"):
        return str(hint.__name__)
    return f"{hint.__module__}.{hint.__qualname__}"


def without_int(arguments: tuple[typing.Any, ...]) -> Iterator[typing.Any]:
    """Yield the types of a union; where a float is accepted, an int is so anyway."""
    return (one for one in arguments if not (one is int and float in arguments))


if __name__ == "__main__":
    main()
