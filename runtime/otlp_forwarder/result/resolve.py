"""Resolve who keeps what was not delivered: the platform, which invokes again, or a queue.

The platform redelivers whole items. An item of which nothing was delivered is left to it. Of an
item of which a part was delivered only the rest is kept, in the redrive queue, and the item counts
as done, so that the delivered part does not arrive twice.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from otlp_forwarder.input.events import Source
from otlp_forwarder.output.responses import Action

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from otlp_forwarder.counts import Counts
    from otlp_forwarder.input.records import Part
    from otlp_forwarder.result.bucket import Bucket
    from otlp_forwarder.result.pile import Group, Pile
    from otlp_forwarder.result.queues import Queue

logger = logging.getLogger(__name__)

#: Why a span is lost that fits nowhere.
TOO_LARGE = "refused, and too large for a queue"


class Keepers:
    """Who can keep what.

    Args:
        redrive: For what may be delivered later.
        dead_letters: For what the collector refused, until somebody has looked at it.
        overflow: For what of it is too large for a queue.
    """

    def __init__(self, redrive: Queue, dead_letters: Queue, overflow: Bucket) -> None:
        self._redrive = redrive
        self._dead_letters = dead_letters
        self._overflow = overflow

    def resolve(  # noqa: PLR0913 - all but two are by keyword
        self,
        source: Source,
        pile: Pile,
        *,
        done: AbstractSet[int],
        unread: AbstractSet[int],
        until: float,
        counts: Counts,
    ) -> set[int]:
        """Find a keeper for everything that was not delivered.

        Args:
            source: Who redelivers, and so how much at once.
            pile: What was not delivered.
            done: Items of which something was delivered.
            unread: Items for which there was no time, the last ones of the event.
            until: When to begin nothing more, by the queues' clock.
            counts: Where to count what is lost.

        Returns:
            The items that the platform must keep. Without queues these are all items that were not
            delivered as a whole; what was delivered of them arrives again.
        """
        done = set(done)
        waiting: list[tuple[Group, list[Part]]] = []
        for group in pile.groups(Action.SET_ASIDE):
            put = self._dead_letters.put(group.destination, group.parts(), group.reason, until)
            if self._overflow:
                put.left += self._overflow.put(
                    group.destination, put.too_large, group.reason, until
                )
            elif lost := sum(part.spans or 1 for part in put.too_large):
                counts.malformed[TOO_LARGE] += lost
                logger.error("%d spans are lost, %s: %s", lost, TOO_LARGE, group.reason)
            done |= group.items - {part.item for part in put.left}
            _say(group, "in the dead-letter queue", put.left)
            waiting.append((group, put.left))
        handed = [Action.HAND_OVER] if source is not Source.QUEUE else []
        for group in pile.groups(*handed):
            put = self._redrive.put(group.destination, group.parts(), group.reason, until)
            left = put.left + put.too_large
            done |= group.items - {part.item for part in left}
            _say(group, "in the redrive queue", left)
            waiting.append((group, left))
        failed = {part.item for _, left in waiting for part in left}
        later = pile.groups(*({Action.LATER, Action.HOLD, Action.HAND_OVER} - set(handed)))
        for group in later:
            failed |= group.items
        kept = _kept_by_platform(source, failed, done)
        for group in later:
            rest = (part for part in group.parts() if part.item not in kept)
            put = self._redrive.put(group.destination, rest, group.reason, until)
            left = put.left + put.too_large
            _say(group, "in the redrive queue or left to the platform", left)
            kept |= {part.item for part in left}
        for group, left in waiting:
            remaining = [part for part in left if part.item not in kept]
            put = self._redrive.put(group.destination, remaining, group.reason, until)
            kept |= {part.item for part in put.left + put.too_large}
        return kept | unread


def _say(group: Group, where: str, left: list[Part]) -> None:
    """Log what became of a group, and of what is left of it where nobody else takes it."""
    count = sum(part.spans for part in left)
    if count == group.spans:
        where = "left to the platform"
    elif count:
        where += f", except for {count} that are left to the platform"
    logger.warning("%d spans are %s: %s", group.spans, where, group.reason)


def _kept_by_platform(source: Source, failed: set[int], done: set[int]) -> set[int]:
    """Return the failed items that the platform can redeliver without anything arriving twice."""
    if source is Source.QUEUE:
        return failed - done
    # A stream is redelivered from the first failed item on.
    again = {item for item in done if failed and item >= min(failed)}
    return set() if again else failed
