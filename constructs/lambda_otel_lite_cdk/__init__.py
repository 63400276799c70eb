"""CDK constructs that add OpenTelemetry tracing to Python Lambda functions."""
