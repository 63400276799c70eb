"""Turn the text of environment variables into values.

What cannot be turned is reported once, with the variable, the value, what is accepted and what is
used in its place.
"""

import logging
from collections.abc import Mapping
from functools import cache

from lambda_otel_lite.configuration import variables as env

logger = logging.getLogger("lambda_otel_lite.settings")

_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "critical": logging.CRITICAL,
    "none": logging.CRITICAL + 1,
}

# What the platform knows as the level of a JSON log line.
_RECORD_LEVELS = ("trace", "debug", "info", "warn", "warning", "error", "fatal")


@cache
def warn(name: str, value: str, accepted: str, used: object) -> None:
    """Report a value that cannot be used; once, however often the environment is read."""
    logger.warning("%s=%r is not accepted (%s); using %s", name, value, accepted, used)


class Reader:
    """Reads variables by name.

    Args:
        environ: The environment to read.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str) -> str | None:
        """Return the text without surrounding space; an empty one counts as not set."""
        value = self._environ.get(name)
        return (value.strip() or None) if value else None

    def names(self, name: str) -> tuple[str, ...]:
        """Return the names of a comma-separated list, in lower case."""
        listed = (part.strip().lower() for part in (self.text(name) or "").split(","))
        return tuple(part for part in listed if part)

    def choice(self, name: str, accepted: tuple[str, ...], *, fallback: str) -> str:
        """Return one of the accepted values, which may be written in any case."""
        value = self.text(name)
        if value is None or value.lower() in accepted:
            return value.lower() if value else fallback
        warn(name, value, "one of " + ", ".join(accepted), fallback)
        return fallback

    def integer(self, name: str, low: int, high: int) -> int:
        """Return a whole number within the range, the ends included."""
        default = int(env.DEFAULTS[name] or 0)
        value = self.text(name)
        if value is None:
            return default
        try:
            number = int(value)
        except ValueError:
            number = low - 1
        if low <= number <= high:
            return number
        warn(name, value, f"a whole number from {low} to {high}", default)
        return default

    def pairs(self, name: str) -> dict[str, str]:
        """Parse ``key=value,key2=value2``; values are percent-encoded (OTel resource SDK)."""
        pairs: dict[str, str] = {}
        for part in (self.text(name) or "").split(","):
            key, separator, value = part.partition("=")
            if separator and key.strip():
                pairs[key.strip()] = _unquoted(value.strip())
            elif part.strip():
                warn(name, part, "key=value,key2=value2", "the other pairs")
        return pairs

    def level(self) -> int | None:
        """Return the level for the library's own loggers, or None where none is asked for."""
        for name in (env.AWS_LOG_LEVEL, env.LOG_LEVEL):
            value = self.text(name)
            # Both belong to the function as well: a value that only its own code understands is no
            # reason to warn.
            if value is not None and value.lower() in _LEVELS:
                return _LEVELS[value.lower()]
        return None

    def record_level(self, *, json_log_format: bool) -> str | None:
        """Choose the level that lets log records pass the function's application log level.

        With the JSON format the platform drops lines below that level, and what has no level counts
        as INFO (developer guide, "Log-level filtering").
        """
        level = (self.text(env.AWS_LOG_LEVEL) or "").upper()
        fallback = level if level in ("WARN", "ERROR", "FATAL") else "INFO"
        # Any other text would count as INFO, and the line be lost.
        chosen = self.choice(
            env.RECORD_LOG_LEVEL,
            _RECORD_LEVELS,
            fallback=fallback.lower() if json_log_format else "none",
        )
        return {"none": None, "warning": "WARN"}.get(chosen, chosen.upper())


def _unquoted(value: str) -> str:
    if "%" not in value:
        return value
    from urllib.parse import unquote  # noqa: PLC0415 - seldom needed, and slow to import

    return unquote(value)
