"""See what becomes of a response after the handler has returned it.

The platform's runtime encodes it, and an invocation whose response cannot be encoded has failed:
``Runtime.MarshalError``. To find out by encoding it here as well would take as long again. So the
handler's span ends when the runtime has encoded the response, where it is known to do so next.
Source: awslambdaric, ``bootstrap.handle_event_request`` and ``lambda_runtime_marshaller``
(https://github.com/aws/aws-lambda-python-runtime-interface-client).
"""

import sys
from _thread import get_ident
from collections.abc import Callable
from types import FrameType
from typing import Any

#: Ends an invocation, given what was wrong with its response; must not raise.
type Finish = Callable[[BaseException | None], None]


#: The largest response, in bytes, as the platform's message for a larger one says it
#: (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
LARGEST = 6_291_556

_LOWEST_STATUS, _HIGHEST_STATUS = 100, 599


class _TooLargeError(Exception):
    """The platform refuses a response of this size."""

    exception_type = "Function.ResponseSizeTooLarge"


class ResponseEncoding:
    """Calls back when the platform's runtime has encoded a response."""

    def __init__(self) -> None:
        # One for each thread in which the runtime is about to encode.
        self._pending: dict[int, Finish] = {}
        self._is_watched = False

    def defer(self, finish: Finish) -> bool:
        """Have an invocation ended when its response is encoded.

        Args:
            finish: Called in this thread.

        Returns:
            False if the runtime is not the one to which the handler's result goes next: with a
            decorator of the user's around the handler, anything may happen.
        """
        caller = _caller()
        if caller is None:
            return False
        if not self._is_watched:
            self._is_watched = self._watch(caller)
        if self._is_watched:
            self._pending[get_ident()] = finish
        return self._is_watched

    def finish_left_over(self) -> None:
        """End the invocation before, if its response was never encoded."""
        if self._pending and (finish := self._pending.pop(get_ident(), None)):
            finish(None)

    def _watch(self, caller: FrameType) -> bool:
        try:
            marshaller = caller.f_locals["lambda_runtime_client"].marshaller
            encode = marshaller.marshal_response
            marshaller.marshal_response = self._watched(encode)
        except Exception:  # noqa: BLE001 - another version of the runtime, or a marshaller of the user's
            return False
        return True

    def _watched(self, encode: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def marshal_response(response: Any) -> Any:
            finish = self._pending.pop(get_ident(), None)
            if finish is None:
                return encode(response)
            try:
                encoded = encode(response)
            except BaseException as error:
                finish(error)
                raise
            finish(_fault(encoded))
            return encoded

        return marshal_response


class ResponsePosting:
    """Calls back when the platform's runtime has posted a response, or an error.

    In mode async, an export that waits for anything else, such as the release of the invocation's
    context object, waits in vain where frameworks or a traceback keep it.
    """

    _METHODS = ("post_invocation_result", "post_invocation_error")

    def __init__(self) -> None:
        self._posted: Callable[[], None] | None = None
        self._is_watched = False

    def notify(self, posted: Callable[[], None]) -> bool:
        """Have something called when the response of this invocation has been posted.

        Args:
            posted: Called once, in the handler's thread; must not raise.

        Returns:
            False if the runtime is not the one that is known.
        """
        self._is_watched = self._is_watched or self._watch()
        if self._is_watched:
            self._posted = posted
        return self._is_watched

    def _watch(self) -> bool:
        frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the one way to the runtime's client
        while frame is not None and not _is_of_the_runtime(frame):
            frame = frame.f_back
        try:
            client = frame.f_locals["lambda_runtime_client"] if frame else None
            # All or none: a method that is watched once must not be watched again by the next call.
            watched = {name: self._watched(getattr(client, name)) for name in self._METHODS}
            vars(client).update(watched)
        except Exception:  # noqa: BLE001 - another version of the runtime
            return False
        return True

    def _watched(self, post: Callable[..., Any]) -> Callable[..., Any]:
        def post_and_tell(*arguments: Any, **named: Any) -> Any:
            try:
                return post(*arguments, **named)
            finally:
                posted, self._posted = self._posted, None
                if posted is not None:
                    posted()

        return post_and_tell


def status_code(response: Any) -> int | None:
    """Return the status code of an HTTP response; None if it is none.

    API Gateway and load balancers take a number or a text, so both are read.

    Args:
        response: Of a handler.
    """
    code = response.get("statusCode") if isinstance(response, dict) else None
    if isinstance(code, str) and code.isdecimal():
        code = int(code[:4])
    if isinstance(code, bool) or not isinstance(code, int):
        return None
    return code if _LOWEST_STATUS <= code <= _HIGHEST_STATUS else None


def qualified_name(error: type[BaseException]) -> str:
    """Return the name of a type of exceptions, with its module unless it is built in."""
    if error.__module__ == "builtins":
        return error.__qualname__
    return f"{error.__module__}.{error.__qualname__}"


def description(error: BaseException) -> str:
    """Return an exception's type and text."""
    name = type(error).__name__
    try:
        return f"{name}: {error}"
    except BaseException:  # noqa: BLE001 - the exception's own __str__
        return name


def error_type(error: BaseException) -> str:
    """Return the type of error that the platform reports.

    Args:
        error: What was wrong with a response.
    """
    return str(getattr(error, "exception_type", None) or type(error).__name__)


def _caller() -> FrameType | None:
    """Return the frame of the platform's runtime if it has called the traced handler itself."""
    # Of this function, of `defer` and of the traced handler; then comes who called that.
    frame: FrameType | None = sys._getframe(3)  # noqa: SLF001 - the one way to know the caller
    while frame is not None:
        if _is_of_the_runtime(frame):
            return frame
        if not str(frame.f_globals.get("__name__")).startswith("lambda_otel_lite."):
            return None
        frame = frame.f_back
    return None


def _is_of_the_runtime(frame: FrameType) -> bool:
    """Tell whether this is where the platform's runtime handles an invocation."""
    return (
        frame.f_globals.get("__name__") == "awslambdaric.bootstrap"
        and frame.f_code.co_name == "handle_event_request"
    )


def _fault(encoded: Any) -> BaseException | None:
    """Return why the response cannot be sent: its size, or a lone surrogate, which is no UTF-8."""
    payload = encoded[0] if isinstance(encoded, tuple) else None
    if isinstance(payload, str) and not payload.isascii():
        try:
            payload = payload.encode()
        except UnicodeEncodeError as error:
            return error
    if isinstance(payload, str | bytes) and len(payload) > LARGEST:
        return _TooLargeError(f"{len(payload)} bytes are more than {LARGEST}")
    return None
