"""The terminal that the commands print to, or the file or pipe that stands for it."""

from __future__ import annotations

import os
from typing import NoReturn

from rich.console import Console

#: A file or a pipe has no width, so nothing in it needs to be folded.
PIPE_COLUMNS = 240


class Terminal(Console):
    """Print; who reads it may go away, as ``head`` does."""

    def on_broken_pipe(self) -> NoReturn:
        """Leave it to the command, for whom it is no error."""
        raise BrokenPipeError


def wide_terminal() -> Terminal:
    """Return standard output, for tables: as wide as they are where it is no terminal."""
    terminal = Terminal()
    if terminal.is_terminal or os.environ.get("COLUMNS"):
        return terminal
    return Terminal(width=PIPE_COLUMNS)
