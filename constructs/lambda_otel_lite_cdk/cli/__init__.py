"""The command ``lambda-otel``: run a synthesized app's functions and look at their traces."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from lambda_otel_lite_cdk import distribution


def run() -> None:
    """Run the command; exit code 2 where the packages that it needs are not as it needs them.

    An extra has no commands of its own, so this one is there without them too:
    https://packaging.python.org/en/latest/specifications/entry-points/
    """
    if distribution.conflict():
        sys.exit(2)  # said when the package was imported
    if find_spec("click") is None:
        sys.stderr.write(f"Error: {distribution.needs('lambda-otel', 'cli')}\n")
        sys.exit(2)
    from lambda_otel_lite_cdk.cli.main import main  # noqa: PLC0415 - it imports click

    main()
