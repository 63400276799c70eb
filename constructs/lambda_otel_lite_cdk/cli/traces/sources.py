"""Read any number of files and folders as one log."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lambda_otel_lite_cdk.cli.errors import UsageProblem
from lambda_otel_lite_cdk.cli.traces.logs import NotALogError, open_log


@dataclass(slots=True)
class Logs:
    """Hold logs that are read one after the other.

    Args:
        paths: Files and folders, or ``-`` for standard input. Folders are read with all that is
            in them, as an export to S3 has a folder for each log stream.

    Attributes:
        problems: What could not be read, or not to its end. The rest is read nevertheless.
        skipped: Files of folders that are empty or binary.

    Raises:
        UsageProblem: There is no such file, or a folder holds none.
    """

    paths: Iterable[str]
    problems: list[UsageProblem] = field(default_factory=list)
    skipped: int = 0
    _found: dict[str, bool] = field(init=False)

    def __post_init__(self) -> None:
        # Each once, with whether it was named itself.
        self._found = {}
        for path in self.paths:
            if path == "-" or not os.path.isdir(path):  # noqa: PTH112 - a Path would change "-"
                if path != "-" and not os.path.exists(path):  # noqa: PTH110
                    raise UsageProblem(
                        f"the log {path} cannot be read (No such file or directory); give a file, "
                        f"a folder, or - for standard input"
                    )
                self._found[path] = True
                continue
            inside = list(_files(path))
            if not inside:
                raise UsageProblem(f"the folder {path} holds no files; give one that holds logs")
            self._found |= {one: self._found.get(one, False) for one in inside}

    @property
    def name(self) -> str:
        """What to call them in a message."""
        if len(self._found) > 1:
            return f"{len(self._found)} files"
        [path] = self._found
        return "standard input" if path == "-" else path

    def lines(self) -> Iterator[bytes | None]:
        """Yield lines as ``Log.lines`` does, of one file after the other."""
        for path, is_named in self._found.items():
            try:
                with open_log(path) as log:
                    yield from log.lines()
            except NotALogError as problem:
                if is_named:
                    self.problems.append(problem)
                else:
                    self.skipped += 1
            except UsageProblem as problem:
                self.problems.append(problem)


def _files(folder: str) -> Iterator[str]:
    """Yield the files in a folder and its folders by their names, each once."""
    known: set[tuple[int, int]] = set()
    waiting = [Path(folder)]
    while waiting:
        path = waiting.pop()
        try:
            found = path.stat()
            # A link may lead back to a folder above it.
            if (place := (found.st_dev, found.st_ino)) in known:
                continue
            known.add(place)
            if stat.S_ISDIR(found.st_mode):
                waiting += sorted(path.iterdir(), reverse=True)
            elif stat.S_ISREG(found.st_mode):
                yield str(path)
        except OSError as error:
            # A link that leads nowhere, or to itself, is nobody's log.
            if not path.is_symlink():
                raise UsageProblem(
                    f"{path} cannot be read ({error.strerror}); make it readable, or leave it out"
                ) from error
