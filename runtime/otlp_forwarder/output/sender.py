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
from otlp_forwarder.output.delivery import CollectorClient
from otlp_forwarder.output.merge import Request
from otlp_forwarder.output.responses import Action

#: How often one request is divided. One bad part among 4,000 is found by 12 divisions. If more
#: parts are bad than this finds, the rest is set aside with its good neighbours.
MOST_DIVISIONS = 64


@dataclass(frozen=True, slots=True)
class Undelivered:
    """What the collector did not take.

    Args:
        request: What is left.
        action: LATER or SET_ASIDE.
        reason: Why it was not delivered.
    """

    request: Request
    action: Action
    reason: str


@dataclass
class Outcome:
    """What became of one request.

    Args:
        delivered: Items of the event of which the collector took a part.
        undelivered: What it did not take.
        counts: Requests, spans and so on.
    """

    delivered: set[int] = field(default_factory=set)
    undelivered: list[Undelivered] = field(default_factory=list)
    counts: Counts = field(default_factory=Counts)


def send_all(
    requests: Iterable[Request], client: CollectorClient, deadline: float, parallel: int
) -> Iterator[Outcome]:
    """Send requests and yield what became of each, in the order in which it is known.

    Requests are taken from the iterable when they can be sent, so that memory holds a few of them,
    however many there are.

    Args:
        requests: What to send; each is sent, whatever becomes of the others.
        client: Sends them.
        deadline: When to give up, by the client's clock.
        parallel: Requests that are under way at once.
    """
    waiting = iter(requests)
    first = list(itertools.islice(waiting, 2))
    if len(first) < 2:  # noqa: PLR2004 - one request, the common case, needs no thread
        yield from (_send(request, client, deadline) for request in first)
        return
    with ThreadPoolExecutor(parallel, "sender") as pool:
        under_way: set[Future[Outcome]] = set()
        for request in itertools.chain(first, waiting):
            if len(under_way) >= parallel:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
            under_way.add(pool.submit(_send, request, client, deadline))
        yield from (future.result() for future in under_way)


def _send(request: Request, client: CollectorClient, deadline: float) -> Outcome:
    """Send a request, and divide it if the collector refuses something that is in it."""
    outcome = Outcome()
    if refusal := request.destination.slot.refusal:
        _add_undelivered(request, Action.SET_ASIDE, refusal, outcome)
        return outcome
    pieces, divisions = [request], 0
    while pieces:
        piece = pieces.pop()
        delivery = client.deliver(piece.destination, piece.body, deadline)
        outcome.counts.requests += delivery.requests
        outcome.counts.retries += max(0, delivery.requests - 1)
        outcome.counts.bytes += delivery.bytes
        outcome.counts.rejected += delivery.rejected
        match delivery.action:
            case Action.DELIVERED:
                _add_delivered(piece, outcome)
            case Action.DIVIDE if len(piece.parts) > 1 and divisions < MOST_DIVISIONS:
                # What is visibly broken is found without asking, so that divisions are left for
                # what is not.
                broken, sound = _parted(piece.parts) if divisions == 0 else ([], piece.parts)
                for part in broken:
                    alone = Request(piece.destination, [part])
                    _add_undelivered(alone, Action.SET_ASIDE, delivery.reason, outcome)
                if not broken:
                    pieces += piece.halves()
                    divisions += 1
                elif sound:
                    pieces.append(Request(piece.destination, sound))
            case Action.DIVIDE | Action.SET_ASIDE:
                _add_undelivered(piece, Action.SET_ASIDE, delivery.reason, outcome)
            case _:
                _add_undelivered(piece, Action.LATER, delivery.reason, outcome)
    return outcome


def _parted(parts: list[Part]) -> tuple[list[Part], list[Part]]:
    """Return the parts whose lengths do not add up, and the others."""
    broken: list[Part] = []
    sound: list[Part] = []
    for part in parts:
        (broken if is_broken(part) else sound).append(part)
    return broken, sound


def _add_delivered(piece: Request, outcome: Outcome) -> None:
    outcome.delivered.update(part.item for part in piece.parts)
    outcome.counts.spans += _spans(piece)
    if ended := first_end(piece.parts[0].data):
        # Not below zero: another machine's clock may be ahead.
        outcome.counts.lags.append(max(0, (time.time_ns() - ended) // 1_000_000))


def _add_undelivered(piece: Request, action: Action, reason: str, outcome: Outcome) -> None:
    outcome.undelivered.append(Undelivered(piece, action, reason))
    if action is Action.SET_ASIDE:
        outcome.counts.rejected += _spans(piece)
    else:
        outcome.counts.undelivered += _spans(piece)


def _spans(piece: Request) -> int:
    return sum(part.spans for part in piece.parts)
