"""Constants of lambda-otel-lite 0.8 to 0.15, for applications that import them.

This project's own code uses `lambda_otel_lite.configuration.variables`.
"""

from typing import Final

from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite.configuration.settings import ProcessorMode

#: The mode that the environment asks for; a bad value is a warning.
processor_mode: Final[ProcessorMode] = ProcessorMode.resolve()


class EnvVars:
    """Names of environment variables."""

    PROCESSOR_MODE: Final = env.PROCESSOR_MODE
    QUEUE_SIZE: Final = env.QUEUE_SIZE
    BATCH_SIZE: Final = env.BATCH_SIZE
    COMPRESSION_LEVEL: Final = env.COMPRESSION_LEVEL
    SERVICE_NAME: Final = env.SERVICE_NAME
    RESOURCE_ATTRIBUTES: Final = env.RESOURCE_ATTRIBUTES
    OTEL_PROPAGATORS: Final = env.PROPAGATORS


class Defaults:
    """Values of variables that are not set."""

    QUEUE_SIZE: Final = env.default_number("queue_size")
    BATCH_SIZE: Final = env.default_number("batch_size")
    COMPRESSION_LEVEL: Final = env.default_number("compression_level")
    SERVICE_NAME: Final = env.default_text("service_name")
    PROCESSOR_MODE: Final = env.default_text("mode")


class ResourceAttributes:
    """Resource attributes in which lambda-otel-lite 0.15 repeats variables that are set."""

    PROCESSOR_MODE: Final = "lambda_otel_lite.extension.span_processor_mode"
    QUEUE_SIZE: Final = "lambda_otel_lite.lambda_span_processor.queue_size"
    COMPRESSION_LEVEL: Final = "lambda_otel_lite.otlp_stdout_span_exporter.compression_level"
