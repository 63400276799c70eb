"""Input that cannot be forwarded, however often it is tried."""

from __future__ import annotations

from dataclasses import dataclass


class MalformedError(Exception):
    """Why a piece of input is left out.

    The text is one of a few fixed phrases. So reasons can be counted, and nothing of the input,
    which may be anybody's data, gets into a log.
    """


@dataclass(frozen=True, slots=True)
class Malformed:
    """A piece of input that is left out.

    Args:
        reason: The text of a `MalformedError`.
    """

    reason: str
