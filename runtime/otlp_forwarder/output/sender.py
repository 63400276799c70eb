"""Send requests, several at once, and find the spans that a collector does not take."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otlp_forwarder.counts import Counts
from otlp_forwarder.input.wire import first_end
from otlp_forwarder.output.responses import Action
from otlp_forwarder.output.search import Piece, Search

if TYPE_CHECKING:
    from otlp_forwarder.output.delivery import CollectorClient, Delivery
    from otlp_forwarder.output.merge import Request
    from otlp_forwarder.output.refusals import Refusals

#: Bytes, without compression, of the requests that are under way at once. A larger one goes by
#: itself.
MOST_UNDER_WAY = 48 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Undelivered:
    """What the collector did not take.

    Args:
        request: What is left.
        action: LATER, HOLD, HAND_OVER or SET_ASIDE.
        reason: Why it was not delivered.
    """

    request: Request
    action: Action
    reason: str


@dataclass
class Outcome:
    """What became of some spans.

    Args:
        delivered: Items of the event of which the collector took a part.
        undelivered: What it did not take.
        counts: Requests, spans and so on.
        note: What the collector said of a request that it took, or nothing.
    """

    delivered: set[int] = field(default_factory=set)
    undelivered: list[Undelivered] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)
    note: str = ""


def send_all(
    requests: Iterable[Request],
    client: CollectorClient,
    deadline: float,
    parallel: int,
    refusals: Refusals,
) -> Iterator[Outcome]:
    """Send requests and yield what became of their spans, as soon as it is known.

    Requests are taken from the iterable when they can be sent, so that memory holds a few of them,
    however many there are.

    Args:
        requests: What to send; each is sent, whatever becomes of the others.
        client: Sends them.
        deadline: When to give up, by the client's clock.
        parallel: Requests that are under way at once.
        refusals: What is known not to be taken.
    """
    search = Search(requests, refusals)
    under_way: dict[Future[Delivery], Piece] = {}

    def deliver(piece: Piece) -> Delivery:
        request = piece.request
        return client.deliver(request.destination, request.body, deadline)

    # Threads are started when they are needed: for one request, the common case, none is.
    with ThreadPoolExecutor(parallel, "sender") as pool:
        while search.prepare(max(2, parallel) - len(under_way), is_idle=not under_way) or under_way:
            yield from map(_set_aside, search.set_aside())
            if search.ready == 1 and not under_way:
                piece = search.take()
                yield _settle(piece, deliver(piece), search)
                continue
            size = sum(piece.request.size for piece in under_way.values())
            while search.ready and len(under_way) < parallel:
                size += search.next_size
                if under_way and size > MOST_UNDER_WAY:
                    break
                piece = search.take()
                under_way[pool.submit(deliver, piece)] = piece
            for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                yield _settle(under_way.pop(future), future.result(), search)
        yield from map(_set_aside, search.set_aside())


def _settle(piece: Piece, delivery: Delivery, search: Search) -> Outcome:
    """Return what became of a piece, and have the search go on."""
    outcome = Outcome()
    counts, request = outcome.counts, piece.request
    counts.requests = delivery.requests
    counts.retries = max(0, delivery.requests - 1)
    counts.bytes = delivery.bytes
    if delivery.action is Action.DELIVERED:
        search.add_taken(piece)
        said = delivery.rejection
        # A span is counted once.
        counts.rejected = min(said.spans, request.spans)
        counts.spans = request.spans - counts.rejected
        if said.spans or said.message:
            outcome.note = f"rejected {said.spans} spans of a request that it took: {said.message}"
        outcome.delivered.update(part.item for part in request.parts)
        if ended := first_end(request.parts[0].data):
            # Not below zero: another machine's clock may be ahead.
            counts.lags.append(max(0, (time.time_ns() - ended) // 1_000_000))
        return outcome
    if delivery.action is Action.DIVIDE:
        decided = search.add_refused(piece, delivery.reason)
    else:
        search.add_undecided(piece)
        decided = request, delivery.action, delivery.reason
    if decided:
        _add_undelivered(outcome, Undelivered(*decided))
    return outcome


def _set_aside(refused: tuple[Request, str]) -> Outcome:
    outcome = Outcome()
    _add_undelivered(outcome, Undelivered(refused[0], Action.SET_ASIDE, refused[1]))
    return outcome


def _add_undelivered(outcome: Outcome, undelivered: Undelivered) -> None:
    outcome.undelivered.append(undelivered)
    spans = undelivered.request.spans
    if undelivered.action is Action.SET_ASIDE:
        outcome.counts.rejected += spans
        return
    outcome.counts.undelivered += spans
    if undelivered.action is Action.HOLD:
        outcome.counts.held += spans
