"""Draw traces in the terminal: a tree of spans with bars to scale.

Everything fits the console's width and works without colour. What is odd is shown (a parent that
is missing, clocks that disagree).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import batched

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from lambda_otel_lite_cdk.cli.traces.log_lines import LogLine, in_order
from lambda_otel_lite_cdk.cli.traces.spans import Placed, Span, Value, traces, tree

#: Attributes worth a line in the overview, in order; a prefix ends with a dot.
_MAIN_ATTRIBUTES = (
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "faas.trigger",
    "messaging.",
    "error.type",
)
_SERVICE_STYLES = ("cyan", "magenta", "green", "blue", "yellow", "bright_cyan", "bright_magenta")
_SEVERE = ("ERROR", "CRITICAL", "FATAL")
_DURATION_CELLS = 9
_STATUS_CELLS = 5
_VALUE_CELLS = 40
_LINES_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class _Layout:
    """Hold what all lines of one trace share: columns, scale, colours and characters."""

    label_cells: int
    bar_cells: int
    start_ns: int
    end_ns: int
    styles: dict[str, str]
    ascii_only: bool


def print_traces(
    spans: Iterable[Span], console: Console | None = None, *, details: bool = False
) -> None:
    """Print each trace as a waterfall.

    Args:
        spans: Spans of any traces in any order.
        console: Where to print. Default: standard output.
        details: Whether all attributes, events and links are shown. Default: no.
    """
    console = console or Console(highlight=False)
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
    console.print(_header(trace, continued=continued), soft_wrap=False, overflow="fold")
    # Printing line by line would be slow, and a trace may have any number of lines.
    drawn = _lines(trace, console, details=details, logged=list(lines))
    for some in batched(drawn, _LINES_AT_ONCE):
        console.print(Text("\n").join(some), no_wrap=True, overflow="crop")
    console.print()


def format_duration(nanoseconds: int) -> str:
    """Return a duration with about three digits, such as ``"12.3 ms"``.

    Args:
        nanoseconds: Duration; below zero if a span ends before it starts.
    """
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000)):
        if abs(nanoseconds) >= size:
            value = nanoseconds / size
            return f"{value:.0f} {unit}" if abs(value) >= 100 else f"{value:.3g} {unit}"  # noqa: PLR2004
    return f"{nanoseconds / 1000:.0f} us"


def _header(trace: list[Span], *, continued: bool) -> Text:
    services = len({span.service for span in trace})
    took = max(span.end_ns for span in trace) - trace[0].start_ns
    text = Text("Trace ", style="bold")
    text.append(trace[0].trace_id or "(no id)", style="bold")
    text.append(" (continued)" if continued else "")
    text.append(f"  {_count(len(trace), 'span')}, {_count(services, 'service')}, ", style="dim")
    return text.append(format_duration(took), style="dim")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _layout(trace: list[Span], console: Console) -> _Layout:
    free = max(console.width - _DURATION_CELLS - _STATUS_CELLS - 3, 20)
    widest = max(cell_len(_label(placed.span)) + 2 * placed.depth for placed in tree(trace))
    label_cells = min(widest, free * 3 // 5)
    services = dict.fromkeys(span.service for span in trace)
    return _Layout(
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
    trace: list[Span], console: Console, *, details: bool, logged: list[LogLine]
) -> Iterator[Text]:
    layout = _layout(trace, console)
    width = console.width
    known = {span.span_id for span in trace}
    of_spans: defaultdict[str | None, list[LogLine]] = defaultdict(list)
    for line in in_order(logged):
        of_spans[line.span_id if line.span_id in known else None].append(line)
    guides: list[bool] = []
    for placed in tree(trace):
        del guides[placed.depth :]
        yield _line(placed, guides, layout)
        guides.append(not placed.last)
        indent = "  " * (placed.depth + 1)
        for note in _notes(placed, width - len(indent), details=details):
            yield Text(indent) + note
        for line in of_spans[placed.span.span_id]:
            yield Text(indent) + _logged(line, placed.span.start_ns)
    for line in of_spans[None]:
        yield _logged(line, layout.start_ns)


def _logged(line: LogLine, start_ns: int) -> Text:
    """Return a log line: when it was written, by the span's start, its level and its message."""
    when = "" if line.time_ns is None else f"{format_duration(line.time_ns - start_ns)} "
    style = "red" if line.level in _SEVERE else ""
    text = Text(f"> {when}", style="dim")
    return text.append(f"{_printable(line.level)} {_printable(line.message)}".strip(), style=style)


def _label(span: Span) -> str:
    return _printable(f"{span.service}: {span.name}")


def _line(placed: Placed, guides: list[bool], layout: _Layout) -> Text:
    """Return a span's line: its place in the tree, when it ran, how long, and its status."""
    span = placed.span
    pipe, tee, corner = ("| ", "|-", "`-") if layout.ascii_only else ("│ ", "├─", "└─")
    branch = "".join(pipe if open_ else "  " for open_ in guides[1:])
    branch += "" if placed.depth == 0 else corner if placed.last else tee
    label = set_cell_size(branch + _label(span), layout.label_cells)
    failed = span.status == "ERROR"
    text = Text(label[: len(branch)], style="dim")
    text.append(label[len(branch) :], style="bold red" if failed else "bold")
    text.append(" ")
    text.append(_bar(span, layout), style="red" if failed else layout.styles[span.service])
    text.append(f" {format_duration(span.end_ns - span.start_ns):>{_DURATION_CELLS}}")
    return text.append(f" {span.status:<{_STATUS_CELLS}}", style="red" if failed else "dim")


def _bar(span: Span, layout: _Layout) -> str:
    """Return a bar to scale, at least one cell long."""
    whole = max(layout.end_ns - layout.start_ns, 1)
    first = (span.start_ns - layout.start_ns) * layout.bar_cells // whole
    first = min(first, layout.bar_cells - 1)
    cells = round(max(span.end_ns - span.start_ns, 0) * layout.bar_cells / whole)
    cells = min(max(cells, 1), layout.bar_cells - first)
    bar = ("=" if layout.ascii_only else "━") * cells
    return f"{'':{first}}{bar}{'':{layout.bar_cells - first - cells}}"


def _notes(placed: Placed, width: int, *, details: bool) -> list[Text]:
    """Return the lines below a span: kind, cold start, attributes, and what is odd."""
    span = placed.span
    words = [span.kind]
    if span.attributes.get("faas.coldstart") is True:
        words.append("COLD START")
    for wanted in _MAIN_ATTRIBUTES if not details else ("",):
        words += _words(
            {
                key: value
                for key, value in span.attributes.items()
                if key == wanted or (wanted[-1:] in ("", ".") and key.startswith(wanted))
            }
        )
    if span.status_message:
        words.append(f"status={_shortened(span.status_message)}")
    notes = [Text(line, style="dim") for line in _filled(words, width)]
    if details:
        notes += _details(span, width)
    return notes + [Text(f"! {problem}", style="yellow") for problem in _problems(placed)]


def _details(span: Span, width: int) -> list[Text]:
    """Return the lines that --details adds: the span's id, its events and its links."""
    parts = [["span_id=" + span.span_id, "scope=" + _printable(span.scope)]]
    for event in span.events:
        when = format_duration(event.time_ns - span.start_ns)
        parts.append([f"event {_printable(event.name)} at {when}", *_words(event.attributes)])
    parts += [
        [f"link to {link.span_id} of {link.trace_id}", *_words(link.attributes)]
        for link in span.links
    ]
    return [Text(line, style="dim") for words in parts for line in _filled(words, width)]


def _words(attributes: Mapping[str, Value]) -> list[str]:
    return [f"{_printable(k)}={_shortened(v)}" for k, v in sorted(attributes.items())]


def _problems(placed: Placed) -> list[str]:
    span, parent = placed.span, placed.parent
    found = []
    if parent is None and span.parent_id is not None:
        found.append(f"its parent {span.parent_id} is not among these spans")
    if parent is not None and span.start_ns < parent.start_ns:
        early = format_duration(parent.start_ns - span.start_ns)
        found.append(
            f"starts {early} before its parent: it was backdated, or their clocks disagree"
        )
    if span.end_ns < span.start_ns:
        found.append("ends before it starts")
    return found


def _filled(words: list[str], width: int) -> list[str]:
    """Put words on as few lines as they need, without breaking any."""
    lines = [""]
    for word in words:
        if lines[-1] and cell_len(lines[-1]) + 2 + cell_len(word) > width:
            lines.append("")
        lines[-1] += f"  {word}" if lines[-1] else word
    return lines


def _shortened(value: Value) -> str:
    text = _printable(str(value))
    return text if cell_len(text) <= _VALUE_CELLS else set_cell_size(text, _VALUE_CELLS - 3) + "..."


def _printable(text: str) -> str:
    # A log's content is not trusted: an escape sequence would act on the terminal.
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
