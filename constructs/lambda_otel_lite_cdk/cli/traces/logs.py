"""Read a log of any size line by line: plain or gzipped, from a file or from a live pipe."""

from __future__ import annotations

import codecs
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
#: Bytes that say how a text is encoded.
_START_BYTES = 4
#: A line that is longer is read in pieces. CloudWatch's have 1 MB; `jq -c` makes one of many.
_LONGEST_LINE = 256 * 1024 * 1024
#: How often a quiet pipe is reported as quiet.
_TICK_SECONDS = 0.25


class NotALogError(UsageProblem):
    """Say that a file is empty or binary: beside logs in a folder, nothing to speak of."""


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
            NotALogError: The log is empty or binary.
            UsageProblem: It is damaged gzip, or it cannot be read to its end.
        """
        start, chunks = _started(self._chunks())
        if not start:
            raise NotALogError(f"{self.name} is empty; give the log of an instrumented function")
        if start.startswith(_GZIP_MAGIC):
            start, chunks = _started(self._unzipped(chunks))
        if encoding := _encoding(start):
            start, chunks = _started(_recoded(chunks, encoding))
        if b"\0" in start:
            raise NotALogError(
                f"{self.name} is a binary file; give a log as UTF-8 or UTF-16 text, plain or "
                f"gzipped"
            )
        yield from _lines(chunks)

    def _chunks(self) -> Iterator[bytes | None]:
        while True:
            if self._live and not select.select([self._descriptor], [], [], _TICK_SECONDS)[0]:
                yield None
                continue
            try:
                chunk = os.read(self._descriptor, _CHUNK_BYTES)
            except OSError as error:
                raise UsageProblem(
                    f"{self.name} cannot be read to its end ({error.strerror}); fetch it again"
                ) from error
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


def _started(chunks: Iterator[bytes | None]) -> tuple[bytes, Iterator[bytes | None]]:
    """Return the first bytes, enough to tell what they are, and all chunks with these."""
    start = b""
    for chunk in chunks:
        start += chunk or b""
        if len(start) >= _START_BYTES:
            break
    return start, _after(start, chunks)


def _after(first: bytes, rest: Iterator[bytes | None]) -> Iterator[bytes | None]:
    yield first
    yield from rest


def _encoding(start: bytes) -> str:
    """Return a text's encoding, empty if that is UTF-8. Windows writes UTF-16 and marks."""
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    # Logs begin with a sign of ASCII: a digit, a bracket, a brace.
    zeros = [byte == 0 for byte in start[:_START_BYTES]]
    if zeros == [False, True] * 2:
        return "utf-16-le"
    return "utf-16-be" if zeros == [True, False] * 2 else ""


def _recoded(chunks: Iterator[bytes | None], encoding: str) -> Iterator[bytes | None]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in chunks:
        yield None if chunk is None else decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode()


def _lines(chunks: Iterator[bytes | None]) -> Iterator[bytes | None]:
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        if chunk is None:
            yield None
        elif b"\n" not in chunk and size < _LONGEST_LINE:
            parts.append(chunk)
            size += len(chunk)
        else:
            whole = io.BytesIO(b"".join([*parts, chunk]))
            parts, size = [], 0
            for line in whole:
                if line.endswith(b"\n") or len(line) >= _LONGEST_LINE:
                    yield line
                else:
                    parts, size = [line], len(line)
    if last := b"".join(parts):
        yield last
