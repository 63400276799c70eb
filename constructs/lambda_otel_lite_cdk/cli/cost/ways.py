"""What each way to trace a load costs in a month, and the first quota that it reaches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from lambda_otel_lite_cdk.cli.cost import quotas
from lambda_otel_lite_cdk.cli.cost.load import HOURS, SECONDS, Group, Kind, Load
from lambda_otel_lite_cdk.cli.cost.overhead import Overhead, at
from lambda_otel_lite_cdk.cli.cost.prices import Prices
from lambda_otel_lite_cdk.cli.cost.quotas import Quota
from lambda_otel_lite_cdk.settings.keep import Keep

GB = 1_000_000_000
_KB = 1024
_MB_OF_GB = 1024
#: Bytes of what one PUT unit pays for.
_PUT_UNIT = 25 * _KB
#: Bytes that a call of the forwarder writes to its own log: its line of metrics, and the platform's
#: lines START, END and REPORT. A test compares.
FORWARDER_LOG_BYTES = 1000
#: The metrics of that line, and the alarms of `OtlpForwarder`, also with a stream. Tests compare.
METRICS, ALARMS, STREAM_ALARMS = 10, 5, 6
THIS, NOT_KEPT, LITE = "this", "this, not kept", "lambda-otel-lite 0.15"
ADOT, XRAY, DATADOG = "adot", "xray", "datadog"
#: What the rule ``slower_than_ms`` is given where an app has none.
_SLOWER_MS = 1000


@dataclass(frozen=True, kw_only=True)
class WayCost:
    """A way, and what it costs beyond what the functions cost without it, in dollars a month.

    Args:
        way: Its name.
        exported: Which invocations are exported, in words.
        share: Their share of all.
        functions: Time that is added to the functions.
        logs: Lines in the log, taken in and kept.
        forwarding: Forwarder and stream, with metrics and alarms.
        backend: What the backend takes, where the way has only one.
        quota: The quota that is reached first.
    """

    way: str
    exported: str
    share: float
    functions: float
    logs: float = 0.0
    forwarding: float = 0.0
    backend: float = 0.0
    quota: Quota = field(default=Quota("none", math.inf, 0.0))

    @property
    def total(self) -> float:
        """All of it together."""
        return self.functions + self.logs + self.forwarding + self.backend


def rows(load: Load, prices: Prices, overheads: Mapping[str, Overhead]) -> list[WayCost]:
    """Return every way: as the app has it, this project's, and its peers'.

    Args:
        load: What a month brings.
        prices: Of a region.
        overheads: What is added to the functions.
    """
    model = _Model(load, prices, overheads)
    own = load.forwarding.kinds[0] if load.forwarding.kinds else Kind.DIRECT
    everything = _kept_by(load.groups, None)
    found = []
    if any(group.keep for group in load.groups) or load.forwarding.kinds:
        found.append(model.own("as the app is", own, load.groups))
    found += [model.own(f"this, {kind}", kind, everything) for kind in Kind]
    found += [
        model.own(f"this, {own}", own, _kept_by(load.groups, keep))
        for keep in (
            Keep(timeouts=True),
            Keep(errors=True),
            Keep(cold_starts=True),
            Keep(slower_than_ms=_SLOWER_MS),
            Keep(ratio=load.ratio),
        )
    ]
    return [*found, model.lite(own), model.adot(), model.xray(), model.datadog()]


@dataclass(frozen=True)
class Stream:
    """What a data stream does in a month.

    Args:
        calls: Of the forwarder, which reads it.
        dollars: That it costs.
    """

    calls: float
    dollars: float


def stream(load: Load, prices: Prices, records: float, size: float) -> Stream:
    """Return what a stream costs, and how often the forwarder is called for it.

    Args:
        load: The load.
        prices: Of a region.
        records: In a month, one of each exported invocation.
        size: Bytes of each.
    """
    way = load.forwarding
    # Each reader waits for a full batch as long as the window says.
    waiting = records / SECONDS / (quotas.shards(way) * way.parallel) * way.window_seconds
    calls = records / min(way.batch_size, max(1.0, waiting))
    if way.shards:
        units = records * math.ceil(size / _PUT_UNIT)
        dollars = prices.cost("kinesis.shard_hours", HOURS * way.shards)
        return Stream(calls, dollars + prices.cost("kinesis.put_units", units))
    dollars = prices.cost("kinesis.stream_hours", HOURS)
    dollars += prices.cost("kinesis.in", records * math.ceil(size / _KB) * _KB / GB)
    return Stream(calls, dollars + prices.cost("kinesis.out", records * size / GB))


def words(groups: Sequence[Group]) -> str:
    """Return in words which invocations are exported."""
    kept = {group.keep.written() if group.keep else "all" for group in groups}
    return kept.pop() if len(kept) == 1 else "by each function's rules"


def _kept_by(groups: Sequence[Group], keep: Keep | None) -> list[Group]:
    return [replace(group, keep=keep) for group in groups]


@dataclass(frozen=True)
class _Model:
    load: Load
    prices: Prices
    overheads: Mapping[str, Overhead]

    def own(self, way: str, kind: Kind, groups: Sequence[Group], name: str = THIS) -> WayCost:
        """Return this project's cost, or that of whoever writes the same lines."""
        load = self.load
        exported = sum(
            load.exported(group.keep) * group.functions * load.invocations for group in groups
        )
        size = self.line_bytes(name)
        unkept = NOT_KEPT if name == THIS else name
        compute, added = self.functions(groups, name, unkept)
        calls = exported
        by_stream, limits = 0.0, []
        if kind is Kind.KINESIS:
            carried = stream(load, self.prices, exported, size)
            calls, by_stream = carried.calls, carried.dollars
            limits = quotas.of_stream(load, exported, size)
        running = quotas.per_second(load, calls) * load.forwarder_ms / 1000
        limits += quotas.of_functions(load, added, running)
        limits += quotas.of_forwarder(load, kind, running)
        # In one sum: the more there is, the less a GB costs.
        own_lines = calls * FORWARDER_LOG_BYTES
        together = self._logs(exported * size + own_lines)
        logs = together * exported * size / (exported * size + own_lines) if exported else 0.0
        return WayCost(
            way=way,
            exported=words(groups),
            share=exported / load.total if load.total else 0.0,
            functions=compute,
            logs=logs,
            forwarding=self._forwarder(kind, calls) + by_stream + together - logs,
            quota=quotas.first(limits),
        )

    def lite(self, kind: Kind) -> WayCost:
        """Return the cost of lambda-otel-lite 0.15 with the same forwarder."""
        return self.own(LITE, kind, _kept_by(self.load.groups, None), LITE)

    def adot(self) -> WayCost:
        """Return the cost of OpenTelemetry's instrumentation with traces in X-Ray."""
        return self._traced("ADOT layer", ADOT, self._traces(), to_xray=True)

    def xray(self) -> WayCost:
        """Return the cost of the X-Ray SDK."""
        return self._traced("X-Ray SDK", XRAY, self._traces(), to_xray=True)

    def datadog(self) -> WayCost:
        """Return the cost of Datadog's library."""
        load = self.load
        backend = self.prices.cost("datadog.invocations", load.total)
        backend += self.prices.cost("datadog.functions", load.functions)
        return self._traced("Datadog's extension", DATADOG, backend)

    def line_bytes(self, name: str) -> float:
        """Return the size of an invocation's line."""
        if self.load.bytes_per_span is not None:
            return self.load.spans * self.load.bytes_per_span
        return at(self.overheads[name].line_bytes, self.load.spans)

    def functions(self, groups: Sequence[Group], kept: str, unkept: str) -> tuple[float, float]:
        """Return what is added to functions: dollars, and milliseconds of an average invocation."""
        load = self.load
        used: dict[str, float] = {}
        added = 0.0
        for group in groups:
            share = load.exported(group.keep)
            ms = sum(
                part * self.overheads[name].ms(load.spans, group.memory_mb, load.cold_starts)
                for name, part in ((kept, share), (unkept, 1 - share))
            )
            calls = group.functions * load.invocations
            seconds = calls * ms / 1000 * group.memory_mb / _MB_OF_GB
            used[group.architecture] = used.get(group.architecture, 0.0) + seconds
            added += ms * group.functions / load.functions
        dollars = sum(self.prices.cost(f"lambda.{name}", amount) for name, amount in used.items())
        return dollars, added

    def _traces(self) -> float:
        # As if each invocation began one.
        return self.prices.cost("xray.traces", self.load.total)

    def _traced(self, way: str, name: str, backend: float, *, to_xray: bool = False) -> WayCost:
        compute, added = self.functions(_kept_by(self.load.groups, None), name, name)
        limits = quotas.of_functions(self.load, added)
        limits += quotas.of_xray(self.load) if to_xray else []
        return WayCost(
            way=way,
            exported="all",
            share=1.0,
            functions=compute,
            backend=backend,
            quota=quotas.first(limits),
        )

    def _logs(self, size: float) -> float:
        # Lines are kept for a month.
        volume = size / GB
        return self.prices.cost("logs.ingested", volume) + self.prices.cost("logs.stored", volume)

    def _forwarder(self, kind: Kind, calls: float) -> float:
        memory = self.load.forwarding.memory_mb / _MB_OF_GB
        seconds = calls * self.load.forwarder_ms / 1000 * memory
        return (
            self.prices.cost("lambda.requests", calls)
            + self.prices.cost("lambda.x86_64", seconds)
            + self.prices.cost("metrics", METRICS)
            + self.prices.cost("alarms", STREAM_ALARMS if kind is Kind.KINESIS else ALARMS)
        )
