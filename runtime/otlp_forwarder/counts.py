"""What happened in one invocation, in numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Counts:
    """Numbers that add up over requests.

    Numbers of spans are what log records say that they hold, if so many can be in them; the spans
    of other records are counted. They are for metrics, and nothing is decided by them.

    Args:
        records: Log records that were read.
        spans: Spans that the collector took, without those that it rejected.
        requests: Requests that were sent, retries among them.
        retries: Requests that were sent again.
        bytes: Bytes of all these requests as they were sent, compressed.
        rejected: Spans that the collector rejected in a request that it took, or that were set
            aside because it refused their request.
        undelivered: Spans that are left for a later invocation.
        held: Those of them for which somebody has to change something first.
        malformed: Pieces of input that can never be forwarded, by reason.
        lags: For each request that was taken, the milliseconds from the end of its first span
            until then.
    """

    records: int = 0
    spans: int = 0
    requests: int = 0
    retries: int = 0
    bytes: int = 0
    rejected: int = 0
    undelivered: int = 0
    held: int = 0
    malformed: Counter[str] = field(default_factory=Counter)
    lags: list[int] = field(default_factory=list)

    def add(self, other: Counts) -> None:
        """Add what another thread counted."""
        self.records += other.records
        self.spans += other.spans
        self.requests += other.requests
        self.retries += other.retries
        self.bytes += other.bytes
        self.rejected += other.rejected
        self.undelivered += other.undelivered
        self.held += other.held
        self.malformed += other.malformed
        self.lags += other.lags
