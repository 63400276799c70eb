"""Find the spans that a collector refuses, by dividing the requests that they are in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otlp_forwarder.input.malformed import MalformedError
from otlp_forwarder.input.records import is_broken
from otlp_forwarder.output.merge import Request
from otlp_forwarder.output.refusals import EVIDENCE, Evidence, Refusals, Shape, alike, shapes_in
from otlp_forwarder.output.responses import Action
from otlp_forwarder.output.spans import halves

if TYPE_CHECKING:
    from otlp_forwarder.input.records import Part
    from otlp_forwarder.output.destination import Destination

#: How often requests are divided in one invocation. 100 bad spans among 1,000 are found by some
#: 300 divisions. What is not decided then is decided in a later invocation.
MOST_DIVISIONS = 1000


@dataclass(frozen=True, slots=True)
class Piece:
    """What is sent by itself.

    Args:
        request: What is sent.
        rest: What was refused together with it. If this is taken, something in the rest is not.
        is_whole: Whether the request is as it was merged.
    """

    request: Request
    rest: Request | None = None
    is_whole: bool = False


class Search:
    """The requests of one invocation, and what they are divided into.

    Args:
        requests: What is sent first.
        refusals: What is known not to be taken.
    """

    def __init__(self, requests: Iterable[Request], refusals: Refusals) -> None:
        self._requests = iter(requests)
        self._refusals = refusals
        self._ready: list[Piece] = []
        self._apart: list[tuple[Request, str]] = []
        self._evidence: defaultdict[Shape, Evidence] = defaultdict(Evidence)
        self._divisions = 0

    @property
    def ready(self) -> int:
        """How many pieces can be taken."""
        return len(self._ready)

    @property
    def next_size(self) -> int:
        """Size of the next piece in bytes."""
        return self._ready[-1].request.size

    def take(self) -> Piece:
        """Return the next piece: the one that is nearest to be decided."""
        return self._ready.pop()

    def prepare(self, wanted: int, *, is_idle: bool) -> bool:
        """Have some pieces ready, and tell whether there is one, or something to set aside.

        Args:
            wanted: How many are wanted.
            is_idle: Whether no piece is under way, so that nothing more becomes known by itself.
        """
        # What is set aside is not held either.
        while self.ready < wanted and not self._apart:
            if (request := next(self._requests, None)) is None:
                break
            self._add(request)
        if is_idle and not self._ready:
            for evidence in self._evidence.values():
                self._release(evidence)
        return bool(self._ready or self._apart)

    def set_aside(self) -> list[tuple[Request, str]]:
        """Return what is refused without being asked for, and why."""
        apart, self._apart = self._apart, []
        return apart

    def add_taken(self, piece: Piece) -> None:
        """Go on after a piece was taken."""
        destination = piece.request.destination
        if any(evidence.is_open for evidence in self._evidence.values()):
            for part in piece.request.parts:
                for shape in shapes_in(destination, part) & self._evidence.keys():
                    self._release(self._evidence[shape])
        if piece.rest and not self._divide(piece.rest):
            self._ready.append(Piece(piece.rest))

    def add_undecided(self, piece: Piece) -> None:
        """Go on after nothing was learned of a piece."""
        if piece.rest:
            self._ready.append(Piece(piece.rest))

    def add_refused(self, piece: Piece, reason: str) -> tuple[Request, Action, str] | None:
        """Go on after something in a piece was refused.

        Args:
            piece: The piece.
            reason: Why it was refused.

        Returns:
            What is decided now, what is done with it and why; None: nothing.
        """
        self.add_undecided(piece)
        request = piece.request
        if piece.is_whole:
            # What is visibly broken is found without asking.
            broken: list[Part] = []
            sound: list[Part] = []
            for part in request.parts:
                (broken if is_broken(part) else sound).append(part)
            if broken:
                if sound:
                    self._ready.append(Piece(Request(request.destination, sound)))
                return Request(request.destination, broken), Action.SET_ASIDE, reason
        if self._divide(request):
            return None
        if self._divisions >= MOST_DIVISIONS and _halves(request):
            told = f"one of {request.spans} spans is refused, which a later invocation looks for, "
            told += f"after {MOST_DIVISIONS} divisions in this one: {reason}"
            return request, Action.LATER, told
        self._learn(request, reason)
        return request, Action.SET_ASIDE, reason

    def _add(self, request: Request) -> None:
        destination = request.destination
        if refusal := destination.slot.refusal:
            self._apart.append((request, refusal))
            return
        parts, apart = self._refusals.set_apart(destination, request.parts)
        self._apart += [(Request(destination, refused), why) for why, refused in apart.items()]
        if parts:
            self._ready.insert(0, Piece(Request(destination, parts), is_whole=True))

    def _divide(self, request: Request) -> bool:
        """Divide a request in which something is refused, unless that is not possible."""
        if self._divisions >= MOST_DIVISIONS or (parted := _halves(request)) is None:
            return False
        self._divisions += 1
        self._ready.append(Piece(parted[0], rest=parted[1]))
        return True

    def _learn(self, request: Request, reason: str) -> None:
        """Learn from a span that was refused alone."""
        destination = request.destination
        for shape in shapes_in(destination, request.parts[0]):
            evidence = self._evidence[shape]
            evidence.add(reason)
            if not evidence.is_open:
                continue
            if evidence.refused == EVIDENCE:
                self._suspect(shape, evidence, destination)
            elif evidence.is_enough:
                why = f"{reason} (set aside without asking, as {evidence.refused} like it)"
                self._refusals.add(shape, why)
                self._apart += [(waiting, why) for waiting in evidence.waiting]
                evidence.waiting = []

    def _suspect(self, shape: Shape, evidence: Evidence, destination: Destination) -> None:
        """Ask for some of the other spans of a shape alone, and let the rest wait for them."""
        found: list[Request] = []
        ready, self._ready = self._ready, []
        for piece in ready:
            request = piece.request
            if request.destination.answering != destination.answering:
                self._ready.append(piece)
                continue
            for each in filter(None, (piece.rest, request)):
                chosen, others = alike(shape, destination, each.parts)
                found += [Request(each.destination, [part]) for part in chosen]
                if others:
                    whole = piece.is_whole and not chosen
                    self._ready.append(Piece(Request(each.destination, others), is_whole=whole))
        step = max(1, len(found) // EVIDENCE)
        asked = set(range(0, len(found), step)[:EVIDENCE])
        evidence.waiting = [each for number, each in enumerate(found) if number not in asked]
        self._ready += [Piece(found[number]) for number in asked]

    def _release(self, evidence: Evidence) -> None:
        """Ask for what waits after all."""
        evidence.is_open = False
        waiting, evidence.waiting = evidence.waiting, []
        if waiting:
            parts = [part for each in waiting for part in each.parts]
            self._ready.append(Piece(Request(waiting[0].destination, parts)))


def _halves(request: Request) -> tuple[Request, Request] | None:
    """Return two requests that together hold the same spans, or None if there is only one."""
    if len(request.parts) > 1:
        return request.halves()
    try:
        parted = halves(request.parts[0])
    except MalformedError:
        return None
    if parted is None:
        return None
    one, other = parted
    return Request(request.destination, [one]), Request(request.destination, [other])
