"""The telemetry layer: built without Docker, the same bytes wherever it is built."""
