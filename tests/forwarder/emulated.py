"""The forwarder under the official emulator, with the real awslambdaric and the real boto3."""

from __future__ import annotations

import sys
from pathlib import Path

from lambda_otel_lite_cdk.cli.assembly.functions import TemplateFunction
from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator

RUNTIME = Path(__file__).parents[2] / "runtime"
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def emulated_forwarder(endpoint: str, **variables: str) -> Emulator:
    """Return the forwarder as it is deployed, at an endpoint, not yet started."""
    function = TemplateFunction(
        logical_id="Forwarder",
        path="Tests/Forwarder",
        runtime=f"python{VERSION}",
        handler="otlp_forwarder.handler.handler",
        architecture="x86_64",
        memory_mb=512,
        timeout_s=60,
        environment={"OTLP_FORWARDER_ENDPOINT": endpoint, **variables},
        code=RUNTIME,
        inline_code=None,
        layers=(),
        unresolved_layers=(),
    )
    return Emulator(function)
