"""Trace and span ids from the operating system's random source.

The SDK's generator uses the global ``random``, whose state a SnapStart snapshot copies into every
environment restored from it, and which user code may seed: either way trace ids repeat. The
kernel's source is seeded again at each restore:
https://docs.aws.amazon.com/lambda/latest/dg/snapstart-uniqueness.html
"""

from os import urandom

from opentelemetry.sdk.trace.id_generator import IdGenerator


class SystemIdGenerator(IdGenerator):
    """Generates ids that no copy of this process can repeat."""

    def generate_span_id(self) -> int:
        """Return 64 random bits, not all of them zero."""
        return int.from_bytes(urandom(8)) or self.generate_span_id()

    def generate_trace_id(self) -> int:
        """Return 128 random bits, not all of them zero."""
        return int.from_bytes(urandom(16)) or self.generate_trace_id()

    def is_trace_id_random(self) -> bool:
        """Say that all bits are random.

        Source: https://www.w3.org/TR/trace-context-2/#random-trace-id-flag
        """
        return True
