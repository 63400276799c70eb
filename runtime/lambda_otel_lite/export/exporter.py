"""Span exporters that write log records to the function's log.

`StdoutSpanExporter` is what a span processor holds. It loads nothing before the first export; then
it makes a `LogRecordExporter`, whose spans are encoded by this project's own encoder or by that of
otlp-stdout-span-exporter. Both write the same lines.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import ReadableSpan

from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.log import Logger, Stdout

if TYPE_CHECKING:
    from typing import Protocol

    from lambda_otel_lite.export.pipe import Output, Pipe
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


logger = Logger("lambda_otel_lite.exporter")


class StdoutSpanExporter:
    """Writes spans to the function's log in the way that the settings ask for.

    Args:
        settings: The function's settings.
        output: What takes the lines. Default: the process's stdout, as it is now.
    """

    def __init__(self, settings: Settings, output: "Output | None" = None) -> None:
        self._settings = settings
        stdout = output or Stdout()
        self._pipe = _pipe(stdout) if settings.pipe_output else None
        self._output = self._pipe or stdout
        self._export: Callable[[Sequence[ReadableSpan]], object] | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> object:
        """Export the spans; return what the exporter that does it returns."""
        if self._export is None:
            self._export = _make_export(self._settings, self._output)
        return self._export(spans)

    def shutdown(self) -> None:
        """Write what waits for a pipe."""
        self.force_flush()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Write what waits for a pipe; a line for stdout is written at once or not at all."""
        del timeout_millis
        if self._pipe is None:
            return True
        try:
            self._pipe.flush()
        except OSError as error:
            logger.warning("spans lost: neither the pipe nor stdout can be written to: %s", error)
            return False
        return True


class LogRecordExporter:
    """Writes each batch as a log record, or as several if one would be too long.

    A line over the limit is split by the platform and both halves are lost, so the batch is halved
    until every line fits. A single span that does not fit is truncated and marked; what still does
    not fit is dropped and counted in a warning.

    Args:
        settings: The function's settings.
        output: What takes the lines.
        encode: Returns the compressed request in base64; by default this project's own encoder
            does. What it raises is taken to mean that these spans cannot be encoded together. One
            that cannot be encoded by itself is encoded by this project's encoder, which leaves out
            an attribute rather than a span.
    """

    def __init__(
        self,
        settings: Settings,
        output: "Output",
        encode: Callable[[Sequence[ReadableSpan]], str] | None = None,
    ) -> None:
        from lambda_otel_lite.export.record import RecordFormat  # noqa: PLC0415 - not before the first export

        self._format = RecordFormat(settings)
        self._write_line = output.write
        self._encode = encode or _native_encoder(self._format)
        self._is_native = encode is None
        self._has_failed = False

    def export(self, spans: Sequence[ReadableSpan]) -> bool:
        """Write the spans; never raises, reports what it had to drop, and says if it was none."""
        try:
            dropped = self._write(spans) if spans else 0
        except OSError as error:
            # Once: where stdout is gone, the next invocation's spans go the same way.
            log = logger.debug if self._has_failed else logger.warning
            log("%d spans lost: stdout cannot be written to: %s", len(spans), error)
            self._has_failed = True
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
        payload = self._payload(self._encode, spans)
        if payload is None and len(spans) == 1 and not self._is_native:
            payload = self._payload(_native_encoder(self._format), spans)
        line = payload and self._format.line(payload, len(spans))
        return line if line and self._format.fits(line) else None

    def _payload(
        self, encode: Callable[[Sequence[ReadableSpan]], str], spans: Sequence[ReadableSpan]
    ) -> str | None:
        try:
            return encode(spans)
        except Exception:
            logger.debug("%d spans cannot be encoded together", len(spans), exc_info=True)
            return None


def _pipe(stdout: "Output") -> "Pipe":
    from lambda_otel_lite.export.pipe import Pipe  # noqa: PLC0415 - few functions have one

    return Pipe(stdout)


def _make_export(
    settings: Settings, output: "Output"
) -> Callable[[Sequence[ReadableSpan]], object]:
    export = _make_exporter(settings, output).export
    if not (settings.drop_attributes or settings.redact):
        return export
    from lambda_otel_lite.export.attribute_rules import AttributeRules  # noqa: PLC0415 - off by default

    rules = AttributeRules(settings.drop_attributes, settings.redact)
    return lambda spans: export([rules.apply(span) for span in spans])


def _make_exporter(settings: Settings, output: "Output") -> "Exporter":
    if settings.exporter == "native":
        return LogRecordExporter(settings, output)
    try:
        from lambda_otel_lite.export import package_output  # noqa: PLC0415 - imports protobuf

        encoder = package_output.PackageEncoder(settings.compression_level)
        return LogRecordExporter(settings, output, encoder.encode)
    except Exception as error:  # noqa: BLE001 - two versions of protobuf raise a TypeError
        logger.warning(
            "LAMBDA_OTEL_EXPORTER=package needs otlp-stdout-span-exporter, which cannot be imported"
            " (%s: %s); using native",
            type(error).__name__,
            error,
        )
        return LogRecordExporter(settings, output)


def _native_encoder(record_format: "RecordFormat") -> Callable[[Sequence[ReadableSpan]], str]:
    from lambda_otel_lite.export.encoder import encode_spans  # noqa: PLC0415 - not before the first export

    return lambda spans: record_format.payload(encode_spans(spans))
