"""Apply base64 and gzip, and undo them without trusting the input."""

from __future__ import annotations

import base64
import binascii
import gzip
import zlib

from otlp_forwarder.input.malformed import MalformedError

#: zlib's window for a gzip header and trailer, https://zlib.net/manual.html (inflateInit2).
GZIP_WINDOW = 16 + zlib.MAX_WBITS

#: The fastest level: requests are some 7 % larger than at zlib's default (6) and take a third of
#: the time. The forwarder spends most of its time on compression.
GZIP_LEVEL = 1


def compress(data: bytes) -> bytes:
    """Return the data as a gzip stream, the same for the same data."""
    return gzip.compress(data, GZIP_LEVEL, mtime=0)


def pack(data: bytes) -> str:
    """Return the data compressed by gzip and encoded by base64; `unpack` undoes it."""
    return base64.b64encode(compress(data)).decode("ascii")


def unpack(text: object, limit: int) -> bytes:
    """Return what was compressed by gzip and encoded by base64.

    Args:
        text: What should be the base64 text; any value is allowed.
        limit: Most bytes that are unpacked: a few kilobytes of gzip can hold gigabytes.

    Raises:
        MalformedError: The value is not base64 text of one whole gzip stream within the limit.
    """
    if not isinstance(text, str):
        raise MalformedError("packed data is not text")
    try:
        packed = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("packed data is not base64") from error
    stream = zlib.decompressobj(wbits=GZIP_WINDOW)
    try:
        # One more than the limit, which shows that there is more.
        unpacked = stream.decompress(packed, limit + 1)
    except zlib.error as error:
        raise MalformedError("packed data is not gzip") from error
    if len(unpacked) > limit:
        raise MalformedError("packed data is too large")
    if not stream.eof or stream.unused_data:
        raise MalformedError("packed data is not one whole gzip stream")
    return unpacked


def decoded(body: bytes, encoding: str, limit: int) -> bytes:
    """Return what a body says, as far as its content encoding is known.

    Nobody is asked for an encoding, but some servers and what stands before them use one all the
    same.

    Args:
        body: A body, perhaps only its beginning.
        encoding: Its content encoding, or nothing.
        limit: Most bytes that are returned.
    """
    if encoding.strip().lower() not in {"gzip", "x-gzip", "deflate"}:
        return body
    # Tells gzip and zlib apart by themselves, https://zlib.net/manual.html (inflateInit2).
    stream = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS)
    try:
        return stream.decompress(body, limit)
    except zlib.error:
        return body
