"""What became of an event: metrics, queues, the answer to the platform."""
