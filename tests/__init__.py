"""Tests of lambda-otel-lite; a real package, so that `tests` never means somebody else's."""
