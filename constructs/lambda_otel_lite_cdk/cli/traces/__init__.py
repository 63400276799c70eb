"""Log records read from any log, and shown as traces."""
