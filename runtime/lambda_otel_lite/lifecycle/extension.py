"""The internal extension: a thread that the platform tells about every invocation.

Until the thread asks for the next event, the platform keeps the environment running: this is where
work after the response has its place
(https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html).
"""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from time import sleep

from lambda_otel_lite.lifecycle.extensions_api import ExtensionsApi, ExtensionsApiError, Invoke

logger = logging.getLogger("lambda_otel_lite.extension")

NAME = "lambda-otel-lite"

# Waits after a failed call, in s: doubled each time, up to once a second. The API must be asked
# again: until the extension asks for the next event, no invocation ends.
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 1.0


class Signal(Enum):
    """What the extension learns beside invocations."""

    ARRIVED = "an event has arrived and is not read yet"
    DISCONNECTED = "the API does not answer"
    RECONNECTED = "the API answers again"


class InternalExtension:
    """Registers with the platform and reads its events.

    Args:
        address: ``host:port`` of the API, from ``AWS_LAMBDA_RUNTIME_API``.
    """

    def __init__(self, address: str) -> None:
        self._api = ExtensionsApi(address)

    def start(
        self, kinds: Sequence[str], follow: Callable[[Iterator[Invoke | Signal]], None]
    ) -> bool:
        """Register, and have the events followed in a daemon thread.

        Args:
            kinds: ``["INVOKE"]``, or nothing: an extension without events is still there for
                SIGTERM, which the platform sends to no function without an extension.
            follow: Takes the events in a thread of its own. The platform waits while it works.

        Returns:
            False if the platform refused; nothing is running then.
        """
        try:
            self._api.register(NAME, kinds)
        except (OSError, ExtensionsApiError, ValueError) as error:
            logger.warning("the internal extension cannot be registered: %s", error)
            return False
        # A daemon: no thread of telemetry keeps a process alive that wants to exit.
        threading.Thread(target=follow, args=(self.events(),), name=NAME, daemon=True).start()
        return True

    def events(self) -> Iterator[Invoke | Signal]:
        """Yield what happens, for ever; the next event is asked for when one has been taken."""
        wait = _FIRST_WAIT
        while True:
            try:
                with self._api.next_event() as read:
                    # The handler's thread has an event at this moment too, and only one of the two
                    # threads can run.
                    yield Signal.ARRIVED
                    event = read()
            except (OSError, ExtensionsApiError) as error:
                if wait == _FIRST_WAIT:
                    logger.warning("the Extensions API failed, trying again: %s", error)
                    yield Signal.DISCONNECTED
                sleep(wait)
                wait = min(wait * 2, _LONGEST_WAIT)
                continue
            if wait != _FIRST_WAIT:
                wait = _FIRST_WAIT
                yield Signal.RECONNECTED
            yield event
