"""The command ``lambda-otel``: run a synthesized app's functions and look at their traces."""

from lambda_otel_lite_cdk.cli.main import main

__all__ = ["main"]
