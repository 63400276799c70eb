"""OpenTelemetry tracing for Python functions on AWS Lambda."""

from lambda_otel_lite.version import __version__

__all__ = ["__version__"]
