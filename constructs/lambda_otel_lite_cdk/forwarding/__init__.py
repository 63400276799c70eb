"""How log records get from log groups to a collector."""
