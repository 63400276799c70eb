"""The command ``lambda-otel``: run a synthesized app's functions and look at their traces."""

from __future__ import annotations

import sys
from importlib.util import find_spec


def run() -> None:
    """Run the command; exit code 2 where the packages that it needs are not installed.

    An extra has no commands of its own, so this one is there without them too:
    https://packaging.python.org/en/latest/specifications/entry-points/
    """
    if find_spec("click") is None:
        sys.stderr.write(
            "Error: lambda-otel needs packages that are not installed. Install them with "
            '`pip install "lambda-otel-lite[cdk]"`.\n'
        )
        sys.exit(2)
    from lambda_otel_lite_cdk.cli.main import main  # noqa: PLC0415 - it imports click

    main()
