"""An event of the platform to log records to parts of OTLP requests."""
