"""The work that every subject traces: spans in a tree, 256 bytes of payload in each.

The shape is that of a public test bed for Lambda tracing: depth 2, four iterations, which makes 20
spans below the handler's own.
"""

import os
import resource
import time

DEPTH, ITERATIONS, PAYLOAD = 2, 4, "x" * 256
SPANS = int(os.environ.get("BENCH_SPANS", "1"))


def work(tracer):
    """Make the spans below the handler's own, if there are to be any."""
    if SPANS > 1:
        _level(tracer, DEPTH)


def measured():
    """Say what the process has used so far, as the handler's response."""
    return {
        "statusCode": 200,
        "cpu_ns": time.process_time_ns(),
        "peak_kb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }


def _level(tracer, depth):
    if depth == 0:
        return
    for iteration in range(ITERATIONS):
        with tracer.start_as_current_span(f"operation_depth_{depth}_iter_{iteration}") as span:
            span.set_attribute("depth", depth)
            span.set_attribute("iteration", iteration)
            span.set_attribute("payload", PAYLOAD)
            _level(tracer, depth - 1)
