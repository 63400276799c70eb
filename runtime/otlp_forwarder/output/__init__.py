"""OTLP requests to the collector."""
