"""How the caller's trace context is found, and passed on."""
