"""Count spans by service and name: how many, how many failed, and how long they took."""

from __future__ import annotations

import math
from array import array
from collections import defaultdict
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from lambda_otel_lite_cdk.cli.traces.spans import Span
from lambda_otel_lite_cdk.cli.traces.text import cut, format_duration, printable

#: Parts of a histogram, and the signs of one, from none to the most.
_PARTS = 8
_BLOCKS, _ASCII_BLOCKS = " ▁▂▃▄▅▆▇█", " .:-=+*%#"
_PERCENTILES = (50, 95, 99)
#: Columns and their cells; where a terminal is too narrow, the last ones are left out.
_COLUMNS = (
    ("count", 7),
    ("errors", 7),
    *((f"p{percent}", 8) for percent in _PERCENTILES),
    ("max", 8),
    ("cold", 5),
    ("durations", _PARTS + 2),
)
_LEAST_NAME_CELLS = 12


class _Group:
    """Hold what is counted of the spans of one name."""

    def __init__(self) -> None:
        self.durations = array("q")
        self.errors = 0
        self.cold = 0

    def percentile(self, percent: int) -> int:
        """Return the least duration that so many of a hundred spans did not exceed."""
        ordered = sorted(self.durations)
        return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


class Summary:
    """Count spans as they come; a span that came twice counts once."""

    def __init__(self) -> None:
        self._groups: defaultdict[str, defaultdict[str, _Group]] = defaultdict(
            lambda: defaultdict(_Group)
        )
        self._seen: set[tuple[str, str]] = set()

    def add(self, span: Span) -> None:
        """Count a span."""
        known = len(self._seen)
        self._seen.add((span.trace_id, span.span_id))
        if len(self._seen) == known:
            return
        group = self._groups[span.service][span.name]
        group.durations.append(max(span.end_ns - span.start_ns, 0))
        group.errors += span.status == "ERROR"
        group.cold += span.attributes.get("faas.coldstart") is True

    def print(self, console: Console) -> None:
        """Print a table: services and names in the order of the time that they took together.

        Args:
            console: Where to print; names are cut where it is narrow.
        """
        columns = list(_COLUMNS)
        while sum(cells for _, cells in columns) > console.width - _LEAST_NAME_CELLS:
            columns.pop()
        free = console.width - sum(cells for _, cells in columns)
        names = [name for groups in self._groups.values() for name in groups]
        widest = max((cell_len(printable(name)) + 2 for name in names), default=0)
        name_cells = min(max(widest, _LEAST_NAME_CELLS), free)
        ascii_only = console.options.ascii_only
        scale = _Scale([took for group in self._all() for took in group.durations])
        lines = [Text(" " * name_cells + "".join(f"{head:>{cells}}" for head, cells in columns))]
        for service in sorted(self._groups, key=self._time_of, reverse=True):
            lines.append(Text(printable(service), style="bold"))
            for name, group in sorted(
                self._groups[service].items(), key=lambda one: sum(one[1].durations), reverse=True
            ):
                label = cut(f"  {printable(name)}", name_cells, ascii_only=ascii_only)
                texts = zip(_texts(group, scale, ascii_only=ascii_only), columns, strict=False)
                cells = [(f" {text:>{cells - 1}}", style) for (text, style), (_, cells) in texts]
                lines.append(Text.assemble(label, *cells))
        lines.append(Text(f"durations are from {scale.least} to {scale.most}, logarithmic"))
        for line in lines:
            console.print(line, no_wrap=True, overflow="crop")

    def _all(self) -> Iterator[_Group]:
        for groups in self._groups.values():
            yield from groups.values()

    def _time_of(self, service: str) -> int:
        return sum(sum(group.durations) for group in self._groups[service].values())


class _Scale:
    """Say which part of a histogram a duration is in; all of a table share one.

    Args:
        durations: All of them, in nanoseconds.
    """

    def __init__(self, durations: Sequence[int]) -> None:
        least, most = max(min(durations), 1), max(*durations, 1)
        self.least, self.most = format_duration(least), format_duration(most)
        self._first = math.log(least)
        self._step = (math.log(most) - self._first) / _PARTS or 1

    def histogram(self, group: _Group, signs: str) -> str:
        counts = [0] * _PARTS
        for took in group.durations:
            part = (math.log(max(took, 1)) - self._first) / self._step
            counts[max(0, min(int(part), _PARTS - 1))] += 1
        most = max(counts)
        # One of a million is seen, too.
        return "".join(signs[math.ceil(count * (len(signs) - 1) / most)] for count in counts)


def _texts(group: _Group, scale: _Scale, *, ascii_only: bool) -> list[tuple[str, str]]:
    """Return the text of each column, and its style."""
    return [
        (str(len(group.durations)), ""),
        (str(group.errors) if group.errors else "", "bold red"),
        *((format_duration(group.percentile(percent)), "") for percent in _PERCENTILES),
        (format_duration(max(group.durations)), ""),
        (str(group.cold) if group.cold else "", ""),
        (scale.histogram(group, _ASCII_BLOCKS if ascii_only else _BLOCKS), "dim"),
    ]
