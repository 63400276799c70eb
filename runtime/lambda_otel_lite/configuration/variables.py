"""Names of the environment variables that the runtime reads, and their documented defaults.

Reading them is the business of `lambda_otel_lite.configuration.settings` alone. The CDK package
holds the same names in a module of its own, and a contract test keeps the two equal.
"""

from typing import Final

# What this project defines; the first three are named by the specification, section "Environment
# Variables", and those of the exporter by otlp-stdout-span-exporter.
PROCESSOR_MODE: Final = "LAMBDA_EXTENSION_SPAN_PROCESSOR_MODE"
QUEUE_SIZE: Final = "LAMBDA_SPAN_PROCESSOR_QUEUE_SIZE"
BATCH_SIZE: Final = "LAMBDA_SPAN_PROCESSOR_BATCH_SIZE"
COMPRESSION_LEVEL: Final = "OTLP_STDOUT_SPAN_EXPORTER_COMPRESSION_LEVEL"
RECORD_LOG_LEVEL: Final = "OTLP_STDOUT_SPAN_EXPORTER_LOG_LEVEL"
OUTPUT_TYPE: Final = "OTLP_STDOUT_SPAN_EXPORTER_OUTPUT_TYPE"
HANDLER: Final = "LAMBDA_OTEL_HANDLER"
EXPORTER: Final = "LAMBDA_OTEL_EXPORTER"
EXTRACTOR: Final = "LAMBDA_OTEL_EXTRACTOR"
INSTRUMENTATIONS: Final = "LAMBDA_OTEL_INSTRUMENTATIONS"
LINE_LIMIT: Final = "LAMBDA_OTEL_LINE_LIMIT"
TIMEOUT_MARGIN: Final = "LAMBDA_OTEL_TIMEOUT_MARGIN"

# What OpenTelemetry defines ("Environment Variable Specification").
SERVICE_NAME: Final = "OTEL_SERVICE_NAME"
RESOURCE_ATTRIBUTES: Final = "OTEL_RESOURCE_ATTRIBUTES"
PROPAGATORS: Final = "OTEL_PROPAGATORS"
SDK_DISABLED: Final = "OTEL_SDK_DISABLED"
SEMCONV_STABILITY_OPT_IN: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"

# Set by the user for the library's own log lines; the first wins.
AWS_LOG_LEVEL: Final = "AWS_LAMBDA_LOG_LEVEL"
LOG_LEVEL: Final = "LOG_LEVEL"

# What AWS Lambda sets (developer guide, "Defined runtime environment variables").
AWS_REGION: Final = "AWS_REGION"
FUNCTION_NAME: Final = "AWS_LAMBDA_FUNCTION_NAME"
FUNCTION_VERSION: Final = "AWS_LAMBDA_FUNCTION_VERSION"
LOG_STREAM_NAME: Final = "AWS_LAMBDA_LOG_STREAM_NAME"
MEMORY_SIZE: Final = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
LOG_FORMAT: Final = "AWS_LAMBDA_LOG_FORMAT"
RUNTIME_API: Final = "AWS_LAMBDA_RUNTIME_API"
INITIALIZATION_TYPE: Final = "AWS_LAMBDA_INITIALIZATION_TYPE"
MAX_CONCURRENCY: Final = "AWS_LAMBDA_MAX_CONCURRENCY"
XRAY_TRACE_HEADER: Final = "_X_AMZN_TRACE_ID"

#: Variables for users to set, with the default that holds where they are not set. None: the
#: variable has no default of its own. README's table is compared with this one by a test.
DEFAULTS: Final[dict[str, str | None]] = {
    PROCESSOR_MODE: "sync",
    QUEUE_SIZE: "2048",
    BATCH_SIZE: "512",
    COMPRESSION_LEVEL: "6",
    RECORD_LOG_LEVEL: None,
    OUTPUT_TYPE: "stdout",
    EXPORTER: "package",
    LINE_LIMIT: "61440",
    TIMEOUT_MARGIN: "200",
    HANDLER: None,
    EXTRACTOR: "auto",
    INSTRUMENTATIONS: None,
    SERVICE_NAME: None,
    RESOURCE_ATTRIBUTES: None,
    PROPAGATORS: "tracecontext,baggage,xray-lambda",
    SEMCONV_STABILITY_OPT_IN: None,
    SDK_DISABLED: "false",
    AWS_LOG_LEVEL: None,
    LOG_LEVEL: None,
}
