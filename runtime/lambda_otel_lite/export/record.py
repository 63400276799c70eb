"""The log record: one JSON object on one line of the function's log.

The format is that of https://pypi.org/project/otlp-stdout-span-exporter/ with one more field, which
its other readers ignore: ``spans``, the number of spans in the payload, so that the forwarder need
not look for each span to count them. Exporter headers may hold API keys and are never part of a
line: they belong to the forwarder.
"""

import time
import zlib
from binascii import b2a_base64

from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.version import __version__

#: The line's field ``endpoint``. The forwarder sends to the address in its own settings.
ENDPOINT = "http://localhost:4318/v1/traces"

# Window bits and memory level of zlib; 16 more bits ask for gzip's header and trailer. A request
# that fits in a window is compressed as well by a compressor of its size as by the full one, whose
# 320 KiB are taken from the system and given back at each call.
_TINY_REQUEST, _TINY_MEMORY = 1 << 11, (16 + 11, 5)
_SMALL_REQUEST, _SMALL_MEMORY = 1 << 13, (16 + 13, 6)
_FULL_MEMORY = (16 + 15, 8)


class RecordFormat:
    """Makes log records of one function.

    Args:
        settings: Service name, level, log format, compression level and line limit.
    """

    def __init__(self, settings: Settings) -> None:
        import json  # noqa: PLC0415 - not before the first export

        self._compression_level = settings.compression_level
        self.limit = settings.line_limit
        level = f'"level":{json.dumps(settings.record_level)},' if settings.record_level else ""
        self._timestamped = settings.json_log_format
        self._head = (
            f'{{"__otel_otlp_stdout":"{__version__}","source":{json.dumps(settings.service_name)},'
            f'"endpoint":"{ENDPOINT}","method":"POST","content-type":"application/x-protobuf",'
            f'"content-encoding":"gzip",{level}"payload":"'
        )

    def payload(self, request: bytes) -> str:
        """Return the request compressed and in base64."""
        size = len(request)
        window, memory = _SMALL_MEMORY if size <= _SMALL_REQUEST else _FULL_MEMORY
        if size <= _TINY_REQUEST:
            window, memory = _TINY_MEMORY
        compressor = zlib.compressobj(self._compression_level, zlib.DEFLATED, window, memory)
        compressed = compressor.compress(request) + compressor.flush()
        return b2a_base64(compressed, newline=False).decode("ascii")

    def line(self, payload: str, spans: int) -> str:
        """Return the line that carries a payload with so many spans, its newline included."""
        timestamp = f',"timestamp":"{_now()}"' if self._timestamped else ""
        return f'{self._head}{payload}","base64":true,"spans":{spans}{timestamp}}}\n'

    def fits(self, line: str) -> bool:
        """Say whether the line is short enough; all of it is ASCII, so characters are bytes."""
        return len(line) <= self.limit


def _now() -> str:
    """Return the time in RFC 3339 with milliseconds, which the JSON log format requires.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
    """
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{milliseconds:03d}Z"
