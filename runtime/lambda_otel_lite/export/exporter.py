"""Span exporters that write log records to the function's log.

Both write the same lines: `NativeSpanExporter` encodes by itself, `PackageSpanExporter` has
``OTLPStdoutSpanExporter`` of otlp-stdout-span-exporter do it. Nothing either needs is imported
before the first export.
"""

import logging
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan

from lambda_otel_lite.configuration.settings import Settings

if TYPE_CHECKING:
    from lambda_otel_lite.processor import Exporter

logger = logging.getLogger("lambda_otel_lite.exporter")


class LogRecordExporter:
    """Writes each batch as a log record, or as several where one would be too long.

    A line over the limit is split by the platform and both halves are lost, so the batch is halved
    until every line fits. A single span that does not fit is truncated and marked; what still does
    not fit is dropped and counted in a warning.

    Args:
        settings: The function's settings.
    """

    def __init__(self, settings: Settings) -> None:
        from lambda_otel_lite.export.record import RecordFormat, write  # noqa: PLC0415 - not before the first export

        self._format = RecordFormat(settings)
        self._write_line = write

    @abstractmethod
    def _payload(self, spans: Sequence[ReadableSpan]) -> str:
        """Return the compressed request in base64.

        Raises:
            Exception: The spans cannot be encoded.
        """

    def export(self, spans: Sequence[ReadableSpan]) -> bool:
        """Write the spans; never raises, reports what it had to drop, and says if it was none."""
        try:
            dropped = self._write(spans) if spans else 0
        except (OSError, ValueError) as error:  # ValueError: the user has closed stdout
            logger.warning("%d spans lost: stdout cannot be written to: %s", len(spans), error)
            return False
        if dropped:
            logger.warning(
                "%d of %d spans dropped: they cannot be encoded in a line of %d bytes"
                " (LAMBDA_OTEL_LINE_LIMIT)",
                dropped,
                len(spans),
                self._format.limit,
            )
        return not dropped

    def shutdown(self) -> None:
        """Do nothing: a line is written at once or not at all."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Do nothing, for the same reason."""
        del timeout_millis
        return True

    def _write(self, spans: Sequence[ReadableSpan]) -> int:
        """Write the spans in as many lines as it takes; return how many could not be written."""
        line = self._line(spans)
        if line is not None:
            self._write_line(line)
            return 0
        if len(spans) > 1:
            middle = len(spans) // 2
            return self._write(spans[:middle]) + self._write(spans[middle:])
        from lambda_otel_lite.export.truncation import smaller_spans  # noqa: PLC0415

        for smaller in smaller_spans(spans[0]):
            line = self._line([smaller])
            if line is not None:
                self._write_line(line)
                return 0
        return 1

    def _line(self, spans: Sequence[ReadableSpan]) -> str | None:
        """Return the line, or None where it is too long or the spans cannot be encoded."""
        try:
            line = self._format.line(self._payload(spans), len(spans))
        except Exception:
            logger.debug("%d spans cannot be encoded together", len(spans), exc_info=True)
            return None
        return line if self._format.fits(line) else None


class NativeSpanExporter(LogRecordExporter):
    """Encodes with this project's own writer: ``LAMBDA_OTEL_EXPORTER=native``."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        from lambda_otel_lite.export.encoder import encode_spans  # noqa: PLC0415 - not before the first export

        self._encode = encode_spans

    def _payload(self, spans: Sequence[ReadableSpan]) -> str:
        return self._format.payload(self._encode(spans))


class PackageSpanExporter(LogRecordExporter):
    """Encodes with ``OTLPStdoutSpanExporter``: ``LAMBDA_OTEL_EXPORTER=package``."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        from lambda_otel_lite.export.package_output import PackagePayload  # noqa: PLC0415 - imports protobuf

        self._package = PackagePayload(settings.compression_level)

    def _payload(self, spans: Sequence[ReadableSpan]) -> str:
        return self._package.encode(spans)


class LazySpanExporter:
    """Makes the exporter that the settings ask for when there is something to export.

    Args:
        settings: The function's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._exporter: Exporter | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> None:
        """Export the spans with the exporter that is made now at the latest."""
        if self._exporter is None:
            self._exporter = _make_exporter(self._settings)
        self._exporter.export(spans)

    def shutdown(self) -> None:
        """Shut down the exporter, if one was made."""
        if self._exporter is not None:
            self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporter, if one was made."""
        return self._exporter is None or self._exporter.force_flush(timeout_millis)


def _make_exporter(settings: Settings) -> "Exporter":
    if settings.exporter == "native":
        return NativeSpanExporter(settings)
    try:
        if settings.pipe_output:
            return _pipe_exporter(settings.compression_level)
        return PackageSpanExporter(settings)
    except Exception as error:  # noqa: BLE001 - two versions of protobuf raise a TypeError
        logger.warning(
            "LAMBDA_OTEL_EXPORTER=package needs otlp-stdout-span-exporter, which cannot be imported"
            " (%s: %s); using native",
            type(error).__name__,
            error,
        )
        return NativeSpanExporter(settings)


def _pipe_exporter(compression_level: int) -> "Exporter":
    """Return the package's exporter as it is: a pipe has no line limit and other readers."""
    from otlp_stdout_span_exporter import OTLPStdoutSpanExporter  # noqa: PLC0415

    exporter: Exporter = OTLPStdoutSpanExporter(gzip_level=compression_level)
    return exporter
