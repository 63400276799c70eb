"""The record line: one JSON object on one line of the function's log.

The format is that of otlp-stdout-span-exporter, and one field more, which other readers of it
ignore: ``spans``, the number of spans in the payload. By it the forwarder counts without looking
for every span. Exporter headers, which may hold API keys, are never part of a line: they belong to
the forwarder.
"""

import base64
import gzip
import sys
import time

from .settings import Settings
from .version import __version__

#: What stands in the line for the collector's address; the forwarder's own settings decide.
ENDPOINT = "http://localhost:4318/v1/traces"


class RecordFormat:
    """Makes record lines of one function.

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
        compressed = gzip.compress(request, self._compression_level, mtime=0)
        return base64.b64encode(compressed).decode("ascii")

    def line(self, payload: str, spans: int) -> str:
        """Return the line that carries a payload with so many spans, its newline included."""
        timestamp = f',"timestamp":"{_now()}"' if self._timestamped else ""
        return f'{self._head}{payload}","base64":true,"spans":{spans}{timestamp}}}\n'

    def fits(self, line: str) -> bool:
        """Say whether the line is short enough; all of it is ASCII, so characters are bytes."""
        return len(line) <= self.limit


def write(line: str) -> None:
    """Write a line to the function's log at once.

    One write of the whole line: payload and newline written apart let another thread's text onto
    the record's line, which is no JSON any more.
    """
    sys.stdout.write(line)
    sys.stdout.flush()


def _now() -> str:
    """Return the time in RFC 3339 with milliseconds, as the JSON log format wants it."""
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{milliseconds:03d}Z"
