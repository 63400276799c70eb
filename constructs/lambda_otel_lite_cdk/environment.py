"""Name the environment variables through which the constructs speak to the runtime.

The runtime package has the same names in `lambda_otel_lite.environment`. They are written twice
because a synth must not import what a function imports; a contract test holds both equal.
"""

from __future__ import annotations

#: When spans leave the function: ``sync``, ``async`` or ``finalize``.
PROCESSOR_MODE = "LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE"
#: How many ended spans are kept until they leave.
QUEUE_SIZE = "LAMBDA_SPAN_PROCESSOR_QUEUE_SIZE"
#: How many spans leave in one record at most.
BATCH_SIZE = "LAMBDA_SPAN_PROCESSOR_BATCH_SIZE"
#: Gzip level of a record, 0 to 9.
COMPRESSION_LEVEL = "OTLP_STDOUT_SPAN_EXPORTER_COMPRESSION_LEVEL"
#: The service that spans belong to. Source: OpenTelemetry's general SDK configuration.
SERVICE_NAME = "OTEL_SERVICE_NAME"
#: The user's own handler, which the runtime's entry point calls.
HANDLER = "LAMBDA_OTEL_HANDLER"
#: Who writes the record: ``package`` (otlp-stdout-span-exporter) or ``native`` (the runtime).
EXPORTER = "LAMBDA_OTEL_EXPORTER"

#: The handler that an instrumented function is given.
ENTRY_POINT = "lambda_otel_lite.autowrap.handler"
