"""Read a log of any size line by line: plain or gzipped, from a file or from a live pipe."""

from __future__ import annotations

import io
import os
import select
import stat
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from lambda_otel_lite_cdk.cli.errors import UsageProblem

_CHUNK_BYTES = 256 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
#: How often a quiet pipe is reported as quiet.
_TICK_SECONDS = 0.25


class Log:
    """Hold an opened log.

    Args:
        name: What to call it in a message.
        descriptor: File descriptor to read it from.
    """

    def __init__(self, name: str, descriptor: int) -> None:
        self.name = name
        self._descriptor = descriptor
        # Windows can wait for sockets alone; there a quiet pipe is not noticed.
        self._live = sys.platform != "win32" and not stat.S_ISREG(os.fstat(descriptor).st_mode)

    def lines(self) -> Iterator[bytes | None]:
        """Yield lines with their line ends, and None when the reader may do something else.

        Only pipes and terminals yield None: when everything there was has been read, and
        repeatedly while they are quiet.

        Raises:
            UsageProblem: The log is empty, binary, or damaged gzip.
        """
        chunks = self._chunks()
        start = next((chunk for chunk in chunks if chunk), b"")
        if not start:
            raise UsageProblem(f"{self.name} is empty; give the log of an instrumented function")
        chunks = _after(start, chunks)
        if start.startswith(_GZIP_MAGIC):
            chunks = self._unzipped(chunks)
            start = next((chunk for chunk in chunks if chunk), b"")
            chunks = _after(start, chunks)
        if b"\0" in start:
            raise UsageProblem(
                f"{self.name} is a binary file; give a log as UTF-8 text, plain or gzipped"
            )
        yield from _lines(chunks)

    def _chunks(self) -> Iterator[bytes | None]:
        while True:
            if self._live and not select.select([self._descriptor], [], [], _TICK_SECONDS)[0]:
                yield None
                continue
            chunk = os.read(self._descriptor, _CHUNK_BYTES)
            if not chunk:
                return
            yield chunk
            if self._live:
                yield None

    def _unzipped(self, chunks: Iterator[bytes | None]) -> Iterator[bytes | None]:
        """Unzip piece by piece: a small file may hold a log of any size, in several members."""
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            for chunk in chunks:
                if chunk is None:
                    yield None
                left = chunk or b""
                while left:
                    if member.eof:
                        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
                    yield member.decompress(left, _CHUNK_BYTES)
                    left = member.unused_data if member.eof else member.unconsumed_tail
            yield member.flush()
        except zlib.error as error:
            raise self._damaged(str(error)) from error
        if not member.eof:
            raise self._damaged("it ends early")

    def _damaged(self, how: str) -> UsageProblem:
        return UsageProblem(
            f"{self.name} is damaged gzip ({how}); fetch it again, only the part before the damage "
            f"was read"
        )


@contextmanager
def open_log(path: str) -> Iterator[Log]:
    """Open a log for as long as the ``with`` block lasts.

    Args:
        path: A file's path, or ``-`` for standard input.

    Raises:
        UsageProblem: There is no such file, or it cannot be read.
    """
    if path == "-":
        yield Log("standard input", sys.stdin.fileno())
        return
    try:
        file = open(path, "rb", buffering=0)  # noqa: PTH123, SIM115 - closed below
        if stat.S_ISDIR(os.fstat(file.fileno()).st_mode):
            raise IsADirectoryError
    except OSError as error:
        raise UsageProblem(
            f"the log {path} cannot be read ({error.strerror or 'it is a folder'}); "
            f"give a file, or - for standard input"
        ) from error
    with file:
        yield Log(path, file.fileno())


def _after(first: bytes, rest: Iterator[bytes | None]) -> Iterator[bytes | None]:
    yield first
    yield from rest


def _lines(chunks: Iterator[bytes | None]) -> Iterator[bytes | None]:
    parts: list[bytes] = []
    for chunk in chunks:
        if chunk is None:
            yield None
        elif b"\n" not in chunk:
            parts.append(chunk)
        else:
            whole = io.BytesIO(b"".join([*parts, chunk]))
            parts = []
            for line in whole:
                if line.endswith(b"\n"):
                    yield line
                else:
                    parts = [line]
    if last := b"".join(parts):
        yield last
