"""Draw traces in the terminal: a tree of spans with bars to scale.

Everything fits the console's width and works without colour. An error is told whole; what is odd is
shown (a parent that is missing, clocks that disagree).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import batched, pairwise

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from lambda_otel_lite_cdk.cli.console import Terminal
from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine, in_order
from lambda_otel_lite_cdk.cli.traces.notes import Notes
from lambda_otel_lite_cdk.cli.traces.spans import Placed, Span, self_times, traces, tree
from lambda_otel_lite_cdk.cli.traces.text import (
    cut,
    filled,
    format_duration,
    format_time,
    printable,
)

_SERVICE_STYLES = ("cyan", "magenta", "green", "blue", "yellow", "bright_cyan", "bright_magenta")
_DURATION_CELLS = 9
_STATUS_CELLS = 5
_LINES_AT_ONCE = 100
#: Cells of the header that are left for the slowest span's name.
_NAME_CELLS = 40


@dataclass(frozen=True, slots=True)
class _Layout:
    """Hold what all lines of one trace share: columns, scale, colours and characters."""

    width: int
    label_cells: int
    bar_cells: int
    start_ns: int
    end_ns: int
    styles: dict[str, str]
    ascii_only: bool

    @property
    def guides(self) -> tuple[str, str, str]:
        """What leads past a span to later ones, to a span, and to the last one."""
        return ("| ", "|-", "`-") if self.ascii_only else ("│ ", "├─", "└─")


def print_traces(
    spans: Iterable[Span], console: Console | None = None, *, details: bool = False
) -> None:
    """Print each trace as a waterfall.

    Args:
        spans: Spans of any traces in any order.
        console: Where to print. Default: standard output.
        details: Whether all attributes, events and links are shown. Default: no.
    """
    console = console or Terminal(highlight=False)
    for trace in traces(spans):
        print_trace(trace, console, details=details)


def print_trace(
    trace: list[Span],
    console: Console,
    *,
    continued: bool = False,
    details: bool = False,
    lines: Iterable[LogLine] = (),
) -> None:
    """Print one trace as a waterfall.

    Args:
        trace: The spans of one trace, ordered by start; one at least.
        console: Where to print.
        continued: Whether a part of the trace was printed before. Default: no.
        details: Whether all attributes, events and links are shown. Default: no.
        lines: The trace's log lines, in the order of the log. Default: none.
    """
    layout = _layout(trace, console)
    drawn = [
        *_header(trace, layout, continued=continued),
        *_lines(trace, layout, details=details, logged=list(lines)),
    ]
    # Printing line by line would be slow, and a trace may have any number of lines.
    for some in batched(drawn, _LINES_AT_ONCE):
        console.print(Text("\n").join(some), no_wrap=True, overflow="crop")
    console.print()


def _header(trace: list[Span], layout: _Layout, *, continued: bool) -> Iterator[Text]:
    """Yield which trace it is and how large; when, how often it failed and what was slowest."""
    services = len({span.service for span in trace})
    took = format_duration(max(span.end_ns for span in trace) - trace[0].start_ns)
    name = f"Trace {printable(trace[0].trace_id) or '(no id)'}{' (continued)' * continued}"
    about = f"{_count(len(trace), 'span')}, {_count(services, 'service')}, {took}"
    for line in filled([name, about], layout.width):
        shown = name if line.startswith(name) else ""
        yield Text.assemble((shown, "bold"), line[len(shown) :])
    errors = sum(span.status == "ERROR" for span in trace)
    words = [format_time(trace[0].start_ns)]
    if len(trace) > 1:
        slowest, own = max(self_times(trace), key=lambda found: found[1])
        label = cut(_label(slowest), _NAME_CELLS, ascii_only=layout.ascii_only).rstrip()
        words.append(f"slowest: {label}, {format_duration(own)} by itself")
    failed = _count(errors, "error") if errors else ""
    for line in filled([*([failed] if failed else []), *words], layout.width):
        red = failed if failed and line.startswith(failed) else ""
        yield Text.assemble((red, "bold red"), line[len(red) :])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _layout(trace: list[Span], console: Console) -> _Layout:
    free = max(console.width - _DURATION_CELLS - _STATUS_CELLS - 3, 20)
    widest = max(cell_len(_shown(placed)) + 2 * placed.depth for placed in tree(trace))
    label_cells = min(widest, free * 3 // 5)
    services = dict.fromkeys(span.service for span in trace)
    return _Layout(
        width=console.width,
        label_cells=label_cells,
        bar_cells=free - label_cells,
        start_ns=trace[0].start_ns,
        end_ns=max(max(span.start_ns, span.end_ns) for span in trace),
        styles={
            name: _SERVICE_STYLES[number % len(_SERVICE_STYLES)]
            for number, name in enumerate(services)
        },
        ascii_only=console.options.ascii_only,
    )


def _lines(
    trace: list[Span], layout: _Layout, *, details: bool, logged: list[LogLine]
) -> Iterator[Text]:
    notes = Notes(details=details, ascii_only=layout.ascii_only)
    known = {span.span_id for span in trace}
    of_spans: defaultdict[str | None, list[LogLine]] = defaultdict(list)
    for line in in_order(logged):
        of_spans[line.span_id if line.span_id in known else None].append(line)
    pipe = layout.guides[0]
    #: For each depth of the tree, whether something follows there.
    follows: list[bool] = []
    for placed, after in pairwise([*tree(trace), None]):
        if placed is None:
            break
        del follows[placed.depth :]
        yield _line(placed, follows, layout)
        follows.append(not placed.last)
        below = after is not None and after.depth > placed.depth
        guides = [*follows[1:], below]
        indent = _last("".join(pipe if each else "  " for each in guides), layout)
        width = layout.width - len(indent)
        for note in notes.of(placed, width):
            yield Text.assemble((indent, "dim"), note)
        for line in of_spans[placed.span.span_id]:
            for text in notes.logged(line, placed.span.start_ns, width):
                yield Text.assemble((indent, "dim"), text)
    for line in of_spans[None]:
        yield from notes.logged(line, layout.start_ns, layout.width)


def _label(span: Span) -> str:
    return printable(f"{span.service}: {span.name}")


def _shown(placed: Placed) -> str:
    """Return a span's name; below a span of the same service, without the service."""
    span, parent = placed.span, placed.parent
    if parent is not None and parent.service == span.service:
        return printable(span.name)
    return _label(span)


def _line(placed: Placed, follows: list[bool], layout: _Layout) -> Text:
    """Return a span's line: its place in the tree, when it ran, how long, and whether it failed."""
    span = placed.span
    pipe, tee, corner = layout.guides
    branch = "".join(pipe if each else "  " for each in follows[1:])
    branch += "" if placed.depth == 0 else corner if placed.last else tee
    branch = _last(branch, layout)
    failed = span.status == "ERROR"
    cells = layout.label_cells - len(branch)
    took = format_duration(span.end_ns - span.start_ns)
    # That nobody has set a status says nothing.
    status = "" if span.status == "UNSET" else f" {span.status}"
    return Text.assemble(
        (branch, "dim"),
        (
            cut(_shown(placed), cells, ascii_only=layout.ascii_only),
            "bold red" if failed else "bold",
        ),
        " ",
        (_bar(span, layout), "red" if failed else layout.styles[span.service]),
        f" {took:>{_DURATION_CELLS}}",
        (status, "bold red" if failed else "dim"),
    )


def _last(guides: str, layout: _Layout) -> str:
    """Return the guides next to a span: in a deep tree they would leave no room for names."""
    return guides[-(layout.width // 10 * 2) :]


def _bar(span: Span, layout: _Layout) -> str:
    """Return a bar to scale, at least one cell long."""
    whole = max(layout.end_ns - layout.start_ns, 1)
    first = (span.start_ns - layout.start_ns) * layout.bar_cells // whole
    first = min(first, layout.bar_cells - 1)
    cells = round(max(span.end_ns - span.start_ns, 0) * layout.bar_cells / whole)
    cells = min(max(cells, 1), layout.bar_cells - first)
    bar = ("=" if layout.ascii_only else "━") * cells
    return f"{'':{first}}{bar}{'':{layout.bar_cells - first - cells}}"
