"""Spans to log records, and log records to the function's log."""
