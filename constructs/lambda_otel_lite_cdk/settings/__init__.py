"""What a function's telemetry settings are, and what values they take."""
