"""A function with a SIGTERM handler of its own."""

import os
import signal
from types import FrameType

from .plain import handler

__all__ = ["handler"]


def _say_goodbye(number: int, frame: FrameType | None) -> None:
    print("goodbye", flush=True)  # noqa: T201 - what functions do
    os._exit(7)


signal.signal(signal.SIGTERM, _say_goodbye)
