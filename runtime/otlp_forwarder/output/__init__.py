"""Parts to OTLP requests to responses of the collector."""
