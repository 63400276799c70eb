"""What is asked of telemetry: functions, how often they run, and what they record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lambda_otel_lite_cdk.forwarding import facts
from lambda_otel_lite_cdk.settings.keep import Keep

#: Of an average month.
HOURS = 730
SECONDS = HOURS * 3600


class Kind(StrEnum):
    """How log lines come to the forwarder."""

    DIRECT = "direct"
    ACCOUNT = "account policy"
    KINESIS = "Kinesis"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Functions that are alike.

    Args:
        functions: How many there are.
        memory_mb: Memory of each, in MB.
        architecture: ``"x86_64"`` or ``"arm64"``.
        keep: Which invocations they export; None: all.
    """

    functions: float = 1
    memory_mb: int = 512
    architecture: str = "x86_64"
    keep: Keep | None = None


@dataclass(frozen=True, kw_only=True)
class Forwarders:
    """How spans leave the log.

    Args:
        kinds: The ways that an app has; empty where nothing is known or none is there.
        concurrency: Most forwarders at once; None: as many as the account has.
        shards: Of the stream; None: on demand.
        parallel: Forwarders at once for each shard.
        batch_size: Most records of the stream for one forwarder.
        window_seconds: How long it waits for them.
        memory_mb: Memory of the forwarder.
    """

    kinds: tuple[Kind, ...] = ()
    concurrency: int | None = facts.CONCURRENCY
    shards: int | None = None
    parallel: int = 1
    batch_size: int = 100
    window_seconds: int = 1
    memory_mb: int = facts.MEMORY_MB


@dataclass(frozen=True, kw_only=True)
class Load:
    """What a month brings.

    Args:
        groups: The functions.
        forwarding: How spans leave the log.
        invocations: Of each function in a month.
        duration_ms: Of each invocation without tracing, in milliseconds.
        spans: Of each invocation.
        bytes_per_span: In the log; None: as the benchmarks measured.
        cold_starts: Share of invocations that are cold starts.
        errors: Share that have an error.
        timeouts: Share that reach their deadline.
        slow: Share that take longer than a rule ``slower_than_ms`` says.
        ratio: Share of a rule ``ratio`` where an app has none.
        peak: How many times the average the busiest second has.
        forwarder_ms: How long one call of the forwarder takes, in milliseconds.
    """

    groups: tuple[Group, ...] = field(default=(Group(),))
    forwarding: Forwarders = field(default=Forwarders())
    invocations: float = 1_000_000
    duration_ms: float = 120
    spans: float = 5
    bytes_per_span: float | None = None
    cold_starts: float = 0.01
    errors: float = 0.01
    timeouts: float = 0.001
    slow: float = 0.01
    ratio: float = 0.05
    peak: float = 3
    forwarder_ms: float = 60

    @property
    def functions(self) -> float:
        """How many functions there are."""
        return sum(group.functions for group in self.groups)

    @property
    def total(self) -> float:
        """Invocations of all functions in a month."""
        return self.functions * self.invocations

    def exported(self, keep: Keep | None) -> float:
        """Return the share of invocations that is exported, as if rules applied independently."""
        if keep is None:
            return 1.0
        shares: Mapping[str, float] = {
            "timeouts": self.timeouts,
            "errors": self.errors,
            "cold_starts": self.cold_starts,
            "slower_than_ms": self.slow,
            "ratio": keep.ratio or 0.0,
        }
        left = (1 - share for name, share in shares.items() if getattr(keep, name))
        return 1 - math.prod(left)
