"""The function's log: the library's own log lines, and the stdout that log records go to.

Nothing in here raises into its caller, save `Stdout.write`, whose failure the exporter reports.
"""

import logging
import os
import sys
from _thread import get_ident
from functools import partial
from typing import Any

# The threads that are within a log call of the library.
_logging: set[int] = set()

# The caller of a Logger's method, seen from where the method calls the logger.
_CALLER = 3


class Logger:
    """Logs by the logger of a name, whatever the function has made of the logging module.

    A formatter, filter, handler, log record factory or logger class of the user's may raise, end
    the process, or trace what it does itself. A line that cannot be logged goes to stderr as it is.

    Args:
        name: The logger's name.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def debug(self, message: str, *arguments: object, exc_info: bool = False) -> None:
        """Log at level DEBUG."""
        self._log(logging.DEBUG, message, arguments, exc_info=exc_info)

    def info(self, message: str, *arguments: object, exc_info: bool = False) -> None:
        """Log at level INFO."""
        self._log(logging.INFO, message, arguments, exc_info=exc_info)

    def warning(self, message: str, *arguments: object, exc_info: bool = False) -> None:
        """Log at level WARNING."""
        self._log(logging.WARNING, message, arguments, exc_info=exc_info)

    def exception(self, message: str, *arguments: object) -> None:
        """Log at level ERROR, with the traceback of the exception that is being handled."""
        self._log(logging.ERROR, message, arguments, exc_info=True)

    def _log(
        self, level: int, message: str, arguments: tuple[object, ...], *, exc_info: bool
    ) -> None:
        thread = get_ident()
        if thread in _logging:
            # A handler of the user's that ends spans, or logs by way of the library.
            self._log_plainly(level, message, arguments, "the line is about a log handler's work")
            return
        _logging.add(thread)
        try:
            logging.getLogger(self._name).log(
                level, message, *arguments, exc_info=exc_info, stacklevel=_CALLER
            )
        except BaseException as error:  # noqa: BLE001 - a handler may even call sys.exit()
            why = f"the function's own logging failed with {type(error).__name__}"
            self._log_plainly(level, message, arguments, why)
        finally:
            _logging.discard(thread)

    def _log_plainly(
        self, level: int, message: str, arguments: tuple[object, ...], why: str
    ) -> None:
        if level < logging.WARNING:
            return
        try:
            line = f"[{logging.getLevelName(level)}] {self._name}: {message % arguments} ({why})\n"
            os.write(2, line.encode(errors="replace"))
        except BaseException:  # noqa: BLE001, S110 - no stderr, or an argument that has no text
            pass


def guard_opentelemetry() -> None:
    """Let no log line of the OpenTelemetry modules that are loaded raise into their callers.

    They log what they do not accept, such as an attribute that is None, within calls of the user's
    own. Without the SDK, which telemetry brings, these calls log nothing.
    """
    for name, one in list(logging.root.manager.loggerDict.items()):
        if name.startswith("opentelemetry.") and isinstance(one, logging.Logger):
            one.handle = partial(_handle, one)  # type: ignore[method-assign]


def _handle(logger: logging.Logger, record: logging.LogRecord) -> None:
    try:
        type(logger).handle(logger, record)
    except BaseException as error:  # noqa: BLE001 - as above
        why = f"the function's own logging failed with {type(error).__name__}"
        Logger(record.name)._log_plainly(record.levelno, "%s", (record.msg,), why)  # noqa: SLF001


def set_level(level: int | None) -> None:
    """Set the level of all of the library's loggers.

    Args:
        level: A level of the logging module; None leaves it as it is.
    """
    if level is None:
        return
    try:
        logging.getLogger("lambda_otel_lite").setLevel(level)
    except Exception:  # noqa: BLE001 - the user's own logger class
        Logger("lambda_otel_lite").warning("the level of the library's loggers cannot be set")


# Whether the last text that was written to the log ended within a line, as far as it is known.
_within_line = False


class Stdout:
    """The stdout that the process had when this was made.

    User code may close ``sys.stdout``, and the next file or socket that it opens then has file
    descriptor 1; or it replaces ``sys.stdout`` to keep what it prints. A log record is not what it
    prints, so a duplicate of the descriptor is kept.
    """

    def __init__(self) -> None:
        _follow_lines()
        try:
            # Not inherited by programs that the function starts: they could keep it open.
            self._descriptor: int | None = os.dup(1)
            self._identity = _identity(self._descriptor)
        except OSError:
            self._descriptor = None

    def __del__(self) -> None:
        if self._descriptor is not None and _identity(self._descriptor) == self._identity:
            os.close(self._descriptor)

    def write(self, line: str) -> None:
        """Write a line at once, and a newline first where somebody's text has left one open.

        In one piece: if payload and newline are written apart, another thread's text may come
        between them, and the line is no longer JSON.

        Args:
            line: ASCII characters, with the newline at its end.

        Raises:
            OSError: It cannot be written.
        """
        global _within_line  # noqa: PLW0603 - the process has one log
        if self._descriptor is None:
            raise OSError("stdout was closed when tracing was set up")
        if _identity(self._descriptor) != self._identity:
            # Closed with all others, as daemons do; it may be a socket of the function's by now.
            self._descriptor = None
            raise OSError("the duplicate of stdout was closed by the function")
        rest = line.encode("ascii")
        if _within_line:
            rest = b"\n" + rest
            _within_line = False
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                wait_until_writable(self._descriptor)


def _identity(descriptor: int) -> tuple[int, int] | None:
    """Tell which file a descriptor stands for; None for one that is closed."""
    try:
        status = os.fstat(descriptor)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def wait_until_writable(descriptor: int, seconds: float = 1.0) -> None:
    """Wait until a descriptor that does not block can take more.

    Args:
        descriptor: Of a pipe.
        seconds: The longest wait, in s. Default: 1.

    Raises:
        TimeoutError: It cannot.
    """
    from select import POLLOUT, poll  # noqa: PLC0415 - seldom needed

    waiting = poll()
    waiting.register(descriptor, POLLOUT)
    if not waiting.poll(seconds * 1000):
        raise TimeoutError(f"its reader has taken nothing for {seconds:g} s")


def _follow_lines() -> None:
    """Have the platform's runtime tell whether the last text ended a line.

    awslambdaric puts an ``Unbuffered`` around stdout and one around stderr, whose texts go to the
    same log (``bootstrap.run``). What goes past them, as a subprocess's output does, is not known.
    """
    stream = getattr(sys.modules.get("awslambdaric.bootstrap"), "Unbuffered", None)
    if stream is None or getattr(stream.write, "__module__", "") == __name__:
        return
    write, write_lines = stream.write, stream.writelines

    def follow(self: Any, text: str) -> Any:
        global _within_line  # noqa: PLW0603 - the process has one log
        written = write(self, text)
        if text:
            _within_line = not text.endswith("\n")
        return written

    def follow_lines(self: Any, texts: Any) -> Any:
        global _within_line  # noqa: PLW0603 - the process has one log
        texts = list(texts)
        written = write_lines(self, texts)
        for text in texts:
            if text:
                _within_line = not text.endswith("\n")
        return written

    stream.write, stream.writelines = follow, follow_lines
