"""Wait for what other threads do."""

import time
from collections.abc import Callable


def until(happened: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something is true; a test in which it never is fails."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.001)
