"""Send requests, several at once, and find the parts that a collector does not take."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

from otlp_forwarder.counts import Counts
from otlp_forwarder.input.records import Part, is_broken
from otlp_forwarder.input.wire import first_end
from otlp_forwarder.output.delivery import Collector, DeliveryError, RefusedError
from otlp_forwarder.output.merge import Request

#: How often one request is divided. One bad part among 4,000 is found by 12 divisions; where more
#: parts are bad than this finds, the rest is set aside with its good neighbours.
MOST_DIVISIONS = 64


@dataclass
class Outcome:
    """What became of the parts of one request.

    Args:
        delivered: What the collector took.
        refused: What it will never take, and why.
        undelivered: What it may take later, and why it did not now.
        counts: Requests, spans and so on.
    """

    delivered: list[Part] = field(default_factory=list)
    refused: list[tuple[Request, str]] = field(default_factory=list)
    undelivered: list[tuple[Request, str]] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)


def send_all(
    requests: Iterable[Request], collector: Collector, deadline: float, parallel: int
) -> Iterator[Outcome]:
    """Send requests and yield what became of them, in the order in which it is known.

    Requests are taken from the iterable as they can be sent, so that memory holds a few, whatever
    the iterable does.

    Args:
        requests: What to send; each has its turn, whatever becomes of the others.
        collector: Delivers them.
        deadline: When to give up, by the collector's clock.
        parallel: Requests that are under way at once.
    """
    waiting = iter(requests)
    first = list(itertools.islice(waiting, 2))
    if len(first) < 2:  # noqa: PLR2004 - one request, the common case, needs no thread
        yield from (_send(request, collector, deadline) for request in first)
        return
    with ThreadPoolExecutor(parallel, "sender") as pool:
        under_way: set[Future[Outcome]] = set()
        for request in itertools.chain(first, waiting):
            if len(under_way) >= parallel:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
            under_way.add(pool.submit(_send, request, collector, deadline))
        yield from (future.result() for future in under_way)


def _send(request: Request, collector: Collector, deadline: float) -> Outcome:
    """Send a request, and halve it where the collector does not take something that is in it."""
    outcome = Outcome()
    pieces, divisions = [request], 0
    while pieces:
        piece = pieces.pop()
        try:
            collector.deliver(piece.destination, piece.body, deadline, outcome.counts)
        except RefusedError as error:
            if not error.divisible or len(piece.parts) == 1 or divisions == MOST_DIVISIONS:
                outcome.refused.append((piece, str(error)))
                continue
            # Found here without asking, so that divisions are left for what is not.
            broken, sound = _parted(piece.parts) if divisions == 0 else ([], piece.parts)
            outcome.refused += [(Request(piece.destination, [p]), str(error)) for p in broken]
            if not broken:
                pieces += piece.halves()
                divisions += 1
            elif sound:
                pieces.append(Request(piece.destination, sound))
        except DeliveryError as error:
            outcome.undelivered.append((piece, str(error)))
        else:
            outcome.delivered += piece.parts
            _count_delivered(piece, outcome.counts)
    return outcome


def _parted(parts: list[Part]) -> tuple[list[Part], list[Part]]:
    """Return the parts whose lengths do not add up, and the others."""
    broken: list[Part] = []
    sound: list[Part] = []
    for part in parts:
        (broken if is_broken(part) else sound).append(part)
    return broken, sound


def _count_delivered(piece: Request, counts: Counts) -> None:
    counts.spans += sum(part.spans for part in piece.parts)
    if ended := first_end(piece.parts[0].data):
        # Not below zero: another machine's clock may be ahead.
        counts.lags.append(max(0, (time.time_ns() - ended) // 1_000_000))
