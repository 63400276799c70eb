"""Let ``OTLPStdoutSpanExporter`` encode without letting it write.

The package prints each batch as one line of any length, in two writes, with the exporter's headers
in it. Only its payload is used; `lambda_otel_lite.export.record` makes the line.
"""

import json
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from otlp_stdout_span_exporter import OTLPStdoutSpanExporter
from otlp_stdout_span_exporter.exporter import Output


class _Capture(Output):
    def __init__(self) -> None:
        self.line = ""

    def write_line(self, line: str) -> bool:
        self.line = line
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
            ValueError: The package could not encode the spans; it has said why on stderr.
        """
        if self._exporter.export(spans) is not SpanExportResult.SUCCESS:
            raise ValueError("OTLPStdoutSpanExporter could not encode the spans")
        payload: str = json.loads(self._capture.line)["payload"]
        return payload
