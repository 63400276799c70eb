"""Span exporters that write log records to the function's log.

`StdoutSpanExporter` is what a span processor holds. It loads nothing before the first export; then
it makes a `LogRecordExporter`, whose spans are encoded by this project's own encoder or by that of
otlp-stdout-span-exporter. Both write the same lines.
"""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan

from lambda_otel_lite.configuration.settings import Settings

if TYPE_CHECKING:
    from typing import Protocol

    from lambda_otel_lite.export.record import RecordFormat

    class Exporter(Protocol):
        """What a ``SpanExporter`` offers, without the import of its module.

        That alone would cost a cold start a millisecond; the exporters here do without.
        """

        def export(self, spans: Sequence[ReadableSpan], /) -> object:
            """Export the spans."""

        def force_flush(self, timeout_millis: int = 30_000) -> bool:
            """Export what was held back."""

        def shutdown(self) -> None:
            """Export what was held back, and nothing from now on."""


logger = logging.getLogger("lambda_otel_lite.exporter")


class StdoutSpanExporter:
    """Writes spans to the function's log in the way that the settings ask for.

    Args:
        settings: The function's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._exporter: Exporter | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> object:
        """Export the spans; return what the exporter that does it returns."""
        if self._exporter is None:
            self._exporter = _make_exporter(self._settings)
        return self._exporter.export(spans)

    def shutdown(self) -> None:
        """Shut down the exporter, if one was made."""
        if self._exporter is not None:
            self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush the exporter, if one was made."""
        return self._exporter is None or self._exporter.force_flush(timeout_millis)


class LogRecordExporter:
    """Writes each batch as a log record, or as several if one would be too long.

    A line over the limit is split by the platform and both halves are lost, so the batch is halved
    until every line fits. A single span that does not fit is truncated and marked; what still does
    not fit is dropped and counted in a warning.

    Args:
        settings: The function's settings.
        encode: Returns the compressed request in base64; by default this project's own encoder
            does. What it raises is taken to mean that these spans cannot be encoded together.
    """

    def __init__(
        self, settings: Settings, encode: Callable[[Sequence[ReadableSpan]], str] | None = None
    ) -> None:
        from lambda_otel_lite.export.record import RecordFormat, write  # noqa: PLC0415 - not before the first export

        self._format = RecordFormat(settings)
        self._write_line = write
        self._encode = encode or _native_encoder(self._format)

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
        """Nothing is left to export: a line is written at once or not at all."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing is held back, for the same reason."""
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
        """Return the line, or None if it is too long or the spans cannot be encoded."""
        try:
            line = self._format.line(self._encode(spans), len(spans))
        except Exception:
            logger.debug("%d spans cannot be encoded together", len(spans), exc_info=True)
            return None
        return line if self._format.fits(line) else None


def _make_exporter(settings: Settings) -> "Exporter":
    if settings.exporter == "native":
        return LogRecordExporter(settings)
    try:
        from lambda_otel_lite.export import package_output  # noqa: PLC0415 - imports protobuf

        if settings.pipe_output:
            # As it is: a pipe has no line limit, and other readers.
            return package_output.pipe_exporter(settings.compression_level)
        encoder = package_output.PackageEncoder(settings.compression_level)
        return LogRecordExporter(settings, encoder.encode)
    except Exception as error:  # noqa: BLE001 - two versions of protobuf raise a TypeError
        logger.warning(
            "LAMBDA_OTEL_EXPORTER=package needs otlp-stdout-span-exporter, which cannot be imported"
            " (%s: %s); using native",
            type(error).__name__,
            error,
        )
        return LogRecordExporter(settings)


def _native_encoder(record_format: "RecordFormat") -> Callable[[Sequence[ReadableSpan]], str]:
    from lambda_otel_lite.export.encoder import encode_spans  # noqa: PLC0415 - not before the first export

    return lambda spans: record_format.payload(encode_spans(spans))
