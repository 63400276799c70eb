"""Keep rules under the official emulator."""

import pytest

from lambda_otel_lite.sampling.probability import threshold_of
from lambda_otel_lite_cdk.cli.traces.spans import Span
from tests.platform.environment import spans_in

from .live import emulator


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_of_a_thousand_invocations_every_error_and_a_hundredth_of_the_rest_are_kept(
    mode: str,
) -> None:
    failed: list[str] = []
    spans: list[Span] = []
    with emulator(mode, extra={"LAMBDA_OTEL_KEEP": "errors,ratio=0.01"}) as function:
        for number in range(1000):
            result = function.invoke({"raise": "boom"} if number % 20 == 0 else {})
            if result.error:
                failed.append(result.request_id)
            spans += spans_in(result.log_lines)

    kept = {str(span.attributes["faas.invocation_id"]): span for span in spans}
    errors = {request_id for request_id, span in kept.items() if span.status == "ERROR"}
    others = [span for request_id, span in kept.items() if request_id not in errors]
    assert len(kept) == len(spans)
    assert errors == {*failed}
    assert len(failed) == 50
    # Of 950 at random: 1 to 27 but for once in twenty thousand times.
    assert 1 <= len(others) <= 27
    assert all(int(span.trace_id, 16) % 2**56 >= threshold_of(0.01) for span in others)
