"""Which quota a load reaches first, and how much more it could be until then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from lambda_otel_lite_cdk.cli.cost.load import SECONDS, Forwarders, Kind, Load

#: Default quotas of an account in a region, all of which can be raised. Source:
#: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LAMBDA_CONCURRENCY = 1000
#: https://docs.aws.amazon.com/general/latest/gr/xray.html
XRAY_SEGMENTS = 2600
#: What Lambda itself and the function send of each invocation.
_SEGMENTS = 2
#: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html: what each shard
#: takes in, and what a new stream on demand does. It grows to twice its last peak, up to 200 MB/s.
SHARD_BYTES, SHARD_RECORDS, NEW_STREAM_SHARDS = 1_000_000, 1000, 4


@dataclass(frozen=True)
class Quota:
    """A quota, and how much of it a load takes in its busiest second.

    Args:
        name: What is limited.
        limit: How much there may be.
        used: How much there is.
    """

    name: str
    limit: float
    used: float

    @property
    def factor(self) -> float:
        """How many times the load there could be."""
        return self.limit / self.used if self.used else float("inf")


def first(quotas: Iterable[Quota]) -> Quota:
    """Return the one that is reached first."""
    return min(quotas, key=lambda quota: quota.factor)


def of_functions(load: Load, added_ms: float, forwarders: float = 0.0) -> list[Quota]:
    """Return the quotas of the functions themselves.

    Args:
        load: The load.
        added_ms: What tracing adds to an invocation, in milliseconds.
        forwarders: Forwarders that run at once, of the same account.
    """
    rate = per_second(load, load.total)
    running = rate * (load.duration_ms + added_ms) / 1000 + forwarders
    return [Quota("account concurrency", LAMBDA_CONCURRENCY, running)]


def of_forwarder(load: Load, kind: Kind, forwarders: float) -> list[Quota]:
    """Return the quota of the forwarder's concurrency.

    Args:
        load: The load.
        kind: How lines come to it.
        forwarders: How many run at once.
    """
    way = load.forwarding
    limit = LAMBDA_CONCURRENCY if way.concurrency is None else way.concurrency
    if kind is Kind.KINESIS:
        limit = min(limit, shards(way) * way.parallel)
    return [Quota("forwarder concurrency", limit, forwarders)]


def of_stream(load: Load, records: float, size: float) -> list[Quota]:
    """Return the quotas of what a stream takes in.

    Args:
        load: The load.
        records: In a month.
        size: Bytes of each.
    """
    rate, count = per_second(load, records), shards(load.forwarding)
    stream = f"of {count} shards" if load.forwarding.shards else "of a new stream"
    return [
        Quota(f"bytes {stream}", SHARD_BYTES * count, rate * size),
        Quota(f"records {stream}", SHARD_RECORDS * count, rate),
    ]


def of_xray(load: Load) -> list[Quota]:
    """Return the quota of what X-Ray takes in, of a load that it records all of."""
    return [Quota("X-Ray segments", XRAY_SEGMENTS, per_second(load, load.total) * _SEGMENTS)]


def shards(way: Forwarders) -> int:
    """Return how many shards a stream has, or begins with."""
    return way.shards or NEW_STREAM_SHARDS


def per_second(load: Load, monthly: float) -> float:
    """Return how many of something come in the busiest second, of so many in a month."""
    return monthly / SECONDS * load.peak
