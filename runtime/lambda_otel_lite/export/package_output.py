"""Let ``OTLPStdoutSpanExporter`` encode without letting it write.

The package prints each batch as one line of any length, in two writes, with the exporter's headers
in it. Only its payload is used; `lambda_otel_lite.export.record` makes the line.
"""

import json
from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.trace import Link
from otlp_stdout_span_exporter import OTLPStdoutSpanExporter
from otlp_stdout_span_exporter.exporter import Output

from lambda_otel_lite.export._protobuf import is_readable

# Nearly all values are of these types.
_FLAT = frozenset((str, bool, int, float))


class _Capture(Output):
    def __init__(self) -> None:
        self.line = ""

    def write_line(self, line: str) -> bool:
        self.line = line
        return True


def _is_readable(span: ReadableSpan) -> bool:
    described: tuple[ReadableSpan | Event | Link, ...] = (span, *span.events, *span.links)
    for one in described:
        # A copy by the mapping itself is many times faster than walking the SDK's proxy of it.
        attributes: Any = one.attributes or {}
        if not hasattr(attributes, "copy"):
            attributes = dict(attributes)
        for value in attributes.copy().values():
            if type(value) not in _FLAT and not is_readable(value):
                return False
    return True


class PackageEncoder:
    """Encodes spans with the package.

    Args:
        compression_level: Gzip level, 0 to 9.
    """

    def __init__(self, compression_level: int) -> None:
        self._exporter = OTLPStdoutSpanExporter(gzip_level=compression_level)
        self._capture = _Capture()
        # The package has no argument for its output; a test fails if this attribute is gone.
        self._exporter._output = self._capture  # noqa: SLF001

    def encode(self, spans: Sequence[ReadableSpan]) -> str:
        """Return the package's payload: the compressed request in base64.

        Raises:
            ValueError: The package could not encode the spans; it has said why on stderr. Or what
                it would make of them is nested too deep for decoders.
        """
        if not all(map(_is_readable, spans)):
            raise ValueError("an attribute is nested too deep for decoders of protobuf")
        if self._exporter.export(spans) is not SpanExportResult.SUCCESS:
            raise ValueError("OTLPStdoutSpanExporter could not encode the spans")
        payload: str = json.loads(self._capture.line)["payload"]
        return payload
