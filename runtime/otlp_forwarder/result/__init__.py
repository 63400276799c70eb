"""Who keeps what was not delivered: the platform or a queue; and the metrics."""
