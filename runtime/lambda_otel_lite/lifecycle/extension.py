"""The internal extension: a thread that the platform tells about every invocation.

Until the thread asks for the next event, the platform keeps the environment running: this is where
work after the response has its place
(https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html).
"""

from _queue import SimpleQueue  # not from queue, which gevent and eventlet patch
from collections.abc import Callable, Iterator, Sequence
from enum import Enum

from lambda_otel_lite.lifecycle.extensions_api import ExtensionsApi, ExtensionsApiError, Invoke
from lambda_otel_lite.log import Logger
from lambda_otel_lite.startup.threads import original, start_thread

logger = Logger("lambda_otel_lite.extension")

NAME = "lambda-otel-lite"

# Waits after a failed call, in s: doubled each time, up to once a second. The API must be asked
# again: until the extension asks for the next event, no invocation ends.
_FIRST_WAIT = 0.1
_LONGEST_WAIT = 1.0


sleep = original("time", "sleep")


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
            follow: Takes the events in a thread of its own. The platform waits while it works. If
                it raises, it is called again: without it no invocation would end.

        Returns:
            False if the platform refused, or if the process may start no thread; nothing is
            running then.
        """
        registered: SimpleQueue[bool] = SimpleQueue()
        try:
            # First: the platform waits for an extension that has registered, thread or not.
            start_thread(lambda: self._follow(follow) if registered.get() else None)
            self._api.register(NAME, kinds)
        except (OSError, ExtensionsApiError, ValueError, RuntimeError) as error:
            logger.warning("the internal extension cannot be registered: %s", error)
            registered.put(False)  # noqa: FBT003 - the answer to the question that is its name
            return False
        registered.put(True)  # noqa: FBT003
        return True

    def _follow(self, follow: Callable[[Iterator[Invoke | Signal]], None]) -> None:
        wait = _FIRST_WAIT
        while True:
            try:
                follow(self.events())
            except BaseException:
                logger.exception("the internal extension failed and goes on")
            else:
                return
            sleep(wait)
            wait = min(wait * 2, _LONGEST_WAIT)

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
            except Exception as error:  # noqa: BLE001 - the API must be asked again
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
