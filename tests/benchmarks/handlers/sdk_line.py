"""The SDK's spans and a compressed line of their size: the floor of who exports to the log.

Reading the event, finding the caller and encoding cost nothing here: the line is made of what the
spans of the first call were encoded to.
"""

import sdk_span
from opentelemetry.sdk.trace import SpanProcessor

from lambda_otel_lite.configuration.settings import Settings
from lambda_otel_lite.export.encoder import encode_spans
from lambda_otel_lite.export.record import RecordFormat
from lambda_otel_lite.log import Stdout


class Line(SpanProcessor):
    """Keeps the spans of the first call, and writes a line after each."""

    def __init__(self):
        self.spans = []
        self.request = b""
        self.format = RecordFormat(Settings.from_environ({}))
        self.stdout = Stdout()

    def on_end(self, span):
        """Keep the span, in the first call alone."""
        if not self.request:
            self.spans.append(span)

    def write(self):
        """Compress and write what the spans of the first call were."""
        self.request = self.request or encode_spans(self.spans)
        self.stdout.write(self.format.line(self.format.payload(self.request), len(self.spans)))


line = Line()
sdk_span.provider.add_span_processor(line)


def handler(event, context):
    """Work, answer, and write a line."""
    response = sdk_span.handler(event, context)
    line.write()
    return response
