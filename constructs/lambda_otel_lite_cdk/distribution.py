"""What is installed: this distribution, its extras, and another that has packages of the same name.

The name ``lambda-otel-lite`` belongs to another project, whose import package is
``lambda_otel_lite`` too: https://pypi.org/project/lambda-otel-lite/.
"""

from __future__ import annotations

import importlib.metadata
import sys

NAME = "lambda-otel-lite-cdk"
_OTHER = "lambda-otel-lite"
#: What the extra ``cdk`` has and ``cli`` has not.
_CDK_PACKAGES = {"aws_cdk", "constructs", "jsii"}


def needs(what: str, extra: str) -> str:
    """Return the message that something needs an extra which is not installed.

    Args:
        what: What needs it.
        extra: Its name in ``pyproject.toml``.
    """
    return (
        f"{what} needs the extra {extra!r}, which is not installed; "
        f'run `pip install "{NAME}[{extra}]"`'
    )


def extra_of(module: str | None) -> str:
    """Return the extra that installs a module.

    Args:
        module: The name that could not be imported, as ``ModuleNotFoundError.name`` has it.
    """
    return "cdk" if module and module.partition(".")[0] in _CDK_PACKAGES else "cli"


def conflict() -> str | None:
    """Return what is wrong with this environment, or None.

    Two distributions with one package overwrite each other's files, and a layer would be made of
    the mixture.
    """
    try:
        other = importlib.metadata.version(_OTHER)
    except importlib.metadata.PackageNotFoundError:
        return None
    return (
        f"the distribution {_OTHER} {other} is installed in {sys.prefix} too, and it overwrites "
        f"files of {NAME}, for both have the package lambda_otel_lite; "
        f"run `pip uninstall {_OTHER}`, then install {NAME} again with `--force-reinstall`"
    )
