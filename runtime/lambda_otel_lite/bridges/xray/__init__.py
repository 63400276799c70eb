"""What code does through the X-Ray SDK, as spans of OpenTelemetry."""
