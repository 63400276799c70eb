"""What the live tests share."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lambda_otel_lite_cdk.cli.assembly.functions import TemplateFunction
from lambda_otel_lite_cdk.cli.emulator.emulator import Emulator
from lambda_otel_lite_cdk.cli.traces.spans import Span
from tests.platform.environment import RUNTIME, Environment

CODE = Path(__file__).parent
ZERO_CODE = "lambda_otel_lite_entry.handler"
MODES = ("sync", "async", "finalize")


def variables(mode: str, module: str = "functions.plain", **others: str) -> dict[str, str]:
    """Return the variables of a function in a mode; the zero-code entry point runs the module."""
    return {
        "LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE": mode,
        "LAMBDA_OTEL_EXPORTER": "native",
        "LAMBDA_OTEL_HANDLER": f"{module}.handler",
        **others,
    }


def environment(  # noqa: PLR0913 - most have defaults
    mode: str,
    handler: str = ZERO_CODE,
    *,
    module: str = "functions.plain",
    code: Path = CODE,
    options: Mapping[str, Any] | None = None,
    extra: Mapping[str, str] | None = None,
) -> Environment:
    """Make an environment of the tests' own platform.

    Args:
        mode: Processing mode.
        handler: The function's handler. Default: the zero-code entry point.
        module: Module that the zero-code entry point runs.
        code: Folder of the modules. Default: those of these tests.
        options: Those of `Environment`.
        extra: More variables.
    """
    return Environment(code, handler, variables(mode, module, **(extra or {})), **(options or {}))


def emulator(
    mode: str,
    handler: str = ZERO_CODE,
    *,
    timeout: int = 20,
    module: str = "functions.plain",
    extra: Mapping[str, str] | None = None,
) -> Emulator:
    """Make an environment of the official emulator."""
    function = TemplateFunction(
        logical_id="orders",
        path="Test/Orders",
        runtime=RUNTIME,
        handler=handler,
        architecture="x86_64",
        memory_mb=128,
        timeout_s=timeout,
        environment=variables(mode, module, **(extra or {})),
        code=CODE,
        inline_code=None,
        layers=(),
        unresolved_layers=(),
    )
    return Emulator(function, python=Path(sys.executable))


def roots(spans: Sequence[Span]) -> list[Span]:
    """Return the spans without a parent."""
    return [span for span in spans if span.parent_id is None]


def request_ids(spans: Sequence[Span]) -> list[Any]:
    """Return the request ids that the root spans carry."""
    return [span.attributes.get("faas.invocation_id") for span in roots(spans)]
