"""Gather what was not delivered, by destination and reason, in bounded memory."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from otlp_forwarder.input.records import Part
from otlp_forwarder.output.refusals import kind_of
from otlp_forwarder.output.responses import Action

if TYPE_CHECKING:
    from collections.abc import Hashable

    from otlp_forwarder.output.destination import Destination
    from otlp_forwarder.output.sender import Undelivered

#: Bytes that are kept as they are; more is compressed until it is put into a queue. An event has
#: 6 MB at most, and not much more when it is compressed again.
PLAIN_BYTES = 32 * 1024 * 1024
#: Kinds of reasons that are told apart. Collectors may give a reason of its own for each span.
MOST_KINDS = 20


@dataclass(slots=True)
class Group:
    """Parts for one destination that were not delivered for one kind of reason.

    Args:
        destination: Where they should have gone.
        action: What is done with them.
        reason: The reason that came first.
        spans: How many spans they hold.
        items: The items of the event that they came in.
    """

    destination: Destination
    action: Action
    reason: str
    spans: int = 0
    items: set[int] = field(default_factory=set)
    _parts: list[tuple[Part, bool]] = field(default_factory=list)

    def add(self, part: Part, *, packed: bool) -> None:
        """Add a part, and say whether its data is compressed."""
        self._parts.append((part, packed))
        self.spans += part.spans
        self.items.add(part.item)

    def parts(self) -> Iterator[Part]:
        """Yield the parts."""
        for part, packed in self._parts:
            yield Part(part.item, zlib.decompress(part.data), part.spans) if packed else part


class Pile:
    """All that was not delivered of an event, in few groups."""

    def __init__(self) -> None:
        self._groups: dict[Hashable, Group] = {}
        self._plain = 0
        #: Requests that were not delivered, and why the first of them was not.
        self.requests = 0
        self.reason = ""

    def add(self, undelivered: Undelivered) -> None:
        """Add what was not delivered of a request."""
        self.requests += 1
        self.reason = self.reason or undelivered.reason
        destination = undelivered.request.destination
        where, kind = (destination.answering, undelivered.action), kind_of(undelivered.reason)
        if (where, kind) not in self._groups and len(self._groups) >= MOST_KINDS:
            kind = ""
        group = self._groups.setdefault(
            (where, kind), Group(destination, undelivered.action, undelivered.reason)
        )
        for part in undelivered.request.parts:
            self._plain += len(part.data)
            packed = self._plain > PLAIN_BYTES
            data = zlib.compress(part.data, 1) if packed else part.data
            group.add(Part(part.item, data, part.spans), packed=packed)

    def groups(self, *actions: Action) -> list[Group]:
        """Return the groups with one of the actions."""
        return [group for group in self._groups.values() if group.action in actions]
