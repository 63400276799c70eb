"""The logger of lambda-otel-lite 0.8 to 0.15, for applications that import it.

This project's own code does not use it.
"""

import logging

from lambda_otel_lite.configuration.settings import Settings


class PrefixLogger:
    """Logs by the standard logger of a name, from the level that ``LOG_LEVEL`` asks for.

    On Lambda the platform's handler writes the lines; elsewhere they go to stderr, after the name
    in brackets.

    Args:
        prefix: The logger's name.
    """

    def __init__(self, prefix: str = "lambda-otel-lite") -> None:
        settings = Settings.from_environ()
        level = settings.log_level
        self._logger = logging.getLogger(prefix)
        self._logger.setLevel(logging.INFO if level is None else level)
        if settings.function_name is None and not self._logger.handlers:
            handler = logging.StreamHandler()
            handler.setFormatter(logging.Formatter("[%(name)s] %(message)s"))
            self._logger.addHandler(handler)

    def debug(self, *args: object) -> None:
        """Log at level DEBUG: a format and what goes into it, or values to join by spaces."""
        self._log(logging.DEBUG, args)

    def info(self, *args: object) -> None:
        """Log at level INFO, as `debug` does."""
        self._log(logging.INFO, args)

    def warn(self, *args: object) -> None:
        """Log at level WARNING, as `debug` does."""
        self._log(logging.WARNING, args)

    def error(self, *args: object) -> None:
        """Log at level ERROR, as `debug` does."""
        self._log(logging.ERROR, args)

    def _log(self, level: int, args: tuple[object, ...]) -> None:
        if self._logger.isEnabledFor(level):
            # Of the line that calls debug() and so on.
            self._logger.log(level, "%s", _message(args), stacklevel=3)


Logger = PrefixLogger
logger = PrefixLogger()


def create_logger(prefix: str) -> PrefixLogger:
    """Make a logger.

    Args:
        prefix: Its name.
    """
    return PrefixLogger(prefix)


def _message(args: tuple[object, ...]) -> str:
    first, *values = args or ("",)
    if isinstance(first, str) and "%" in first and values:
        try:
            return first % tuple(values)
        except (TypeError, ValueError):
            pass  # a percent sign that is no format
    return " ".join(map(str, args))
