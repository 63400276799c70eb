"""Text for a terminal: of any width, in any encoding, and from a source that nobody trusts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from rich.cells import cell_len, chop_cells, set_cell_size

#: Cells that are left for text, however narrow the terminal and however deep the tree.
_LEAST_CELLS = 12


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


def format_time(nanoseconds: int) -> str:
    """Return a time in UTC, and where the machine's zone is another, the local time as well.

    Args:
        nanoseconds: Unix time; what no calendar has is returned as a number.
    """
    try:
        utc = datetime.fromtimestamp(nanoseconds / 1_000_000_000, UTC)
        local = utc.astimezone()
    except (ValueError, OverflowError, OSError):
        return f"{nanoseconds} ns after 1970"
    text = f"{utc:%Y-%m-%d %H:%M:%S}.{utc.microsecond // 1000:03} UTC"
    if not local.utcoffset():
        return text
    day = "" if local.date() == utc.date() else f"{local:%Y-%m-%d} "
    return f"{text} ({day}{local:%H:%M:%S %Z})"


def printable(text: str) -> str:
    """Return a text whose every sign has a place in a line.

    A log's content is not trusted: an escape sequence would act on the terminal.

    Args:
        text: Any text.
    """
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def cut(text: str, cells: int, *, ascii_only: bool) -> str:
    """Return a text that is as wide as asked for, with an ellipsis if something is missing.

    Args:
        text: One line.
        cells: Width.
        ascii_only: Whether the terminal shows nothing but ASCII.
    """
    if cell_len(text) <= cells:
        return set_cell_size(text, cells)
    ellipsis = "..." if ascii_only else "…"
    return set_cell_size(text, max(cells - len(ellipsis), 0)) + ellipsis[:cells]


def filled(words: Iterable[str], width: int) -> list[str]:
    """Put words on as few lines as they need; what is wider than a line is broken.

    Args:
        words: What is kept together.
        width: Of a line, in cells.
    """
    lines: list[str] = []
    for word in words:
        if lines and cell_len(lines[-1]) + 2 + cell_len(word) <= width:
            lines[-1] += f"  {word}"
        else:
            lines += wrapped(word, width)
    return lines


def wrapped(text: str, width: int) -> Iterator[str]:
    """Yield a text's lines, broken where they are too wide; what goes on is indented as it began.

    Args:
        text: Any text, with line breaks.
        width: Of a line, in cells.
    """
    width = max(width, _LEAST_CELLS)
    for line in text.expandtabs(4).splitlines() or [""]:
        shown = printable(line).rstrip()
        body = shown.lstrip()
        indent = min(cell_len(shown) - cell_len(body), width // 2)
        for part in _parts(body, width - indent):
            yield " " * indent + part


def _parts(body: str, width: int) -> Iterator[str]:
    line = ""
    for word in body.split(" "):
        joined = f"{line} {word}" if line else word
        if cell_len(joined) <= width:
            line = joined
            continue
        if line:
            yield line
        *whole, line = chop_cells(word, width) or [""]
        yield from whole
    yield line
