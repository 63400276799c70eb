"""What an extractor says of an execution that an invocation is only a part of."""


class Execution:
    """A durable execution, as its events tell of it.

    Args:
        arn: Its ARN.
        started_ms: When it was started, in ms since 1970; None where the event does not say so.
    """

    __slots__ = ("arn", "started_ms")

    def __init__(self, arn: str, started_ms: int | None) -> None:
        self.arn = arn
        self.started_ms = started_ms
