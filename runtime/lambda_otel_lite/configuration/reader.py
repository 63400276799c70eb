"""Turn the text of environment variables into values.

A text that cannot be used is reported once, with the variable, the value, what is accepted and what
is used in its place.
"""

import logging
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from lambda_otel_lite.configuration import variables as env
from lambda_otel_lite.log import Logger

if TYPE_CHECKING:
    from lambda_otel_lite.configuration.kinds import (
        Choice,
        Fraction,
        Level,
        Readable,
        Rules,
        Switch,
        WholeNumber,
    )

logger = Logger("lambda_otel_lite.settings")

_LOGGING_LEVELS = {
    "TRACE": logging.DEBUG,
    "DEBUG": logging.DEBUG,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
    "FATAL": logging.CRITICAL,
    "NONE": logging.CRITICAL + 1,
}

#: Python's names for two of the levels.
_OTHER_NAMES = {"WARNING": "WARN", "CRITICAL": "FATAL"}


@cache
def warn(name: str, value: str, accepted: str, used: object) -> None:
    """Report a value that cannot be used; once, however often the environment is read."""
    logger.warning("%s=%r is not accepted (%s); using %s", name, value, accepted, used)


class Reader:
    """Reads variables by name, and settings by their row in the table.

    Args:
        environ: The environment to read.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def setting(  # noqa: PLR0911 - one for each kind
        self, variable: "Readable", fallback: str | None = None
    ) -> object:
        """Return the value of a setting.

        Args:
            variable: The setting's row.
            fallback: What comes before the row's default where the variable is not set or cannot
                be used.
        """
        match variable["kind"]:
            case "choice":
                return self.choice(variable, fallback)
            case "whole number":
                return self.whole_number(variable)
            case "text" | "reference":
                return self.text(variable["name"]) or fallback or variable["default"]
            case "names":
                return self.names(variable["name"]) or variable["default"]
            case "opt-in":
                return self.names(variable["name"]) or (variable["default"],)
            case "pairs":
                return self.pairs(variable["name"])
            case "switch":
                return self.switch(variable)
            case "level":
                return self.level(variable, fallback)
            case "rules":
                return self.rules(variable)

    def text(self, name: str) -> str | None:
        """Return the text without surrounding space; an empty one counts as not set."""
        value = self._environ.get(name)
        return (value.strip() or None) if value else None

    def is_set(self, name: str) -> bool:
        """Tell whether a variable is set, be it to an empty text."""
        return name in self._environ

    def names(self, name: str) -> tuple[str, ...]:
        """Return the names of a comma-separated list, in lower case."""
        value = self.text(name)
        if value is None:
            return ()
        listed = (part.strip().lower() for part in value.split(","))
        return tuple(part for part in listed if part)

    def choice(self, variable: "Choice", fallback: str | None = None) -> str:
        """Return one of the accepted words, which may be written in any case."""
        used, value = fallback or variable["default"], self.text(variable["name"])
        if value is None:
            return used
        if value.lower() in variable["accepted"]:
            return value.lower()
        warn(variable["name"], value, "one of " + ", ".join(variable["accepted"]), used)
        return used

    def switch(self, variable: "Switch") -> bool:
        """Return whether the text is ``true``, which may be written in any case."""
        used, value = variable["default"], self.text(variable["name"])
        if value is None:
            return used
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        warn(variable["name"], value, "one of true, false", str(used).lower())
        return used

    def whole_number(self, variable: "WholeNumber") -> int:
        """Return a whole number within the range, the ends included."""
        used, value = variable["default"], self.text(variable["name"])
        if value is None:
            return used
        low, high = variable["accepted"]
        try:
            number = int(value)
        except ValueError:
            number = low - 1
        if low <= number <= high:
            return number
        accepted = f"a whole number from {low} to {high} {variable.get('unit', '')}".rstrip()
        warn(variable["name"], value, accepted, used)
        return used

    def fraction(self, variable: "Fraction") -> float:
        """Return a number within the range, the ends included."""
        used, value = float(variable["default"]), self.text(variable["name"])
        if value is None:
            return used
        low, high = variable["accepted"]
        try:
            number = float(value)
        except ValueError:
            number = low - 1.0
        if low <= number <= high:  # NaN is not
            return number
        warn(variable["name"], value, f"a number from {low} to {high}", f"{used:g}")
        return used

    def replaced_for_sdk(self) -> dict[str, str | None]:
        """Return what the SDK is to read in place of what it would not accept.

        It raises for some values, and reports others in words of its own.

        Returns:
            Texts by variable; None for one that the SDK is to find unset.
        """
        replaced: dict[str, str | None] = {}
        for name, used in env.SDK_LIMITS.items():
            value = self.text(name)
            if value is not None and not _is_limit(value):
                warn(name, value, "a whole number from 0", used)
                replaced[name] = None
        sampler = self.choice(env.SAMPLER)
        if env.TRACES_SAMPLER in self._environ:
            replaced[env.TRACES_SAMPLER] = sampler
        if sampler.endswith("traceidratio"):
            replaced[env.TRACES_SAMPLER_ARG] = str(self.fraction(env.SAMPLER_RATIO))
        return replaced

    def pairs(self, name: str) -> dict[str, str]:
        """Return the pairs of ``key=value,key2=value2``, whose values are percent-encoded.

        Source: https://opentelemetry.io/docs/specs/otel/resource/sdk/
        """
        pairs: dict[str, str] = {}
        for part in (self.text(name) or "").split(","):
            key, separator, value = part.partition("=")
            if separator and key.strip():
                pairs[key.strip()] = _unquoted(value.strip())
            elif part.strip():
                warn(name, part, "key=value,key2=value2", "the other pairs")
        return pairs

    def rules(self, variable: "Rules") -> dict[str, float]:
        """Return the numbers of the rules by name: 1 for one that takes none."""
        value = self.text(variable["name"])
        if value is None:
            return {}
        ranges = {rule["name"]: rule.get("accepted") for rule in variable["accepted"]}
        numbers: dict[str, float] = {}
        for part in filter(None, map(str.strip, value.split(","))):
            name, separator, written = map(str.strip, part.partition("="))
            low, high = ranges.get(name) or (1, 1)
            try:
                number = float(written) if separator else 1.0
            except ValueError:
                number = low - 1.0
            takes_number = bool(ranges.get(name))
            if name in ranges and takes_number is bool(separator) and low <= number <= high:
                numbers[name] = number
            else:
                accepted = ", ".join(
                    name + (f"={ends[0]} to {ends[1]}" if ends else "")
                    for name, ends in ranges.items()
                )
                warn(variable["name"], part, f"some of {accepted}", "the other rules")
        return numbers

    def level(self, variable: "Level", fallback: str | None) -> str | None:
        """Return a log level in capitals; Python's names for levels are accepted as well."""
        value = self.text(variable["name"])
        if value is None:
            return fallback
        level = _level(value)
        if level in variable["accepted"]:
            return level
        warn(
            variable["name"], value, "one of " + ", ".join(variable["accepted"]), fallback or "none"
        )
        return fallback

    def passing_level(self) -> str | None:
        """Return a level of log records that passes the function's application log level.

        With the JSON log format Lambda drops lines below that level, and what has no level counts
        as INFO. With the text format it drops none, and None is returned. Source:
        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
        """
        if not self.is_json_log_format():
            return None
        level = (self.text(env.AWS_LOG_LEVEL) or "").upper()
        return level if level in ("WARN", "ERROR", "FATAL") else "INFO"

    def is_json_log_format(self) -> bool:
        """Tell whether the function's log format is JSON."""
        return (self.text(env.LOG_FORMAT) or "").upper() == "JSON"

    def logging_level(self) -> int | None:
        """Return the level for the library's own loggers, or None where none is asked for.

        The function's own code may read the same variables. A value that it alone understands is
        no reason to warn.
        """
        for name in (env.AWS_LOG_LEVEL, env.LOG_LEVEL):
            level = _LOGGING_LEVELS.get(_level(self.text(name) or ""))
            if level is not None:
                return level
        return None


def _is_limit(value: str) -> bool:
    try:
        return int(value) >= 0
    except ValueError:
        return False


def _level(text: str) -> str:
    return _OTHER_NAMES.get(text.upper(), text.upper())


def _unquoted(value: str) -> str:
    if "%" not in value:
        return value
    from urllib.parse import unquote  # noqa: PLC0415 - seldom needed, and slow to import

    return unquote(value)
