"""How much one core forwards, against the same work done by decoding and encoding again.

Both sides get the same lines in the same process, and make requests of the same spans of them:

- merge, lines with their count: from unpacked payloads of lines that say how many spans they hold,
  as this project's runtime writes them, to one serialized request and the number of spans. The
  forwarder takes the line's word for the number, within bounds; the other side counts.
- merge, lines without: the same of anybody else's lines, whose spans the forwarder counts too.
- join: the request alone, without any number of spans, on both sides.
- whole way: from the first kind of log records to the compressed request and the number of spans.

Unpacking and compressing cost both sides the same; the other side is given the forwarder's own
(fast) level. So they bound how much faster the whole way can be: what each of its steps takes is
measured too, and the bound is the other side's time by that of a forwarder whose merging took none.
Time is that of the processor, of one thread, the best of several rounds, in which the sides take
turns.
"""

from __future__ import annotations

import base64
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otlp_forwarder.input import wire
from otlp_forwarder.input.compression import GZIP_WINDOW, compress, unpack
from otlp_forwarder.input.records import Part, read_parts, read_record, split_request
from tests.forwarder.fleet import function_lines

LIMIT = 32 * 1024 * 1024
ROUNDS = 15
#: Spans of each invocation, and so of each line: a small function's, a busy one's, a full batch.
SIZES = (5, 25, 500)
SPANS = 20_000
#: How many times faster the forwarder has to merge the lines of this project's runtime.
BAR = 10

LEGEND = """\
merge: unpacked payloads to one request and its number of spans. The number is the line's own word,
checked against its size, where lines carry it, and counted where they do not; by decoding it is
always counted. join: the request without the number, on both sides. whole way: lines that carry
their count to the compressed request and the number, on either side with the same gzip. steps: what
the forwarder's whole way is made of; at most: how many times faster than decoding it would be if
merging took no time.
"""

type Payloads = list[tuple[bytes, Any]]


def merged(parts: list[Part]) -> tuple[bytes, int]:
    return b"".join([part.data for part in parts]), sum([part.spans for part in parts])


def merge_with_counts(payloads: Payloads) -> tuple[bytes, int]:
    return merged([part for each, spans in payloads for part in split_request(each, 0, spans)])


def merge_without(payloads: Payloads) -> tuple[bytes, int]:
    return merged([part for each, _ in payloads for part in split_request(each, 0)])


def merge_by_decoding(payloads: Payloads) -> tuple[bytes, int]:
    request = decoded(payloads)
    spans = sum(len(s.spans) for r in request.resource_spans for s in r.scope_spans)
    return request.SerializeToString(), spans


def decoded(payloads: Payloads) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    for each, _ in payloads:
        request.resource_spans.extend(ExportTraceServiceRequest.FromString(each).resource_spans)
    return request


def join_by_walking(payloads: Payloads) -> bytes:
    for each, _ in payloads:
        for _ in wire.walk(each, 0, len(each)):
            pass
    return b"".join([each for each, _ in payloads])


def join_by_decoding(payloads: Payloads) -> bytes:
    return decoded(payloads).SerializeToString()


def forward_with_counts(lines: list[str]) -> tuple[bytes, int]:
    parts = [part for line in lines for part in read_parts(read_record(line), 0, LIMIT)]
    request, spans = merged(parts)
    return compress(request), spans


def forward_by_decoding(lines: list[str]) -> tuple[bytes, int]:
    request, spans = merge_by_decoding(unpacked(lines))
    return compress(request), spans


def unpacked(lines: list[str]) -> Payloads:
    """Return what lines hold, and what they say about its number of spans."""
    records = map(read_record, lines)
    return [(unpack(record["payload"], LIMIT), record["spans"]) for record in records]


def steps(lines: list[str]) -> dict[str, float]:
    """Return the processor's time for each step of the forwarder's whole way."""
    records = [read_record(line) for line in lines]
    packed = [base64.b64decode(record["payload"], validate=True) for record in records]
    payloads = unpacked(lines)
    request, _ = merge_with_counts(payloads)
    return {
        "JSON": seconds(lambda _: [read_record(line) for line in lines], None),
        "base64": seconds(
            lambda _: [base64.b64decode(each["payload"], validate=True) for each in records], None
        ),
        "gunzip": seconds(lambda _: [zlib.decompress(each, GZIP_WINDOW) for each in packed], None),
        "merge": seconds(merge_with_counts, payloads),
        "gzip": seconds(compress, request),
    }


def report_steps(taken: dict[str, float], decoding: float) -> str:
    """Return each step's share, and how many times faster than decoding no merging at all were."""
    whole = sum(taken.values())
    shares = ", ".join(f"{name} {time / whole:.0%}" for name, time in taken.items())
    return f"  steps: {shares}; at most {decoding / (whole - taken['merge']):.1f} x\n"


def seconds[T](work: Callable[[T], object], data: T) -> float:
    """Return the processor's time for one round."""
    return by_turns([work], data)[0]


def by_turns[T](ways: Sequence[Callable[[T], object]], data: T) -> list[float]:
    """Return the processor's time for one round of each, on a machine whose speed may drift."""
    best = [float("inf")] * len(ways)
    for _ in range(ROUNDS):
        for index, work in enumerate(ways):
            # What the other side left in the processor's caches is not this side's cost.
            work(data)
            start = time.process_time()
            work(data)
            best[index] = min(best[index], time.process_time() - start)
    return best


def report(name: str, own: float, other: float, bar: int | None = None) -> str:
    fast, slow, times = SPANS / own / 1e6, SPANS / other / 1e6, other / own
    held = "" if bar is None else f"  (bar {bar} x: {'held' if times >= bar else 'MISSED'})"
    return f"  {name:<30}{fast:8.2f} M spans/s{slow:8.2f} M by decoding{times:8.1f} x{held}\n"


def main() -> None:
    """Measure and print."""
    sys.stdout.write(LEGEND)
    for size in SIZES:
        lines = function_lines("function", SPANS, set(), spans_of_invocation=size)
        payloads = unpacked(lines)
        ways = (merge_with_counts, merge_without, merge_by_decoding)
        if {way(payloads)[1] for way in ways} != {SPANS}:
            raise SystemExit("the sides disagree about the number of spans")
        megabytes = sum(len(each) for each, _ in payloads) / 1e6
        counted, without, decoding = by_turns(ways, payloads)
        own, other = by_turns((forward_with_counts, forward_by_decoding), lines)
        walking, joining = by_turns((join_by_walking, join_by_decoding), payloads)
        sys.stdout.write(
            f"{SPANS} spans, {size} in each invocation, {len(lines)} lines, {megabytes:.1f} MB "
            f"unpacked, one core\n"
            + report("merge, lines with their count", counted, decoding, BAR)
            + report("merge, lines without", without, decoding)
            + report("join", walking, joining)
            + report("whole way", own, other)
            + report_steps(steps(lines), other)
        )


if __name__ == "__main__":
    main()
