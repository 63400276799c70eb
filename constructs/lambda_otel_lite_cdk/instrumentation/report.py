"""Last step: put together what became of each function, for the coverage report."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lambda_otel_lite.configuration.variables import PROCESSOR_MODE, SERVICE_NAME
from lambda_otel_lite_cdk.functions.outcome import Outcome
from lambda_otel_lite_cdk.functions.reasons import Status
from lambda_otel_lite_cdk.instrumentation.apply import Applied
from lambda_otel_lite_cdk.instrumentation.resolve import Failed, LeftAlone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from aws_cdk import Stack

    from lambda_otel_lite_cdk.layer.construct import TelemetryLayer


def report(
    results: Iterable[LeftAlone | Applied | Failed],
    layer_ids: Mapping[TelemetryLayer, str],
    acknowledged: Mapping[str, Mapping[str, str]],
) -> Iterator[Outcome]:
    """Yield what became of each function; what failed stops the synth and is not reported.

    Args:
        results: What was done with each function.
        layer_ids: How a report names each layer.
        acknowledged: Checks that were acknowledged, with the reasons, by construct path.
    """
    by_stack: dict[Stack, list[LeftAlone | Applied]] = {}
    for result in results:
        if not isinstance(result, Failed):
            by_stack.setdefault(result.site.stack, []).append(result)
    for stack, of_stack in by_stack.items():
        template = stack.template_file
        for result in of_stack:
            outcome = partial(
                Outcome,
                function=result.site.path,
                stack=result.site.stack_path,
                template=template,
                logical_id=result.site.logical_id,
                acknowledged=acknowledged.get(result.site.path, {}),
            )
            if isinstance(result, LeftAlone):
                why = result.why
                yield outcome(status=why.reason.status, code=why.reason, reason=why.text)
            else:
                layer = result.layer
                yield outcome(
                    status=Status.INSTRUMENTED,
                    mode=str(result.variables.get(PROCESSOR_MODE, "sync")),
                    service=str(result.variables.get(SERVICE_NAME, "")),
                    overridden=result.overridden,
                    layer=layer_ids[layer],
                    layer_bytes=layer.size,
                )
