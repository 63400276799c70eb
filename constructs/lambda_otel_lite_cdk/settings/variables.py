"""Name the environment variables through which the constructs speak to the runtime.

The runtime package has the same names in `lambda_otel_lite.configuration.variables`. They are
written twice because a synth must not import what a function imports; a contract test holds both
equal.
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
#: The ``level`` that a log record carries.
RECORD_LOG_LEVEL = "OTLP_STDOUT_SPAN_EXPORTER_LOG_LEVEL"
#: The user's own handler, which the runtime's entry point calls.
HANDLER = "LAMBDA_OTEL_HANDLER"
#: Who writes the record: ``package`` (otlp-stdout-span-exporter) or ``native`` (the runtime).
EXPORTER = "LAMBDA_OTEL_EXPORTER"
#: How events are read.
EXTRACTOR = "LAMBDA_OTEL_EXTRACTOR"
#: Instrumentation packages of the function to switch on.
INSTRUMENTATIONS = "LAMBDA_OTEL_INSTRUMENTATIONS"
#: Longest log record in bytes.
LINE_LIMIT = "LAMBDA_OTEL_LINE_LIMIT"
#: How long before the deadline open spans are ended, in ms.
TIMEOUT_MARGIN = "LAMBDA_OTEL_TIMEOUT_MARGIN"

# OpenTelemetry's own. Source: its "Environment Variable Specification".
#: The service that spans belong to.
SERVICE_NAME = "OTEL_SERVICE_NAME"
#: Attributes of everything that the function emits.
RESOURCE_ATTRIBUTES = "OTEL_RESOURCE_ATTRIBUTES"
#: How the caller's context is read and passed on.
PROPAGATORS = "OTEL_PROPAGATORS"
#: ``true`` leaves the bare handler.
SDK_DISABLED = "OTEL_SDK_DISABLED"
#: ``http`` leaves only the stable HTTP attribute names.
SEMCONV_STABILITY_OPT_IN = "OTEL_SEMCONV_STABILITY_OPT_IN"
#: Level of the library's own log lines; functions' own code often reads it too.
LOG_LEVEL = "LOG_LEVEL"

# Read by the OpenTelemetry SDK, not by the runtime.
#: Which traces are kept.
TRACES_SAMPLER = "OTEL_TRACES_SAMPLER"
#: Share of the traces that a ratio sampler keeps.
TRACES_SAMPLER_ARG = "OTEL_TRACES_SAMPLER_ARG"

#: The handler that an instrumented function is given.
ENTRY_POINT = "lambda_otel_lite.autowrap.handler"
