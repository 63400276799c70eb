"""How much one core forwards, against the same work done by decoding and encoding again.

Both sides get the same lines in the same process, and make requests of the same spans of them:

- merge: from unpacked payloads to one serialized request and the number of spans in it;
- join: the same without the number of spans;
- whole way: from record lines to the compressed request.

Unpacking and compressing cost both sides the same; the other side is given the forwarder's own
(fast) level. Time is that of the processor, of one thread, the best of several rounds.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otlp_forwarder import wire
from otlp_forwarder.compression import compress, unpack
from otlp_forwarder.records import read_parts, read_record, split_request
from tests.forwarder.fleet import function_lines

LIMIT = 32 * 1024 * 1024
ROUNDS = 15
#: Spans of each invocation, and so of each line: a small function's, a busy one's, a full batch.
SIZES = (5, 25, 500)
SPANS = 20_000


def merge_by_walking(payloads: list[bytes]) -> tuple[bytes, int]:
    parts = [part for payload in payloads for part in split_request(payload, 0)]
    return b"".join([part.data for part in parts]), sum(part.spans for part in parts)


def merge_by_decoding(payloads: list[bytes]) -> tuple[bytes, int]:
    merged = ExportTraceServiceRequest()
    for payload in payloads:
        merged.resource_spans.extend(ExportTraceServiceRequest.FromString(payload).resource_spans)
    spans = sum(len(s.spans) for r in merged.resource_spans for s in r.scope_spans)
    return merged.SerializeToString(), spans


def join_by_walking(payloads: list[bytes]) -> bytes:
    for payload in payloads:
        for _ in wire.walk(payload, 0, len(payload)):
            pass
    return b"".join(payloads)


def join_by_decoding(payloads: list[bytes]) -> bytes:
    return merge_by_decoding(payloads)[0]


def forward_by_walking(lines: list[str]) -> bytes:
    parts = [part for line in lines for part in read_parts(read_record(line), 0, LIMIT)]
    return compress(b"".join([part.data for part in parts]))


def forward_by_decoding(lines: list[str]) -> bytes:
    payloads = [unpack(read_record(line)["payload"], LIMIT) for line in lines]
    return compress(merge_by_decoding(payloads)[0])


def seconds[T](work: Callable[[T], object], data: T) -> float:
    """Return the processor's time for one round."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = time.process_time()
        work(data)
        best = min(best, time.process_time() - start)
    return best


def report(name: str, own: float, other: float) -> str:
    fast, slow = SPANS / own / 1e6, SPANS / other / 1e6
    return f"  {name:<10}{fast:8.2f} M spans/s{slow:8.2f} M by decoding{other / own:8.1f} x\n"


def main() -> None:
    """Measure and print."""
    for size in SIZES:
        lines = function_lines("function", SPANS, set(), spans_of_invocation=size)
        payloads = [unpack(read_record(line)["payload"], LIMIT) for line in lines]
        if merge_by_walking(payloads)[1] != SPANS or merge_by_decoding(payloads)[1] != SPANS:
            raise SystemExit("the sides disagree about the number of spans")
        megabytes = sum(map(len, payloads)) / 1e6
        sys.stdout.write(
            f"{SPANS} spans, {size} in each invocation, {len(lines)} lines, {megabytes:.1f} MB "
            f"unpacked, one core\n"
            + report(
                "merge", seconds(merge_by_walking, payloads), seconds(merge_by_decoding, payloads)
            )
            + report(
                "join", seconds(join_by_walking, payloads), seconds(join_by_decoding, payloads)
            )
            + report(
                "whole way", seconds(forward_by_walking, lines), seconds(forward_by_decoding, lines)
            )
        )


if __name__ == "__main__":
    main()
