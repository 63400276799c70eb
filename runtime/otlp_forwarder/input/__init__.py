"""Events to log records to OTLP."""
