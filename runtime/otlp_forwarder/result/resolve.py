"""Resolve who keeps what was not delivered: the platform, which invokes again, or a queue.

The platform redelivers whole items. An item of which nothing was delivered is left to it. Of an
item of which a part was delivered only the rest is kept, in the redrive queue, and the item counts
as done, so that the delivered part does not arrive twice.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from otlp_forwarder.input.events import Source
from otlp_forwarder.output.merge import Request
from otlp_forwarder.output.responses import Action

if TYPE_CHECKING:
    from otlp_forwarder.output.sender import Outcome
    from otlp_forwarder.result.queues import Queue

logger = logging.getLogger(__name__)


def resolve(
    source: Source, outcomes: Iterable[Outcome], redrive: Queue, dead_letters: Queue
) -> set[int]:
    """Find a keeper for everything that was not delivered.

    Args:
        source: Who redelivers, and so how much at once.
        outcomes: What became of all requests of the event.
        redrive: For what may be delivered later.
        dead_letters: For what the collector refused, until somebody has looked at it.

    Returns:
        The items that the platform must keep. Without queues these are all items that were not
        delivered as a whole; what was delivered of them arrives again.
    """
    done: set[int] = set()
    waiting: list[tuple[Request, str]] = []
    reasons: Counter[str] = Counter()
    for outcome in outcomes:
        done |= outcome.delivered
        for undelivered in outcome.undelivered:
            request, reason = undelivered.request, undelivered.reason
            if undelivered.action is Action.SET_ASIDE:
                reasons[reason] += 1
                left = dead_letters.put(request, reason)
                done |= {part.item for part in request.parts} - {part.item for part in left}
                request = Request(request.destination, list(left))
            if request.parts:
                waiting.append((request, reason))
    kept = _kept_by_platform(source, {part.item for r, _ in waiting for part in r.parts}, done)
    for request, reason in waiting:
        reasons[reason] += 1
        rest = [part for part in request.parts if part.item not in kept]
        if rest:
            left = redrive.put(Request(request.destination, rest), reason)
            kept |= {part.item for part in left}
    if reasons:
        said = "; ".join(f"{reason} ({n})" for reason, n in reasons.most_common())
        logger.warning("not delivered: %s", said)
    return kept


def _kept_by_platform(source: Source, failed: set[int], done: set[int]) -> set[int]:
    """Return the failed items that the platform can redeliver without anything arriving twice."""
    if source is Source.QUEUE:
        return failed - done
    # A stream is redelivered from the first failed item on.
    again = {item for item in done if failed and item >= min(failed)}
    return set() if again else failed
